"""The Transformer block page as a visitor meets it: a switch, a cell, a run beside another, a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with some settings in its address; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_block(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/transformer_block{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
        return page

    yield open_block
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/transformer_block/_stcore/" not in error] == []
        assert watched.foreign == []


def test_a_switch_changes_the_stream_and_is_in_the_address(visit: Callable[..., Page]) -> None:
    page = visit("?block_depth=2")
    expect(page.get_by_text("nothing is erased")).to_be_visible(timeout=30_000)
    page.get_by_text("Residual paths", exact=True).click()
    expect(page.get_by_text("of the parts before nothing is left")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile("block_residual=false", re.IGNORECASE))


def test_a_clicked_cell_of_the_norms_shows_what_each_averages(visit: Callable[..., Page]) -> None:
    page = visit("?block_part=3+Norms&block_prompt=to+be+or+not")
    ink = page.locator(".st-key-block_norms canvas.ink")
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[2]
    ink.click(position={"x": x + width * 9.5 / 32, "y": y + height * 5.5 / 12})
    expect(page.get_by_text("channel 9 of all 12 tokens, its column")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("the 32 channels of token 5")).to_be_visible()


def test_a_run_is_trained_beside_the_whole_blocks_on_a_phone(visit: Callable[..., Page]) -> None:
    page = visit("?block_part=5+Ladder&block_residual=false&block_depth=2&block_width=16&block_steps=30", width=390)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("What the switches cost")).to_be_visible(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
