"""A visit to BatchNorm & diagnostics in real Chromium: figures that follow the controls, a run that is gone through."""

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

    def open_batchnorm(**options: Any) -> Page:
        watched = open_page(address, **options)
        opened.append(watched)
        page: Page = watched.page
        is_narrow = options.get("width", 1280) < 640
        if is_narrow:
            page.get_by_test_id("stExpandSidebarButton").click()
        sidebar(page, "BatchNorm & diagnostics")
        if is_narrow:
            page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
        expect(page.locator(".st-key-bn_first_saturation canvas.ink")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
        return page

    yield open_batchnorm
    for watched in opened:
        assert watched.errors == []
        assert watched.foreign == []


def sidebar(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=60_000)


def keyed(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}")


def type_number(page: Page, key: str, value: str) -> None:
    box = keyed(page, key).get_by_role("spinbutton")
    box.fill(value)
    box.press("Enter")


def test_a_visitor_changes_the_size_is_told_of_an_absurd_one_trains_and_goes_back_through_the_run(
    visit: Callable[..., Page],
) -> None:
    page = visit()
    handle = keyed(page, "bn_depth").get_by_role("slider")
    handle.focus()
    handle.press("ArrowLeft")
    handle.press("ArrowLeft")
    expect(page.get_by_label(re.compile("Saturated neurons of 3 layers")).first).to_be_attached()
    expect(page).to_have_url(re.compile("bn_depth=3"))
    type_number(page, "bn_width", "100000")
    expect(page.get_by_text(re.compile(r"would take about [\d.]+ GB of memory"))).to_be_visible()
    expect(page.locator(".st-key-bn_start button").first).to_be_disabled()
    type_number(page, "bn_width", "50")
    type_number(page, "bn_steps", "120")
    keyed(page, "bn_pace").get_by_text("as fast as it goes").click()
    expect(page.locator(".st-key-bn_start button").first).to_be_enabled()
    page.locator(".st-key-bn_start button:visible").first.click()
    expect(page.get_by_text("Done at step 120 of 120")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("After 120 steps")).to_be_visible()
    slider = keyed(page, "bn_snapshot").get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text("After 0 steps")).to_be_visible()
    keyed(page, "bn_source").get_by_text("as the run above left it").click()
    expect(page.get_by_text("The weights after 120 steps")).to_be_visible()


def test_the_map_is_black_and_white_and_a_click_on_a_cell_opens_it(visit: Callable[..., Page]) -> None:
    page = visit(dark=True)
    canvas = keyed(page, "bn_first_saturation").locator("canvas.ink")
    ramp = canvas.evaluate("ink => getComputedStyle(ink).getPropertyValue('--st-chart-sequential-colors').trim()")
    assert ramp.startswith("#181818")
    assert ramp.endswith("#ffffff")
    canvas.click(position={"x": 20, "y": 40})
    expect(keyed(page, "bn_first_cell").get_by_text(re.compile("tanh 1, neuron"))).to_be_visible()
    expect(keyed(page, "bn_first_cell").get_by_text(re.compile("equal to rounding"))).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_corpus_outlives_another_page(
    visit: Callable[..., Page],
) -> None:
    page = visit(width=390)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    keyed(page, "bn_corpus").get_by_role("combobox").click()
    page.get_by_role("option", name="A tale").click()
    expect(page.get_by_text(re.compile("Guessing evenly: ln 6"))).to_be_visible(timeout=30_000)
    for name in ("Bigram", "BatchNorm & diagnostics"):
        page.get_by_test_id("stExpandSidebarButton").click()
        sidebar(page, name)
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_text(re.compile("Guessing evenly: ln 6"))).to_be_visible(timeout=30_000)
