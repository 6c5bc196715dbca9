"""What a visitor does, from opening the app to reading a product of one cell: real Chromium, the real app."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer.core.sampling import SamplingSettings
from explorer.inspection.attention import STAGES, head_stages, open_cell, trace_attention
from explorer.inspection.bigram import read_bigrams
from explorer.models.checkpoints import load_checkpoint
from explorer.models.generation import generate
from explorer.text.corpora import load_corpus

pytestmark = pytest.mark.browser
APP = Path(__file__).parents[2] / "app.py"
SLOW = 60_000  # milliseconds that anything may take on a busy machine
PROMPT = "To be, or not"
PAGES = ["", "bigram", "gpt_inside", "generate"]

# On every deep link Streamlit's front end first asks beside the page, then at the root.
KNOWN = re.compile(
    r"Failed to load resource: the server responded with a status of 404 \(Not Found\) "
    r"http://127\.0\.0\.1:\d+/[a-z_]+/_stcore/(health|host-config)"
)


@dataclass
class App:
    """The served app. first: what its very first request, a deep link, showed."""

    url: str
    first: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def app(browser: Browser, serve: Callable[..., str]) -> App:
    served = App(serve(APP))
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served.url}/gpt_inside?prompt=Hello")
    expect(canvas(page)).to_be_visible(timeout=SLOW)
    expect(page.get_by_test_id("stSidebarNavLink").filter(has_text="Overview")).to_be_visible()
    served.first = {
        "title": page.get_by_role("heading", level=1).inner_text(),
        "prompt": prompt_box(page).input_value(),
        "dialogs": page.get_by_role("dialog").count(),
        "links": page.get_by_test_id("stSidebarNavLink").all_inner_texts(),
    }
    context.close()
    return served


@pytest.fixture
def visit(app: App, open_page: Callable[..., Any]) -> Iterator[Callable[..., Page]]:
    """Opens a page of the app; afterwards holds that no page asked another host or reported an error."""
    visits = []

    def go(path: str, **options: Any) -> Page:
        visits.append(open_page(f"{app.url}/{path}", **options))
        page: Page = visits[-1].page
        page.set_default_timeout(SLOW)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW)
        return page

    expect.set_options(timeout=SLOW)
    yield go
    expect.set_options(timeout=5_000)
    for one in visits:
        assert one.foreign == []
        assert [error for error in one.errors if not KNOWN.fullmatch(error)] == []


def canvas(page: Page, key: str = "gpt_wall") -> Locator:
    return page.locator(f".st-key-{key} canvas.ink")


def prompt_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt: type anything")


def type_prompt(page: Page, text: str) -> None:
    prompt_box(page).fill(text)
    prompt_box(page).press("Control+Enter")


def picture(key: str) -> Callable[[Page], str]:
    """What is drawn on the canvas of a component or chart, as a string to compare."""

    def drawn(page: Page) -> str:
        return str(page.locator(f".st-key-{key} canvas").first.evaluate("canvas => canvas.toDataURL()"))

    return drawn


def until(page: Page, what: Callable[[], bool]) -> None:
    """Look again until it holds."""
    end = time.monotonic() + SLOW / 1000
    while not what():
        assert time.monotonic() < end, "It did not come about in time."
        page.wait_for_timeout(100)


def main_button(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)


def click_cell(page: Page, key: str, matrix: int, row: int, column: int, shape: tuple[int, int]) -> None:
    """Click the middle of a cell of a matrix of R × C."""
    ink = canvas(page, key)
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[matrix]
    ink.click(position={"x": x + (column + 0.5) * width / shape[1], "y": y + (row + 0.5) * height / shape[0]})


def readout(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} p.readout")


def test_a_deep_link_as_the_very_first_request_opens_its_page_within_the_whole_app(app: App) -> None:
    assert app.first["title"] == "GPT inside"
    assert app.first["prompt"] == "Hello"
    assert app.first["dialogs"] == 0
    assert {"Overview", "Bigram", "GPT inside", "Generate"} <= {link.split("\n")[-1] for link in app.first["links"]}


def test_a_typed_prompt_changes_maps_and_bars_a_map_opens_and_a_cell_shows_its_arithmetic(
    visit: Callable[..., Page],
) -> None:
    page = visit("")
    page.get_by_test_id("stMain").get_by_role("link", name="GPT inside").click()
    expect(readout(page, "gpt_wall")).to_contain_text("layer 0 · head 0")
    wall, bars = picture("gpt_wall"), picture("gpt_next")
    before = wall(page), bars(page)
    type_prompt(page, PROMPT)
    expect(page.get_by_text(f"on {len(PROMPT)} tokens")).to_be_visible()
    until(page, lambda: wall(page) != before[0] and bars(page) != before[1])

    n = len(PROMPT)
    click_cell(page, "gpt_wall", 13, 5, 2, (n, n))
    expect(page.get_by_role("heading", name="Layer 2, head 1 opened")).to_be_visible()
    expect(page).to_have_url(re.compile("head=13-"))
    page.locator(".st-key-gpt_take_apart button").click()

    shipped = load_checkpoint("shakespeare-gpt")
    labels = tuple(c.replace(" ", "␣") for c in PROMPT)
    stages = head_stages(trace_attention(shipped.model, shipped.tokenizer.encode(PROMPT)), 2, 1)
    for matrix, row, column in ((0, 6, 3), (3, 9, 4), (2, 8, 8)):
        click_cell(page, "gpt_stages", matrix, row, column, (n, n))
        opened = open_cell(stages, STAGES[matrix], row, column, labels)
        cell = page.locator(".st-key-gpt_cell")
        expect(cell).to_contain_text(f"query {row} “{labels[row]}”, key {column} “{labels[column]}”")
        expect(cell.locator("annotation")).to_have_text(opened.formula)
        expect(cell).to_contain_text("equal to rounding")


def test_what_is_typed_is_never_run_and_unknown_characters_can_be_dropped(visit: Callable[..., Page]) -> None:
    page = visit("gpt_inside")
    page.evaluate("() => { window.alert = () => { window.wasRun = true; }; }")
    type_prompt(page, "<script>alert(1)</script><img src=x onerror=alert(1)> **no** bold")
    main_button(page, "Drop them").click()
    expect(prompt_box(page)).to_have_value("scriptalert/script".replace("/", "") + "img srcx onerroralert no bold")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Generate").click()
    type_prompt(page, "A<b>B</b>&lt;i")
    expect(page.get_by_text("This model has never seen")).to_contain_text("“<”, “>”, “/”")
    assert page.evaluate("window.wasRun") is None


def test_any_cell_can_be_reached_and_chosen_with_the_keyboard_alone(visit: Callable[..., Page]) -> None:
    page = visit(f"gpt_inside?prompt={PROMPT.replace(' ', '%20')}")
    expect(readout(page, "gpt_wall")).to_contain_text("layer 0 · head 0")
    prompt_box(page).focus()
    inside = "document.activeElement?.shadowRoot?.activeElement ?? document.activeElement"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate(f"({inside}).classList.contains('ink')"):
            break
    for key in ("PageDown", "PageDown", "ArrowDown", "End", "ArrowLeft"):
        page.keyboard.press(key)
    expect(readout(page, "gpt_wall")).to_contain_text("layer 0 · head 2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Layer 0, head 2 opened")).to_be_visible()


def text_region(page: Page) -> Locator:
    return page.get_by_role("region", name="Prompt and generated text")


def test_the_temperature_slider_changes_the_text_and_a_reload_brings_the_same_text(visit: Callable[..., Page]) -> None:
    shipped, prompt = load_checkpoint("shakespeare-gpt"), "ROMEO:\nWhat light is this?"

    def expect_text(temperature: float) -> str:
        settings = SamplingSettings(temperature)
        made = list(generate(shipped.model, shipped.tokenizer.encode(prompt), 30, settings, seed=1))
        text = shipped.tokenizer.decode([token.token for token in made])
        expect(text_region(page)).to_have_text(prompt + text)
        return text

    page = visit("generate?length=30")
    first = expect_text(0.8)
    page.get_by_role("slider", name="Temperature").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"temperature=1\.1"))
    assert expect_text(1.1) != first
    page.reload()
    expect(page.get_by_role("slider", name="Temperature")).to_have_value("1.1")
    expect_text(1.1)


def test_a_long_text_is_stopped_at_once_and_what_was_written_stays(visit: Callable[..., Page]) -> None:
    page = visit("generate?length=2000")
    expect(page.get_by_text(re.compile(r"\d+ of 2,000 tokens"))).to_be_visible()
    main_button(page, "Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped: [\d,]+ tokens\."))).to_be_visible()
    kept = text_region(page).inner_text()
    assert kept.startswith("ROMEO:")
    expect(main_button(page, "Stop")).to_have_count(0)
    # The controls answer while a text is being written, too: the next one begins before this one has ended.
    page.get_by_role("slider", name="Temperature").press("Home")
    expect(page.get_by_text("Temperature 0 is greedy")).to_be_visible()
    page.get_by_role("slider", name="Temperature").press("End")
    expect(page.get_by_text("Temperature 0 is greedy")).to_have_count(0)
    main_button(page, "Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped: [\d,]+ tokens\."))).to_be_visible()


def test_a_bigram_cell_shows_its_division_and_its_download_the_same_number(visit: Callable[..., Page]) -> None:
    page = visit("bigram?corpus=A%20tale&smoothing=2")
    expect(readout(page, "bigram_counts")).to_contain_text("Chosen")
    reading = read_bigrams(load_corpus("tale"), 2.0)
    V, row, column = len(reading.labels), reading.labels.index("t"), reading.labels.index("h")
    click_cell(page, "bigram_counts", 0, row, column, (V, V))
    cell = page.locator(".st-key-bigram_cell")
    top, bottom = reading.counts[row, column] + 2, reading.counts[row].sum() + 2 * V
    expect(cell.locator("annotation")).to_contain_text(rf"\frac{{{top}}}{{{bottom}}}")
    expect(cell).to_contain_text(f"In the figure: {top / bottom:.6g}")
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    rows = csv.reader(Path(download.value.path()).read_text(encoding="utf-8").splitlines())
    (probability,) = [float(p) for this, after, _, p in rows if (this, after) == ("t", "h")]
    assert probability == pytest.approx(top / bottom)


def test_the_bigram_is_trained_live_its_loss_falls_and_it_pauses_and_stops(visit: Callable[..., Page]) -> None:
    page = visit("bigram?corpus=A%20tale&steps=5000&pace=100&rate=50")
    main_button(page, "Train").click()
    status = page.locator("p[role=status]")
    expect(status).to_contain_text("Training, with seed 1")
    learned = page.get_by_text(re.compile(r"Loss of the learned table [\d.]+"))
    expect(learned).to_be_visible()

    def loss() -> float:
        return float(re.findall(r"learned table ([\d.]+)", learned.inner_text())[0])

    first = loss()
    until(page, lambda: loss() < first - 0.05)
    main_button(page, "Pause").click()
    expect(status).to_contain_text("Paused, with seed 1")
    main_button(page, "Stop").click()
    expect(status).to_contain_text("Stopped at step")
    assert loss() < first - 0.05
    assert loss() > read_bigrams(load_corpus("tale")).loss


def test_the_way_leads_from_the_overview_to_a_page_and_back(visit: Callable[..., Page]) -> None:
    page = visit("")
    expect(page.get_by_role("heading", name="What each idea buys")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name="Bigram", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Bigram")).to_be_visible()
    expect(page).to_have_url(re.compile("/bigram"))
    page.get_by_test_id("stSidebar").get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("See what a language model does")


@pytest.mark.parametrize("path", PAGES)
def test_a_dark_phone_shows_each_page_without_sideways_scrolling(path: str, visit: Callable[..., Page]) -> None:
    page = visit(f"{path}?length=20" if path == "generate" else path, dark=True, width=390, height=844)
    expect(page.get_by_role("heading", name=re.compile("Try this|How to read a page"))).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    wide, room = page.get_by_test_id("stMain").evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert wide <= room <= 390
    background = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", background)[:3])) < 150
