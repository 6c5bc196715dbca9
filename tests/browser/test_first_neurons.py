"""A visit to the first neurons in real Chromium: sliders, a circuit, a live perceptron, pictures clicked, the timeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page by its link; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_neurons(**options: Any) -> Page:
        watched = open_page(address, **options)
        opened.append(watched)
        page: Page = watched.page
        if options.get("width", 1280) < 640:
            page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="First neurons").click()
        expect(page.get_by_role("heading", name="First neurons")).to_be_visible(timeout=60_000)
        if options.get("width", 1280) < 640:
            page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
        expect(page.locator(".st-key-neurons_weights canvas.ink")).to_be_visible(timeout=60_000)
        return page

    yield open_neurons
    for watched in opened:
        assert watched.errors == []
        assert watched.foreign == []


def keyed(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}")


def test_a_visitor_makes_and_then_xor_then_lets_the_perceptron_learn(visit: Callable[..., Page]) -> None:
    page = visit()
    expect(page.get_by_text("2 of 4 corners right")).to_be_visible()
    handle = keyed(page, "neurons_theta").get_by_role("slider")
    handle.focus()
    for _ in range(4):  # of 0.25 each: from 0.5 to 1.5
        handle.press("ArrowRight")
    expect(page.get_by_text("All four corners right: this is AND.")).to_be_visible()
    expect(page).to_have_url(re.compile("neurons_theta=1.5"))
    page.get_by_role("button", name="Give XOR a second unit").click()
    expect(page.get_by_text("All four corners right: this is XOR.")).to_be_visible()
    page.locator(".st-key-neurons_perceptron_start button:visible").first.click()
    expect(page.get_by_text("A whole round without a mistake")).to_be_visible(timeout=30_000)
    expect(page.get_by_text(re.compile(r"mistakes so far, of at most"))).to_be_visible()


def test_a_click_on_a_picture_itself_stores_it_and_space_takes_it_out_again(visit: Callable[..., Page]) -> None:
    page = visit()
    label = keyed(page, "neurons_store_H").locator("label")
    box = label.bounding_box()
    assert box is not None
    label.click(position={"x": box["width"] - 30, "y": box["height"] / 2})  # on the picture, right of the name
    ticked = keyed(page, "neurons_store_H").get_by_role("checkbox")
    expect(ticked).to_be_checked()
    expect(page.get_by_label(re.compile("recalls: .*H 0 of 25 cells wrong")).first).to_be_attached()
    ticked.press(" ")
    expect(page.get_by_label(re.compile("recalls: .*O 0 of 25 cells wrong$")).first).to_be_attached()


def test_the_timeline_leads_to_another_page_and_scrolls_by_itself_on_a_phone(visit: Callable[..., Page]) -> None:
    page = visit(width=390)
    strip = keyed(page, "timeline")
    expect(strip.get_by_text("1943 · on this page")).to_be_visible()
    assert strip.evaluate("e => e.scrollWidth > e.clientWidth")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    strip.get_by_role("link", name="Bigram").click()
    expect(page.get_by_role("heading", name="Bigram", exact=True)).to_be_visible(timeout=60_000)
