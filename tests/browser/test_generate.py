"""Generate in a browser: a bar is clicked and its token written, a token is clicked and the text goes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser

PROMPT = "JULIET:"
PATIENCE = 20_000  # milliseconds: other tests run beside this one


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page step by step; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_generate(**options: Any) -> Page:
        query = f"checkpoint=drama-gpt&prompt={PROMPT}&length=12&pace=Step+by+step"
        watched = open_page(f"{address}/generate?{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=90_000)
        return page

    yield open_generate
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/generate/_stcore/" not in error] == []
        assert watched.foreign == []


def test_a_click_on_a_bar_writes_its_token_and_one_on_a_token_goes_back_to_before_it(
    visit: Callable[..., Page],
) -> None:
    page = visit()
    text = page.get_by_role("region", name="Prompt and generated text").get_by_role("option")
    columns = page.locator(".st-key-generate_stages").get_by_role("option")
    expect(text).to_have_count(len(PROMPT), timeout=PATIENCE)
    written = []
    for place in (2, 0):
        label = columns.nth(place).locator(".label").inner_text()
        columns.nth(place).click()
        written.append(label.replace("↵", "\n").replace("␣", " "))
        expect(text).to_have_count(len(PROMPT) + len(written), timeout=PATIENCE)
    assert [text.nth(len(PROMPT) + i).text_content() for i in range(2)] == written
    page.get_by_role("button", name="To the end").click()
    expect(text).to_have_count(len(PROMPT) + 12, timeout=PATIENCE)
    text.nth(len(PROMPT) + 1).click()
    expect(text).to_have_count(len(PROMPT) + 1, timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Branch A")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Return to A").click()
    expect(text).to_have_count(len(PROMPT) + 12, timeout=PATIENCE)


def test_on_a_dark_phone_the_keyboard_reads_a_token_and_writes_another(visit: Callable[..., Page]) -> None:
    page = visit(dark=True, width=390, height=844)
    stages = page.locator(".st-key-generate_stages")
    stages.get_by_role("option").first.focus()
    page.keyboard.press("ArrowRight")
    expect(stages.locator(".readout")).to_contain_text("→ probability")
    label = stages.get_by_role("option").nth(1).locator(".label").inner_text()
    page.keyboard.press("Enter")
    text = page.get_by_role("region", name="Prompt and generated text").get_by_role("option")
    expect(text).to_have_count(len(PROMPT) + 1, timeout=PATIENCE)
    assert text.last.text_content() == label.replace("↵", "\n").replace("␣", " ")
    wide, room = page.get_by_test_id("stMain").evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert wide <= room <= 390
