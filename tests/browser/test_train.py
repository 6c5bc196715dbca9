"""The Train page in Chromium: a text of one's own becomes a checkpoint; another server goes on; a phone shows it all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ROOT, OpenPage, Serve, Visit

pytestmark = pytest.mark.browser
SLOW = 90_000  # milliseconds that anything may take on a busy machine
TINY = "train_gpt_context_length=8&train_gpt_n_layers=1&train_gpt_n_heads=2&train_gpt_d_model=16&train_batch_size=2"
TINY += "&train_warmup=1&train_sample_length=5"
STORY = "the cat sat on the mat and the rat sat on the cat. " * 40


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where both servers of this file keep what visitors have."""
    return {"EXPLORER_WORKSPACES": str(tmp_path_factory.mktemp("workspaces"))}


@pytest.fixture(scope="module")
def address(serve: Serve, kept: dict[str, str]) -> str:
    return serve(ROOT / "app.py", env=kept)


def said(page: Page) -> Locator:
    return page.locator("p[role=status]").first


def start(page: Page) -> None:
    button = page.locator(".st-key-train_buttons").get_by_role("button", name="Train", exact=True)
    expect(button).to_be_enabled(timeout=SLOW)
    button.click()


def is_clean(seen: Visit) -> None:
    # On a deep link Streamlit's own client first looks for its server under the page's address.
    assert [error for error in seen.errors if "/train/_stcore/" not in error] == []
    assert seen.foreign == []


def test_a_text_of_ones_own_becomes_a_checkpoint_that_another_page_offers_until_all_is_deleted(
    address: str, open_page: OpenPage, tmp_path: Path
) -> None:
    (tmp_path / "cats.txt").write_text(STORY)
    seen = open_page(f"{address}/train?{TINY}&train_steps=20&train_source=a+text+of+my+own")
    page = seen.page
    page.locator(".st-key-train_file input[type=file]").set_input_files(tmp_path / "cats.txt", timeout=SLOW)
    expect(page.get_by_text("It looks like running text")).to_be_visible(timeout=SLOW)
    start(page)
    expect(said(page)).to_contain_text("Done at step 20 of 20", timeout=SLOW)
    expect(page.locator(".st-key-train_head_map canvas.ink")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Save as a checkpoint").click(timeout=SLOW)
    expect(page.get_by_text("Kept as “my model”")).to_be_visible(timeout=SLOW)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Generate").click()
    picker = page.locator(".st-key-checkpoint")
    picker.locator("input").click(timeout=SLOW)
    page.get_by_role("option", name="my model (yours)").click(timeout=SLOW)
    expect(page.get_by_text("trained on cats.txt")).to_be_visible(timeout=SLOW)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Train").click()
    page.get_by_role("button", name="Delete everything of mine").click(timeout=SLOW)
    page.get_by_role("button", name="Yes, delete everything").click(timeout=SLOW)
    expect(page.get_by_text("Nothing yet. Texts, runs and checkpoints")).to_be_visible(timeout=SLOW)
    is_clean(seen)


def test_another_server_with_the_same_folder_goes_on_where_the_first_one_died(
    address: str, kept: dict[str, str], serve: Serve, open_page: OpenPage
) -> None:
    seen = open_page(f"{address}/train?{TINY}&train_steps=100000&train_evaluate_every=0&train_share=5")
    page = seen.page
    start(page)
    expect(said(page)).to_contain_text("Training, with seed 1", timeout=SLOW)
    expect(page.locator(".st-key-train_losses")).to_be_visible(timeout=SLOW)
    page.locator(".st-key-train_buttons").get_by_role("button", name="Pause").click()
    saved = page.get_by_text(re.compile(r"Saved at step [\d,]+;"))
    expect(saved).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("train_run="), timeout=SLOW)
    again = serve(ROOT / "app.py", env=kept)  # the cookie is the host's, whatever the port
    page.goto(page.url.replace(address, again))
    go_on = page.get_by_role("button", name=re.compile(r"Go on from step [\d,]+"))
    expect(go_on).to_be_visible(timeout=SLOW)
    found = re.search(r"[\d,]+", go_on.inner_text())
    assert found is not None
    go_on.click()
    expect(said(page)).to_contain_text("Training, with seed 1", timeout=SLOW)
    saved_step = int(found[0].replace(",", ""))
    for _ in range(int(SLOW / 200)):
        reached = re.search(r"Step ([\d,]+) of", page.get_by_test_id("stProgress").first.inner_text())
        if reached is not None and int(reached[1].replace(",", "")) > saved_step:
            break
        page.wait_for_timeout(200)
    else:
        raise AssertionError(f"the run never came beyond step {saved_step}")
    page.locator(".st-key-train_buttons").get_by_role("button", name="Stop").click()
    expect(said(page)).to_contain_text("Stopped at step", timeout=SLOW)


def test_on_a_phone_in_the_dark_nothing_overflows(address: str, open_page: OpenPage) -> None:
    seen = open_page(f"{address}/train?{TINY}&train_steps=10", dark=True, width=390)
    page = seen.page
    start(page)
    expect(said(page)).to_contain_text("Done at step 10 of 10", timeout=SLOW)
    expect(page.locator(".st-key-train_losses canvas").first).to_be_visible(timeout=SLOW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    is_clean(seen)
