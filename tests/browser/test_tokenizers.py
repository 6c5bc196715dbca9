"""The tokenizers as a visitor meets them: merges by the keyboard, a token opened, the tokens of a phone."""

from __future__ import annotations

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

    def open_tokenizers(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/tokenizers{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=90_000)
        return page

    yield open_tokenizers
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/tokenizers/_stcore/" not in error] == []
        assert watched.foreign == []


def test_merges_are_undone_one_by_one_and_a_token_opens_its_merges(visit: Callable[..., Page]) -> None:
    page = visit("?tokenizers_text=aaabdaaabac&tokenizers_source=the+text+typed+above&tokenizers_merges=3")
    expect(page.get_by_role("option", name="“aaab”, token 0, id 258, 4 bytes").first).to_be_visible()
    tokens = page.get_by_role("listbox", name="Tokens: Byte-pair, 3 merges")
    expect(tokens.locator(".id")).to_have_text(["258", "100", "258", "97", "99"])
    page.get_by_role("option", name="“aaab”, token 0, id 258, 4 bytes").first.click()
    expect(page.get_by_role("img", name=re.compile("Merge 3: .* became “aaab”, id 258"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Byte-pair, 2 merges")).to_be_visible()
    expect(page).to_have_url(re.compile("tokenizers_merges=2"))


def test_the_keyboard_walks_the_tokens_and_opens_the_count_of_a_rival(visit: Callable[..., Page]) -> None:
    page = visit("?tokenizers_text=the+theatre&tokenizers_merges=0", dark=True)
    first = page.get_by_role("listbox", name="Tokens: Byte-pair, 0 merges").get_by_role("option").first
    first.focus()
    page.keyboard.press("ArrowRight")
    readout = page.locator(".panel").filter(has_text="Byte-pair, 0 merges").locator(".readout")
    expect(readout).to_contain_text("“h”, token 1, id 104")
    rival = page.get_by_role("button", name=re.compile("times$")).first
    rival.focus()
    page.keyboard.press("Enter")
    expect(rival).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".step .verdict")).to_contain_text("the same.")


def test_what_is_typed_is_shown_as_text_and_nothing_overflows_a_phone(visit: Callable[..., Page]) -> None:
    page = visit("?tokenizers_text=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", width=390)
    expect(page.get_by_role("option", name=re.compile("“<”, token 0")).first).to_be_visible()
    assert page.locator("[data-testid=stMain] img[src=x]").count() == 0
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
