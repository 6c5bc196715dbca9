"""GPT inside as a visitor meets it: a head switched off by a click, a number opened in a step, a phone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser
SLOW = 60_000


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with some settings in its address; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_gpt(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/gpt_inside{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        page.set_default_timeout(SLOW)
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=SLOW)
        return page

    yield open_gpt
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/gpt_inside/_stcore/" not in error] == []
        assert watched.foreign == []


def click_tile(page: Page, key: str, tile: int) -> None:
    """Click the middle of one matrix of a component."""
    ink = page.locator(f".st-key-{key} canvas.ink")
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[tile]
    ink.click(position={"x": x + width / 2, "y": y + height / 2})


def test_a_head_switched_off_by_a_click_changes_the_bars_and_is_still_off_after_another_part(
    visit: Callable[..., Page],
) -> None:
    page = visit("?prompt=To+be&gpt_part=1+Heads")
    expect(page.get_by_text("Switch a head off above")).to_be_visible(timeout=SLOW)
    page.get_by_role("switch", name="layer 0, head 1").click()
    told = page.get_by_text("Without 1 of the heads (layer.head 0.1)")
    expect(told).to_be_visible(timeout=SLOW)
    for part, there in (("3 Values", page.locator(".st-key-gpt_steps canvas.ink")), ("1 Heads", told)):
        page.get_by_test_id("stMain").get_by_text(part, exact=True).click()
        expect(there).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("switch", name="layer 0, head 1")).to_have_attribute("aria-checked", "false")


def test_a_picture_of_a_step_opens_it_and_a_cell_shows_its_arithmetic_on_a_phone(visit: Callable[..., Page]) -> None:
    page = visit("?prompt=To+be&gpt_part=3+Values", width=390)
    expect(page.locator(".st-key-gpt_steps canvas.ink")).to_be_visible(timeout=SLOW)
    click_tile(page, "gpt_steps", 1)
    expect(page.get_by_role("heading", name="Block 0, attention: 5 × ")).to_be_visible(timeout=SLOW)
    click_tile(page, "gpt_values", 2)
    expect(page.locator(".st-key-gpt_value")).to_contain_text("attention wrote", timeout=SLOW)
    expect(page.locator(".st-key-gpt_value")).to_contain_text("equal to rounding")
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= seen
