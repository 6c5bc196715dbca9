"""The two components as a visitor meets them, in real Chromium: mouse, keyboard, touch, both themes, a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
SCRIPT = Path(__file__).parent / "scripts" / "components_page.py"


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(SCRIPT)


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the test page; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_components(**options: Any) -> Page:
        watched = open_page(address, **options)
        expect(component(watched.page, "long").locator(".token").first).to_be_visible(timeout=20_000)
        expect(ink(watched.page, "wall")).to_have_attribute("data-tiles", re.compile("."))
        opened.append(watched)
        return watched.page

    yield open_components
    for watched in opened:
        assert watched.errors == []
        assert watched.foreign == []


def component(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}")


def ink(page: Page, key: str) -> Locator:
    return component(page, key).locator("canvas.ink")


def point(
    page: Page, key: str, matrix: int, row: int, column: int, rows: int = 4, columns: int = 4
) -> tuple[float, float]:
    """The middle of a cell, in pixels of the window."""
    canvas = ink(page, key)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y, width, height = json.loads(canvas.get_attribute("data-tiles") or "")[matrix]
    return box["x"] + x + (column + 0.5) * width / columns, box["y"] + y + (row + 0.5) * height / rows


def tip(page: Page, key: str) -> Locator:
    return component(page, key).locator(".tip")


def marks(page: Page, key: str, part: tuple[float, float] = (0, 1)) -> int:
    """How many pixels of the outline layer are painted, between two shares of its width."""
    script = """(canvas, [from, to]) => {
      const a = Math.floor(canvas.width * from), w = Math.floor(canvas.width * to) - a;
      const {data} = canvas.getContext('2d').getImageData(a, 0, w, canvas.height);
      return data.filter((v, i) => i % 4 === 3 && v > 0).length; }"""
    return int(component(page, key).locator("canvas.marks").evaluate(script, list(part)))


def colour(page: Page, key: str, matrix: int, row: int, column: int) -> list[int]:
    script = """(canvas, [x, y]) => { const dpr = canvas.width / canvas.getBoundingClientRect().width;
      return [...canvas.getContext('2d').getImageData(x * dpr, y * dpr, 1, 1).data].slice(0, 3); }"""
    x, y, width, height = json.loads(ink(page, key).get_attribute("data-tiles") or "")[matrix]
    place = [x + (column + 0.5) * width / 4, y + (row + 0.5) * height / 4]
    return [int(v) for v in ink(page, key).evaluate(script, place)]


def runs(page: Page) -> int:
    return int(page.get_by_text("run ", exact=False).first.inner_text().split()[1])


def arcs(page: Page, key: str = "arcs") -> Locator:
    return component(page, key)


def test_hover_shows_labels_and_value_and_markup_as_typed(visit: Callable[..., Page]) -> None:
    page = visit()
    page.mouse.move(*point(page, "pair", 0, 1, 3))
    expect(tip(page, "pair")).to_be_visible()
    expect(tip(page, "pair")).to_contain_text("query “<script>alert(1)</script>” → key “*d*”")
    expect(tip(page, "pair").locator(".value")).to_have_text("1.750")
    page.mouse.move(*point(page, "pair", 1, 0, 2))
    expect(tip(page, "pair")).to_contain_text("second")
    expect(tip(page, "pair")).to_contain_text("key “↵”")
    expect(tip(page, "pair").locator(".value")).to_have_text("masked")


def test_hover_outlines_the_cell_in_the_other_tile_and_in_the_linked_component(visit: Callable[..., Page]) -> None:
    page = visit()
    assert marks(page, "pair") == marks(page, "other") == 0
    page.mouse.move(*point(page, "pair", 0, 2, 1))
    expect(tip(page, "pair")).to_be_visible()
    assert marks(page, "pair", (0, 0.45)) > 50
    assert marks(page, "pair", (0.55, 1)) > 50
    assert marks(page, "other") > 50
    assert marks(page, "wall") == 0
    page.mouse.move(5, 5)
    expect(tip(page, "pair")).to_be_hidden()
    assert marks(page, "pair") == marks(page, "other") == 0


def test_a_click_on_a_cell_returns_its_matrix_row_and_column_in_one_run(visit: Callable[..., Page]) -> None:
    page = visit()
    before = runs(page)
    page.mouse.click(*point(page, "pair", 1, 3, 2))
    expect(page.get_by_text("pair Cell(matrix=1, row=3, column=2)")).to_be_visible()
    expect(component(page, "pair").locator(".readout")).to_contain_text("query “*d*”, key “↵”: 3.500")
    page.wait_for_timeout(400)
    assert runs(page) == before + 1
    page.mouse.click(*point(page, "other", 0, 0, 1))
    expect(page.get_by_text("other Cell(matrix=0, row=0, column=1)")).to_be_visible()
    expect(page.get_by_text("pair Cell(matrix=1, row=3, column=2)")).to_be_visible()


def test_the_choice_and_the_picture_outlive_new_data_while_the_cell_exists(visit: Callable[..., Page]) -> None:
    page = visit()
    page.mouse.click(*point(page, "pair", 0, 3, 3))
    expect(page.get_by_text("pair Cell(matrix=0, row=3, column=3)")).to_be_visible()
    ink(page, "pair").evaluate("canvas => { canvas.kept = true; }")
    page.get_by_role("slider").press("ArrowRight")
    expect(component(page, "pair").locator(".readout")).to_contain_text("4.500")  # 5 columns now: cell 18 / 4
    expect(page.get_by_text("pair Cell(matrix=0, row=3, column=3)")).to_be_visible()
    assert ink(page, "pair").evaluate("canvas => canvas.kept") is True
    for _ in range(2):
        page.get_by_role("slider").press("ArrowLeft")
    expect(page.get_by_text("pair None")).to_be_visible()


def test_the_keyboard_reaches_every_cell_and_chooses(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("slider").focus()
    page.keyboard.press("Tab")
    said = component(page, "pair").locator(".readout")
    expect(said).to_have_text("first, query “a”, key “a”: 0.000")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "PageDown"):
        page.keyboard.press(key)
    expect(said).to_have_text("second, query “<script>alert(1)</script>”, key “↵”: masked")
    page.keyboard.press("Control+End")
    expect(said).to_have_text("second, query “*d*”, key “*d*”: 3.750")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("pair Cell(matrix=1, row=3, column=0)")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(said).to_contain_text("query “↵”, key “a”")
    page.keyboard.press("Escape")
    expect(tip(page, "pair")).to_be_hidden()


def test_a_theme_flip_redraws_in_the_new_colours_without_a_run(visit: Callable[..., Page]) -> None:
    page = visit()
    light, before = colour(page, "pair", 0, 0, 0), runs(page)
    assert min(light) > 230
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(600)
    dark = colour(page, "pair", 0, 0, 0)
    assert max(dark) < 60
    assert max(colour(page, "pair", 0, 3, 3)) > max(dark)
    assert runs(page) == before


def test_a_page_opened_in_the_dark_is_drawn_dark_and_sharp(visit: Callable[..., Page]) -> None:
    page = visit(dark=True, device_scale_factor=2)
    assert max(colour(page, "pair", 0, 0, 0)) < 60
    ratio = ink(page, "pair").evaluate("c => c.width / c.getBoundingClientRect().width")
    assert ratio == pytest.approx(2, rel=0.01)


def test_on_a_phone_a_tap_shows_and_chooses_and_wide_walls_scroll_inside(visit: Callable[..., Page]) -> None:
    page = visit(width=390, height=844, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for part in (component(page, "wall").locator(".scroll"), arcs(page, "long").locator(".scroll")):
        wide, seen = part.evaluate("s => [s.scrollWidth, s.clientWidth]")
        assert wide > seen > 250
    page.touchscreen.tap(*point(page, "pair", 0, 1, 0))
    expect(tip(page, "pair").locator(".value")).to_have_text("1.000")
    expect(page.get_by_text("pair Cell(matrix=0, row=1, column=0)")).to_be_visible()
    expect(tip(page, "pair").locator(".value")).to_have_text("1.000")


def test_a_narrower_window_redraws_to_fit(visit: Callable[..., Page]) -> None:
    page = visit(width=1280)
    wide = json.loads(ink(page, "wall").get_attribute("data-tiles") or "")[0][2]
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(500)
    assert json.loads(ink(page, "wall").get_attribute("data-tiles") or "")[0][2] < wide


def test_hover_and_focus_on_a_token_draw_its_arcs_and_say_them(visit: Callable[..., Page]) -> None:
    page = visit()
    expect(arcs(page).locator(".token")).to_have_text(["a", "␣", "↵", "<b>"])
    arcs(page).locator(".token").nth(2).hover()
    expect(arcs(page).locator("path")).to_have_count(3)
    expect(arcs(page).locator(".readout")).to_have_text(
        "Layer 0, head 0: “↵” (2) looks at “a” (0) 60 %, “␣” (1) 30 %, itself 10 %."
    )
    arcs(page).locator(".token").nth(2).focus()
    page.keyboard.press("ArrowRight")
    expect(arcs(page).locator(".readout")).to_contain_text("“<b>” (3) looks at itself 40 %")
    expect(arcs(page).locator("path")).to_have_count(4)


def test_a_pinned_token_stays_and_reaches_python(visit: Callable[..., Page]) -> None:
    page = visit()
    arcs(page).locator(".token").nth(1).click()
    expect(page.get_by_text("arcs 0 0 1 []")).to_be_visible()
    page.mouse.move(5, 5)
    page.keyboard.press("Escape")
    expect(arcs(page).locator("path")).to_have_count(2)
    expect(arcs(page).locator(".token").nth(1)).to_have_attribute("aria-selected", "true")
    arcs(page).locator(".token").nth(1).click()
    expect(page.get_by_text("arcs 0 0 None []")).to_be_visible()


def test_layers_and_heads_are_chosen_by_arrow_keys(visit: Callable[..., Page]) -> None:
    page = visit()
    layers = arcs(page).get_by_role("radiogroup", name="Layer")
    layers.get_by_role("radio", name="layer 0").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("arcs 1 0 None []")).to_be_visible()
    expect(layers.get_by_role("radio", name="layer 1")).to_be_focused()
    expect(layers.locator("[tabindex='0']")).to_have_count(1)
    arcs(page).get_by_role("radio", name="head 2").click()
    arcs(page).locator(".token").nth(3).hover()
    expect(arcs(page).locator(".readout")).to_contain_text("Layer 1, head 2: “<b>” (3) looks at itself 100 %")


def test_a_head_is_switched_off_shown_struck_through_and_all_are_switched_on_again(visit: Callable[..., Page]) -> None:
    page = visit()
    everything = arcs(page).locator(".all")
    expect(everything).to_be_hidden()
    arcs(page).get_by_role("switch", name="layer 0, head 1").click()
    expect(page.get_by_text("arcs 0 0 None [(0, 1)]")).to_be_visible()
    struck = arcs(page).get_by_role("radio", name="head 1, switched off")
    expect(struck).to_have_css("text-decoration-line", "line-through")
    everything.click()
    expect(page.get_by_text("arcs 0 0 None []")).to_be_visible()
    expect(everything).to_be_hidden()


def test_the_arcs_follow_the_head_that_the_page_passes_anew(visit: Callable[..., Page]) -> None:
    page = visit()
    arcs(page).get_by_role("radio", name="head 1").click()
    expect(page.get_by_text("arcs 0 1 None []")).to_be_visible()
    page.get_by_role("combobox", name="shown head").click()
    page.get_by_role("option", name="2", exact=True).click()
    expect(page.get_by_text("arcs 0 2 None []")).to_be_visible()
    expect(arcs(page).get_by_role("radio", name="head 2")).to_have_attribute("aria-checked", "true")


def test_save_png_downloads_the_picture_as_it_is_drawn(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit()
    with page.expect_download() as download:
        component(page, "pair").get_by_role("button", name="Save PNG").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name == "pair.png"
    header = saved.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    size = [int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")]
    assert size == ink(page, "pair").evaluate("(canvas) => [canvas.width, canvas.height]")
