"""The page Backprop by hand in Chromium: a box chosen, a gradient typed, the lamp, a phone, and training."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, OpenPage, Serve, Visit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(serve: Serve) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(address: str, open_page: OpenPage) -> Iterator[Visit]:
    seen = open_page(f"{address}/backprop?backprop_way=type+it")
    expect(seen.page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
    expect(seen.page.locator("svg .node")).to_have_count(29, timeout=60_000)
    yield seen
    # On a deep link Streamlit's own client first looks for its server under the page's address.
    assert [error for error in seen.errors if "/backprop/_stcore/" not in error] == []
    assert seen.foreign == []


def answer(page: Page, name: str, text: str) -> None:
    typed = page.get_by_role("textbox", name=f"d{name} =")
    typed.fill(text)
    typed.press("Enter")


def test_a_typed_gradient_is_judged_and_its_box_marked_and_the_next_is_chosen_on_the_graph(visit: Visit) -> None:
    page = visit.page
    answer(page, "logprobs", "<b>1</b>")
    expect(page.get_by_text("Line 1, column 1: “<” has no meaning here")).to_be_visible()
    answer(page, "logprobs", "one_hot(targets, V) / n")
    expect(page.get_by_text("Largest difference from autograd: 6.2e-02")).to_be_visible()
    answer(page, "logprobs", "-one_hot(targets, V) / n")
    expect(page.get_by_text("Every number is the one that autograd gives")).to_be_visible()
    solved = page.locator('svg .node[data-node="logprobs"]')
    expect(solved).to_have_attribute("aria-label", re.compile("gradient found, asked now"))
    chosen = page.locator('svg .node[data-node="W2"]')
    chosen.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="dW2 =")).to_be_visible()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("backprop_done=s"))
    page.locator('svg .node[data-node="maxes"]').click()
    expect(page.get_by_role("textbox", name="dmaxes =")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Found by yourself: 1 of 28")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("textbox", name="dmaxes =")).to_be_visible()


def test_on_a_phone_the_graph_stands_upright_with_the_asked_box_in_sight_and_nothing_overflows(
    address: str, open_page: OpenPage
) -> None:
    page = open_page(f"{address}/backprop", width=390, height=844, dark=True).page
    expect(page.locator("svg .node")).to_have_count(29, timeout=60_000)
    page.locator("svg .node.asked").scroll_into_view_if_needed()
    expect(page.locator("svg .node.asked")).to_be_in_viewport()
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    assert page.locator("svg[role=group]").evaluate("svg => svg.clientWidth <= svg.parentElement.clientWidth")


def test_it_trains_live_and_is_stopped(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("learned numbers. Step")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("never further apart than")).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()
