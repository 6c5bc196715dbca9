"""The energy models as a visitor meets them: a pixel clicked, a part chosen by its address, a network that learns."""

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

    def open_energy(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/energy{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
        return page

    yield open_energy
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/energy/_stcore/" not in error] == []
        assert watched.foreign == []


def click_pixel(page: Page, row: int, column: int) -> None:
    """Click a pixel of the picture that recall begins with."""
    ink = page.locator(".st-key-hopfield_grid canvas.ink")
    ink.scroll_into_view_if_needed()
    x, y, width, height = json.loads(str(ink.get_attribute("data-tiles")))[0]
    ink.click(position={"x": x + width * (column + 0.5) / 10, "y": y + height * (row + 0.5) / 10})


def test_a_click_flips_a_pixel_and_a_second_click_on_it_flips_it_back(visit: Callable[..., Page]) -> None:
    page = visit("?hopfield_noise=0")
    undo = page.get_by_role("button", name="Undo my clicks")
    expect(page.get_by_text("low point of the energy already")).to_be_visible()
    for flipped in (True, False, True):
        click_pixel(page, 4, 2)
        expect(undo).to_be_visible(visible=flipped)
    expect(page).to_have_url(re.compile("hopfield_flipped=42"))
    expect(page.get_by_text("overlap 1.00")).to_be_visible()


def test_the_part_is_in_the_address_and_its_machine_learns_live(visit: Callable[..., Page]) -> None:
    page = visit("?energy_model=Restricted+machine&rbm_epochs=2&rbm_hidden=16", dark=True)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("p[role=status]")).to_contain_text("Done", timeout=60_000)
    expect(page.get_by_text("What comes back from the hidden units")).to_be_visible()
    page.get_by_role("radio", name="Boltzmann machine").click()
    expect(page).to_have_url(re.compile("energy_model=Boltzmann"))
    expect(page.get_by_text("Total variation distance between")).to_be_visible()


@pytest.mark.parametrize("query", ["", "?energy_model=Boltzmann+machine"])
def test_nothing_overflows_a_phone(visit: Callable[..., Page], query: str) -> None:
    page = visit(query, width=390)
    expect(page.get_by_role("heading", name="Energy models")).to_be_visible()
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
