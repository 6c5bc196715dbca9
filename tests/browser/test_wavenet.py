"""The WaveNet as a visitor meets it: the tree under the mouse and the keyboard, a run watched, a phone, both themes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser
ANSWER = 20_000  # milliseconds: on a busy machine the server takes its time


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with some settings in its address; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_wavenet(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/wavenet{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=60_000)
        expect(tree(page).locator(".node").first).to_be_visible(timeout=60_000)
        return page

    yield open_wavenet
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/wavenet/_stcore/" not in error] == []
        assert watched.foreign == []


def tree(page: Page, key: str = "wavenet_tree") -> Locator:
    return page.locator(f".st-key-{key}")


def node(page: Page, title: str) -> Locator:
    return tree(page).get_by_role("button", name=title)


def test_hover_shows_a_node_in_full_and_lights_its_letters_and_its_way_up(visit: Callable[..., Page]) -> None:
    page = visit("?wavenet_text=isabella")
    title = tree(page).locator(".title")
    expect(title).to_have_text("Level 3, the root: sees “isabella”")
    node(page, "Level 2, node 1 of 2").hover()
    expect(title).to_have_text("Level 2, node 1 of 2: sees “isab”")
    expect(tree(page).locator(".note")).to_contain_text("only “isab” moves it, the other 4 by exactly 0")
    expect(tree(page).locator(".node.path")).to_have_count(1 + 1 + 2 + 4)
    expect(tree(page).locator(".node.apart")).to_have_count(1 + 2 + 4)
    tree(page).locator(".answer").hover()
    expect(title).to_have_text("Level 3, the root: sees “isabella”")
    expect(tree(page).locator(".node.apart")).to_have_count(0)


def test_a_click_keeps_a_node_and_a_channel_opens_to_its_arithmetic(visit: Callable[..., Page]) -> None:
    page = visit("?wavenet_text=isabella")
    node(page, "Level 1, node 2 of 4").click()
    expect(page.get_by_text("Opened: channel 0 of “ab”")).to_be_visible(timeout=ANSWER)
    cells = tree(page).locator(".cells")
    cells.click(position={"x": 38 * 2 + 10, "y": 10})
    expect(page.get_by_text("Opened: channel 2 of “ab”")).to_be_visible(timeout=ANSWER)
    expect(tree(page).locator(".readout")).to_contain_text("Channel 2")
    expect(page.get_by_text("equal to rounding")).to_have_count(3, timeout=ANSWER)


def test_the_keyboard_walks_the_tree_and_the_channels(visit: Callable[..., Page]) -> None:
    page = visit("?wavenet_text=isabella")
    title = tree(page).locator(".title")
    node(page, "Level 3, the root").focus()
    for key, expected in [
        ("ArrowDown", "Level 2, node 1 of 2"),
        ("ArrowRight", "Level 2, node 2 of 2"),
        ("ArrowDown", "Level 1, node 3 of 4"),
        ("End", "Level 1, node 4 of 4"),
        ("ArrowDown", "Letter 7 of 8"),
        ("ArrowUp", "Level 1, node 4 of 4"),
    ]:
        page.keyboard.press(key)
        expect(title).to_contain_text(expected)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Opened: channel 0 of “la”")).to_be_visible(timeout=ANSWER)
    expect(node(page, "Level 1, node 4 of 4")).to_have_attribute("aria-pressed", "true")
    tree(page).locator(".cells").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("Opened: channel 1 of “la”")).to_be_visible(timeout=ANSWER)


def test_a_run_is_watched_scrubbed_and_opened_above(visit: Callable[..., Page]) -> None:
    page = visit("?wavenet_net=fresh&wavenet_channels=16&wavenet_steps=60&wavenet_text=maria", dark=True)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("p[role=status]")).to_contain_text("Done", timeout=60_000)
    expect(tree(page, "wavenet_watched").locator(".answer")).to_contain_text("After 60 steps", timeout=ANSWER)
    handle = page.get_by_role("slider", name=re.compile("Snapshot"))
    handle.focus()
    handle.press("Home")
    expect(tree(page, "wavenet_watched").locator(".answer")).to_contain_text("After 0 steps", timeout=ANSWER)
    page.get_by_role("radio", name="trained below").click()
    expect(tree(page).locator(".answer")).to_contain_text("Trained on this page, step 60 of 60", timeout=ANSWER)
    expect(page).to_have_url(re.compile("wavenet_net=trained"))


@pytest.mark.parametrize("query", ["", "?wavenet_net=fresh&wavenet_context=32&wavenet_over=false"])
def test_nothing_overflows_a_phone_and_a_tap_keeps_a_node(visit: Callable[..., Page], query: str) -> None:
    page = visit(query, width=390, has_touch=True)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    first = node(page, "Level 1, node 1 of")
    first.tap()
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Opened: channel 0 of")).to_be_visible(timeout=ANSWER)
