"""The attention page as a visitor meets it: parts, cells, a head trained live, a phone."""

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

    def open_attention(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/attention{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
        return page

    yield open_attention
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/attention/_stcore/" not in error] == []
        assert watched.foreign == []


def tile_point(page: Page, key: str, tile: int, row: int, column: int, rows: int, columns: int) -> dict[str, float]:
    """Where a cell of one matrix lies on its component's canvas."""
    ink = page.locator(f".st-key-{key} canvas.ink")
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[tile]
    return {"x": x + width * (column + 0.5) / columns, "y": y + height * (row + 0.5) / rows}


def test_a_clicked_cell_of_either_row_of_panels_opens_and_is_in_the_address(visit: Callable[..., Page]) -> None:
    page = visit("?attention_part=3+Q%2C+K%2C+V&attention_prompt=to+be+or+not&attention_source=fresh+weights")
    box = page.locator(".st-key-attention_opened")
    expect(box).to_contain_text("softmax: query 11")
    ink = page.locator(".st-key-attention_vectors canvas.ink")
    ink.click(position=tile_point(page, "attention_vectors", 1, 3, 2, 12, 16))  # type: ignore[arg-type]
    expect(box).to_contain_text("Key of token 3 “b”, channel 2")
    ink = page.locator(".st-key-attention_steps canvas.ink")
    ink.click(position=tile_point(page, "attention_steps", 0, 5, 1, 12, 12))  # type: ignore[arg-type]
    expect(box).to_contain_text("Q Kᵀ: query 5")
    expect(box).to_contain_text("equal to rounding")
    expect(page).to_have_url(re.compile("attention_vectors_cell=1-3-2.*attention_steps_cell=0-5-1"))


def test_without_the_scale_the_same_head_is_sharper_and_the_switch_is_in_the_address(
    visit: Callable[..., Page],
) -> None:
    page = visit("?attention_part=3+Q%2C+K%2C+V&attention_head_size=64", dark=True)
    box = page.locator(".st-key-attention_opened")
    expect(box).to_contain_text("softmax")
    before = box.locator(".katex-html").inner_text()
    page.get_by_text("Scale: divide by √d").click()
    expect(page).to_have_url(re.compile("attention_scale=false"))
    expect(box.locator(".katex-html")).not_to_have_text(before)


def test_a_head_is_trained_live_and_then_looked_at(visit: Callable[..., Page]) -> None:
    page = visit("?attention_source=trained+on+this+page&attention_run_steps=60&attention_corpus=tale")
    expect(page.get_by_text("Nothing has been trained yet")).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("p[role=status]")).to_contain_text("Done", timeout=60_000)
    expect(page.get_by_text("Held-out loss:")).to_be_visible()
    expect(page.locator(".st-key-attention_averaging canvas.ink")).to_be_visible()
    expect(page.locator(".st-key-attention_forming canvas.ink")).to_be_visible()


@pytest.mark.parametrize("part", ["1+Averages", "3+Q%2C+K%2C+V", "4+Many+heads", "5+Sparse+masks"])
def test_nothing_overflows_a_phone(visit: Callable[..., Page], part: str) -> None:
    page = visit(f"?attention_part={part}", width=390)
    expect(page.locator("canvas.ink").first).to_be_visible()
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
