"""The MLP page in Chromium: it trains, moves, pauses, is scrubbed by keyboard, survives reloads, and ends with its tab."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ROOT, OpenPage, Serve, Visit

pytestmark = pytest.mark.browser
SLOW = 60_000  # milliseconds that anything may take on a busy machine
IDLE_SECONDS = 2.0
SCRIPT = Path(__file__).parent / "scripts" / "impatient_app.py"
LONG = "mlp_corpus=given-names&mlp_steps=200000&mlp_hidden=20"
SHORT = "mlp_corpus=given-names&mlp_steps=300&mlp_hidden=20"


@pytest.fixture(scope="module")
def address(serve: Serve) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture(scope="module")
def impatient(serve: Serve) -> str:
    """The app on a server that ends unwatched runs after two seconds."""
    return serve(SCRIPT, env={"JOBS_IDLE_SECONDS": str(IDLE_SECONDS)})


def said(page: Page) -> Locator:
    return page.locator("p[role=status]").first


def button(page: Page, name: str) -> Locator:
    return page.locator(".st-key-mlp_buttons").get_by_role("button", name=name, exact=True)


def start(page: Page) -> None:
    expect(button(page, "Train")).to_be_enabled(timeout=SLOW)
    button(page, "Train").click()
    expect(said(page)).to_contain_text("Training, with seed", timeout=SLOW)


def step_of(page: Page) -> int:
    told = page.get_by_test_id("stProgress").first
    expect(told).to_contain_text(re.compile(r"Step [1-9]"), timeout=SLOW)
    found = re.search(r"Step ([\d,]+)", told.inner_text())
    assert found is not None
    return int(found[1].replace(",", ""))


def is_clean(seen: Visit) -> None:
    # On a deep link Streamlit's own client first looks for its server under the page's address.
    assert [error for error in seen.errors if "/mlp/_stcore/" not in error] == []
    assert seen.foreign == []


def test_a_run_is_paused_scrubbed_by_keyboard_and_drawn_at_the_chosen_snapshot(
    address: str, open_page: OpenPage
) -> None:
    seen = open_page(f"{address}/mlp?{LONG}")
    page = seen.page
    start(page)
    newest = page.locator(".st-key-mlp_snapshot_live")
    expect(newest.get_by_role("slider")).to_be_disabled(timeout=SLOW)
    expect(page.locator(".st-key-mlp_scatter canvas")).to_be_visible(timeout=SLOW)
    expect(newest).to_contain_text(re.compile(r"\((1\d|[4-9]) so far\)"), timeout=SLOW)
    button(page, "Pause").click()
    expect(said(page)).to_contain_text("Paused", timeout=SLOW)
    snapshot = page.locator(".st-key-mlp_snapshot")
    slider = snapshot.get_by_role("slider")
    expect(slider).to_be_enabled(timeout=SLOW)
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text("Written at step 0")).to_be_visible(timeout=SLOW)
    # Polls of the paused panel must not take the slider back to the newest.
    page.wait_for_timeout(1500)
    expect(page.get_by_text("Written at step 0")).to_be_visible()
    slider.press("ArrowRight")
    expect(page.get_by_text("Written at step 0")).to_be_hidden(timeout=SLOW)
    button(page, "Resume").click()
    expect(said(page)).to_contain_text("Training", timeout=SLOW)
    expect(newest.get_by_role("slider")).to_be_disabled(timeout=SLOW)
    button(page, "Stop").click()
    expect(said(page)).to_contain_text("Stopped at step", timeout=SLOW)
    is_clean(seen)


def test_reloading_leaving_and_returning_find_the_same_run_further_on(address: str, open_page: OpenPage) -> None:
    seen = open_page(f"{address}/mlp?{LONG}")
    page = seen.page
    start(page)
    before, where = step_of(page), page.url
    assert "mlp_job=" in where
    page.reload()
    expect(said(page)).to_contain_text("Training", timeout=SLOW)
    after_reload = step_of(page)
    assert after_reload > before
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Bigram").click()
    expect(page.get_by_role("heading", name="Bigram", level=1)).to_be_visible(timeout=SLOW)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="MLP").click()
    expect(said(page)).to_contain_text("Training", timeout=SLOW)
    assert step_of(page) > after_reload
    button(page, "Stop").click()
    expect(said(page)).to_contain_text("Stopped at step", timeout=SLOW)
    is_clean(seen)


def test_the_run_ends_when_its_tab_is_closed(impatient: str, open_page: OpenPage) -> None:
    first = open_page(f"{impatient}/mlp?{LONG}").page
    start(first)
    where = first.url
    first.context.close()
    time.sleep(2 * IDLE_SECONDS)
    late = open_page(where).page
    expect(said(late)).to_contain_text("nobody was watching it any more", timeout=SLOW)
    expect(button(late, "Train")).to_be_enabled()


def test_on_a_phone_in_the_dark_nothing_overflows_and_a_run_ends_with_its_losses(
    address: str, open_page: OpenPage
) -> None:
    seen = open_page(f"{address}/mlp?{SHORT}", dark=True, width=390)
    page = seen.page
    expect(button(page, "Train")).to_be_enabled(timeout=SLOW)
    button(page, "Train").click()
    expect(said(page)).to_contain_text("Done at step 300 of 300", timeout=SLOW)
    expect(page.get_by_text("Every part read whole at the end")).to_be_visible(timeout=SLOW)
    expect(page.locator(".st-key-mlp_numbers")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    is_clean(seen)


def test_the_finder_gives_its_rate_to_the_control(address: str, open_page: OpenPage) -> None:
    seen = open_page(f"{address}/mlp?{SHORT}")
    page = seen.page
    sweep = page.locator(".st-key-mlp_finder_buttons").get_by_role("button", name="Sweep", exact=True)
    expect(sweep).to_be_enabled(timeout=SLOW)
    sweep.click()
    take = page.get_by_role("button", name=re.compile(r"^Train with [\d.e-]+$"))
    expect(take).to_be_visible(timeout=SLOW)
    rate = take.inner_text().removeprefix("Train with ")
    take.click()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value(rate, timeout=SLOW)
    is_clean(seen)
