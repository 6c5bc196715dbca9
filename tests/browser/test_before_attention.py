"""The page "Before attention" as a visitor meets it: a run, its alignment, letters of one's own, a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser

QUICK = "before_length=5&before_hidden=16&before_steps=60"


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with some settings in its address; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_before(query: str = QUICK, **options: Any) -> Page:
        watched = open_page(f"{address}/before_attention?{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=90_000)
        return page

    yield open_before
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/before_attention/_stcore/" not in error] == []
        assert watched.foreign == []


def test_a_run_is_trained_gone_through_and_opened(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("p[role=status]")).to_contain_text("Done", timeout=120_000)
    slider = page.get_by_role("slider")
    expect(page.get_by_text("One sequence at step 60")).to_be_visible()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("One sequence at step 60")).to_have_count(0)
    ink = page.locator(".st-key-before_alignment canvas.ink")
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[1]
    ink.click(position={"x": x + width * 1.5 / 6, "y": y + height * 2.5 / 6})
    expect(page.locator(".st-key-before_alignment_share")).to_contain_text("Share of place 2")
    expect(page.locator(".st-key-before_alignment_score")).to_contain_text("equal to rounding")
    expect(page).to_have_url(re.compile("before_cell=1-2-1"))


def test_typed_letters_are_answered_and_what_is_no_letter_is_named(visit: Callable[..., Page]) -> None:
    page = visit(dark=True)
    box = page.get_by_role("textbox", name="Letters a to z")
    box.fill("Stone")
    box.press("Enter")
    expect(page).to_have_url(re.compile("before_typed=Stone"))
    expect(page.locator(".st-key-before_own canvas.ink")).to_be_visible()
    box.fill("<script>\U0001f600")
    box.press("Enter")
    expect(page.get_by_text("The alphabet is the 26 letters a to z; it lacks")).to_be_visible()


def test_nothing_overflows_a_phone(visit: Callable[..., Page]) -> None:
    page = visit(width=390)
    expect(page.locator("canvas.ink").first).to_be_visible()
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
