"""Embeddings & positions as a visitor meets it: a cell clicked, a token chosen, a phone, a shared address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser

SLOW = 30_000  # ms; two cores may be shared


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with some settings in its address; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_embeddings(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/embeddings{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
        return page

    yield open_embeddings
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/embeddings/_stcore/" not in error] == []
        assert watched.foreign == []


def test_a_clicked_cell_opens_its_sum_and_stands_in_the_address(visit: Callable[..., Page]) -> None:
    page = visit("?embeddings_prompt=To+be")
    ink = page.locator(".st-key-embeddings_input canvas.ink")
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[0]
    ink.click(position={"x": x + width * 2.5 / 16, "y": y + height * 1.5 / 5})
    expect(page.get_by_text("Token embedding: position 1 “o”, channel 2")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("embeddings_cell=0-1-2"), timeout=SLOW)


def test_an_experiment_chooses_the_letter_and_its_neighbours_follow(visit: Callable[..., Page]) -> None:
    page = visit(dark=True)
    page.get_by_role("button", name="The letter q").click()
    expect(page.get_by_text("22 have their own capital nearest")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("The arithmetic of the nearest: q and Q")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("embeddings_token=q"), timeout=SLOW)


def test_nothing_overflows_a_phone(visit: Callable[..., Page]) -> None:
    page = visit("?embeddings_checkpoint=names-mlp&embeddings_map=t-SNE", width=390)
    expect(page.locator(".st-key-embeddings_scatter canvas").first).to_be_visible(timeout=SLOW)
    # A chart is wide for the moment before it has measured its place.
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollWidth <= 390")
