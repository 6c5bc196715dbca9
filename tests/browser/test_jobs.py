"""Training in the background as visitors meet it: real Chromium, real timers, several visitors at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser
SCRIPT = Path(__file__).parent / "scripts" / "jobs_app.py"
IDLE_SECONDS = 2.0
BUTTONS = ("Train", "Pause", "Step", "Stop", "Restart, same seed", "Restart, new seed")


@pytest.fixture
def visitor(browser: Browser, serve: Callable[..., str]) -> Any:
    """Opens the app in a browser profile of its own: each call is another visitor."""
    url = serve(SCRIPT, env={"JOBS_IDLE_SECONDS": str(IDLE_SECONDS)})
    contexts = []

    def visit(address: str = url, **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(address)
        expect(said(page)).to_be_visible(timeout=20_000)
        return page

    yield visit
    for context in contexts:
        context.close()


def said(page: Page) -> Locator:
    return page.locator("p[role=status]")


def button(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)


def step_of(page: Page) -> int:
    newest = page.locator("p.newest")
    expect(newest).to_be_visible()
    return int(newest.inner_text().split(":")[0])


def settled_step(page: Page) -> int:
    """The step of a paused run, once two polls of its panel agree."""
    before = -1
    while (now := step_of(page)) != before:
        before = now
        page.wait_for_timeout(1200)
    return now


def start(page: Page, name: str = "Train") -> None:
    button(page, name).click()
    expect(said(page)).to_contain_text("Training, with seed")


def test_a_run_is_paused_stepped_resumed_and_stopped_from_its_buttons(visitor: Callable[..., Page]) -> None:
    page = visitor()
    start(page)
    expect(button(page, "Train")).to_be_disabled()
    step_of(page)  # a run can be paused before its first step; this one is to have something to show
    button(page, "Pause").click()
    expect(said(page)).to_contain_text("Paused")
    before = settled_step(page)
    button(page, "Step").click()
    expect(page.locator("p.newest")).to_contain_text(re.compile(f"^{before + 1}:"))
    assert settled_step(page) == before + 1
    button(page, "Resume").click()
    expect(said(page)).to_contain_text("Training")
    expect(page.locator("p.newest")).not_to_contain_text(re.compile(f"^{before + 1}:"))
    button(page, "Stop").click()
    expect(said(page)).to_contain_text("Stopped at step")
    expect(button(page, "Train")).to_be_enabled()
    assert step_of(page) > before + 1


def test_the_same_seed_ends_where_it_ended_before_and_a_new_one_elsewhere(visitor: Callable[..., Page]) -> None:
    page = visitor()
    page.get_by_role("slider", name="Steps").press("Home")
    expect(page.get_by_role("slider", name="Steps")).to_have_value("10")
    button(page, "Train").click()
    expect(said(page)).to_have_text("Done at step 10 of 10, with seed 0.")
    first, address = page.locator("p.newest").inner_text(), page.url
    button(page, "Restart, same seed").click()
    expect(page).not_to_have_url(address)
    expect(said(page)).to_have_text("Done at step 10 of 10, with seed 0.")
    assert page.locator("p.newest").inner_text() == first
    button(page, "Restart, new seed").click()
    expect(said(page)).to_have_text("Done at step 10 of 10, with seed 1.")
    assert page.locator("p.newest").inner_text() != first


def test_a_reload_and_a_second_tab_hold_the_same_run_and_control_it(visitor: Callable[..., Page]) -> None:
    page = visitor()
    start(page)
    before, address = step_of(page), page.url
    page.reload()
    expect(said(page)).to_contain_text("Training", timeout=20_000)
    assert page.url == address
    assert step_of(page) > before
    second = page.context.new_page()
    second.goto(address)
    expect(said(second)).to_contain_text("Training", timeout=20_000)
    button(second, "Stop").click()
    expect(said(page)).to_contain_text("Stopped at step")
    expect(button(page, "Stop")).to_be_disabled()


def test_a_cookie_that_is_not_a_token_of_ours_is_replaced_and_never_echoed(visitor: Callable[..., Page]) -> None:
    page = visitor()
    page.context.clear_cookies()
    forged = {"name": "explorer_visitor", "value": "x'-alert(1)-'", "url": page.url}
    page.context.add_cookies([forged])  # type: ignore[list-item]
    page.reload()
    expect(said(page)).to_be_visible(timeout=20_000)
    tokens = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "explorer_visitor"]
    assert len(tokens) == 1
    assert re.fullmatch(r"[\w-]{22}", tokens[0])
    assert "alert(1)" not in page.content()


def test_closing_the_tab_ends_the_run_after_the_idle_time(visitor: Callable[..., Page]) -> None:
    page = visitor()
    start(page)
    address = page.url
    page.context.close()
    time.sleep(IDLE_SECONDS + 0.5)
    late = visitor(address)
    expect(said(late)).to_contain_text("nobody was watching it any more")
    expect(said(late)).to_contain_text("someone else's run")


def test_a_run_goes_on_while_its_visitor_reads_another_page(visitor: Callable[..., Page]) -> None:
    page = visitor()
    start(page)
    before = step_of(page)
    page.get_by_role("link", name="Reading").click()
    expect(page.get_by_role("heading", name="Reading")).to_be_visible()
    page.get_by_role("button", name="Think for long").click()
    expect(page.get_by_text("Thought about it.")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="Training").click()
    expect(said(page)).to_contain_text("Training")
    assert step_of(page) > before + 100 * IDLE_SECONDS / 2
    assert "run_job=" in page.url


def test_a_third_visitor_waits_in_line_and_nobody_else_is_blocked(visitor: Callable[..., Page]) -> None:
    first, second, third = visitor(), visitor(), visitor()
    start(first)
    start(second)
    button(third, "Train").click()
    expect(said(third)).to_contain_text("Waiting: 1st in the queue")
    number = third.get_by_role("slider", name="Any number")
    began = time.monotonic()
    for value in range(8, 13):
        number.press("ArrowRight")
        expect(third.get_by_text(f"Twice that is {2 * value}", exact=True)).to_be_visible()
    assert (time.monotonic() - began) / 5 < 2.0
    button(first, "Pause").click()
    expect(said(third)).to_contain_text("Training")
    expect(said(first)).to_contain_text("Paused")


def test_the_controls_keep_their_places_through_every_state_on_a_phone(visitor: Callable[..., Page]) -> None:
    page = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)

    def places() -> list[list[int]]:
        page.wait_for_timeout(700)  # for one poll of the panel, and for the fonts at first
        boxes: list[list[int]] = page.evaluate(
            "() => [...document.querySelectorAll('.st-key-run_buttons button')]"
            ".map(each => each.getBoundingClientRect()).filter(box => box.width > 0)"
            ".map(box => [box.x, box.y + window.scrollY, box.width].map(Math.round))"
        )
        assert len(boxes) == len(BUTTONS)
        return boxes

    idle = places()
    start(page)
    running = places()
    button(page, "Pause").click()
    expect(said(page)).to_contain_text("Paused")
    paused = places()
    button(page, "Stop").click()
    expect(said(page)).to_contain_text("Stopped")
    assert [running, paused, places()] == [idle] * 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
