"""The autograd page in Chromium: stepping by mouse and keyboard, choosing a box, a mistake, and the moons live."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, OpenPage, Serve, Visit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(serve: Serve) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(address: str, open_page: OpenPage) -> Iterator[Visit]:
    seen = open_page(f"{address}/autograd")
    expect(seen.page.locator("svg .node")).to_have_count(7, timeout=60_000)
    yield seen
    # On a deep link Streamlit's own client first looks for its server under the page's address.
    assert [error for error in seen.errors if "/autograd/_stcore/" not in error] == []
    assert seen.foreign == []


def test_backward_is_stepped_by_mouse_and_keyboard_and_a_box_shows_its_sum(visit: Visit) -> None:
    page = visit.page
    following = page.get_by_role("button", name="Next", exact=True)
    following.click()
    expect(page.get_by_role("status").first).to_contain_text("Visit 1 of 3: L")
    # The words arrive before the graph has been drawn anew.
    visited = page.locator('svg .node[aria-label^="L = d × f"]')
    expect(visited).to_have_attribute("aria-label", re.compile("visited now"))
    following.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Visit 2 of 3: d")
    page.get_by_role("button", name="Run all", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Every gradient is final")
    b = page.locator('svg .node[aria-label^="b,"]')
    b.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("∂L/∂b = 2 × (−2) (through e) = −4.")).to_be_visible()
    expect(b).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("autograd_step=3"))


def test_a_typed_mistake_points_at_its_place_and_the_next_expression_is_drawn(visit: Visit) -> None:
    page = visit.page
    typed = page.get_by_role("textbox", name="Expression")
    typed.fill("a = 2\na*(a + <b>x</b>")
    typed.press("Control+Enter")
    expect(page.get_by_text("Line 2, column 8: “<” has no meaning here")).to_be_visible()
    typed.fill("a = 2; y = a*a")
    typed.press("Control+Enter")
    expect(page.locator("svg .node")).to_have_count(2)
    expect(page.locator("svg .edge text")).to_have_text(["× 2", "× 2"])


def test_on_a_phone_the_graph_scrolls_inside_itself_to_the_value_visited(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/autograd", width=390, dark=True).page
    expect(page.locator("svg .node")).to_have_count(7)
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("svg .node.current")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_moons_train_live_with_torchs_gradients_beside(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("The same network in PyTorch")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The plane coloured"))).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()
