"""The tokenizers as a visitor meets them: merges by the keyboard, a token opened, the tokens of a phone; and that
the browser makes of them what Python does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer.inspection.tokenizers import cut_into_bytes
from explorer.text.batches import split_corpus
from explorer.text.bpe import BPETokenizer
from explorer.text.corpora import load_corpus
from explorer.ui.components.assets import read_assets
from explorer.ui.sections.tokenizers import DEFAULT_TEXT
from explorer.ui.sections.tokenizers_drawing import drawn, panel_of
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture
def visit(open_page: Callable[..., Any], address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with some settings in its address; at the end nothing may have gone wrong or left this machine."""
    opened = []

    def open_tokenizers(query: str = "", **options: Any) -> Page:
        watched = open_page(f"{address}/tokenizers{query}", **options)
        opened.append(watched)
        page: Page = watched.page
        expect(page.get_by_role("heading", name="Take it with you")).to_be_visible(timeout=90_000)
        expect(page.get_by_role("slider", name="Merges made")).to_be_visible(
            timeout=90_000
        )  # drawn after what is below
        return page

    yield open_tokenizers
    for watched in opened:
        # On a deep link Streamlit's own client first looks for its server under the page's address.
        assert [error for error in watched.errors if "/tokenizers/_stcore/" not in error] == []
        assert watched.foreign == []


def test_merges_are_undone_one_by_one_and_a_token_opens_its_merges(visit: Callable[..., Page]) -> None:
    page = visit("?tokenizers_text=aaabdaaabac&tokenizers_source=the+text+typed+above&tokenizers_merges=3")
    expect(page.get_by_role("option", name="“aaab”, token 0, id 258, 4 bytes").first).to_be_visible()
    tokens = page.get_by_role("listbox", name="Tokens: Byte-pair, 3 merges")
    expect(tokens.locator(".id")).to_have_text(["258", "100", "258", "97", "99"])
    page.get_by_role("option", name="“aaab”, token 0, id 258, 4 bytes").first.click()
    expect(page.get_by_role("img", name=re.compile("Merge 3: .* became “aaab”, id 258"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Byte-pair, 2 merges")).to_be_visible()
    expect(page).to_have_url(re.compile("tokenizers_merges=2"))
    slider = page.get_by_role("slider", name="Merges made")
    slider.press("Home")
    expect(page.get_by_role("heading", name="Byte-pair, 0 merges")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(page).to_have_url(re.compile("tokenizers_merges=0"))
    page.get_by_role("button", name="Three merges of aaabdaaabac").click()  # set again by the page, after the visitor
    expect(slider).to_have_value("3")
    expect(tokens.locator(".id")).to_have_text(["258", "100", "258", "97", "99"])


def test_the_slider_shows_at_once_what_encoding_with_so_many_merges_gives(visit: Callable[..., Page]) -> None:
    page = visit()
    learned = BPETokenizer.train(split_corpus(load_corpus("drama")).train, 256 + 1024)
    slider = page.get_by_role("slider", name="Merges made")
    for made in (0, 1, 300, 1023, 1024):
        slider.fill(str(made))
        cut = cut_into_bytes(learned.with_merges(made), DEFAULT_TEXT)
        tokens = page.get_by_role("listbox", name=f"Tokens: Byte-pair, {made:,} merges").get_by_role("option")
        spoken = [drawn(token, i, True).spoken for i, token in enumerate(cut.tokens)]
        assert tokens.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))") == spoken
        panel = panel_of("", cut, 256 + made, whitespace=True)
        expect(page.locator(".typed .counts").nth(2)).to_have_text(panel.counts)
        if made == 1024:
            expect(page.locator(".end")).to_contain_text("All 1,024 merges")
            continue
        after = page.get_by_role("listbox", name=f"Tokens: After: {made + 1:,} merges")
        expect(after.locator(".new .id").first).to_have_text(str(256 + made))
        expect(page.locator(".step .count").first).to_have_text(f"{learned.merges[made].count:,}")
        expect(page.locator(".step .verdict")).to_contain_text("the same.")


def test_the_browsers_opening_of_tokens_is_pythons_for_every_number_of_merges(browser: Browser) -> None:
    text = load_corpus("tale").text[:20_000] + "aaaa aaa 東京 👩‍🚀"
    learned = BPETokenizer.train(text, 256 + 400)
    scripts = read_assets("merge_board_tokens.js")
    page = browser.new_page()
    pairs = [(merge.left, merge.right, merge.count) for merge in learned.merges]
    found = page.evaluate(
        f"""([pairs, ids]) => {{ {scripts}
        const learned = new Learned({{ pairs, labels: [], partial: [] }});
        return pairs.map((_, made) => learned.tokensAfter(ids, made)); }}""",
        [pairs, learned.encode(text[-400:])],
    )
    page.close()
    assert found == [learned.with_merges(made).encode(text[-400:]) for made in range(len(pairs))]


TREES = """([pairs, labels, ids, scripts]) => {
  const { learned, drawTree } = new Function('data', `${scripts}; return { learned: new Learned(data), drawTree };`)(
    { pairs, labels, partial: [] });
  return ids.map((id) => {
    const box = document.createElement('div');
    drawTree(box, learned, id);
    const text = (node) => node.querySelector(':scope > .line .id').textContent;
    return { leaves: [...box.querySelectorAll('.byte')].map(text), boxes: [...box.querySelectorAll('.node')].map(text),
      said: box.getAttribute('aria-label') };
  });
}"""


def test_a_tree_ends_in_the_bytes_of_its_token_and_a_long_token_is_opened_once(browser: Browser) -> None:
    page = browser.new_page()
    scripts = read_assets("coloured_tokens_panels.js", "merge_board_tokens.js", "merge_board_draw.js")

    def trees(learned: BPETokenizer, tokens: list[int]) -> list[dict[str, Any]]:
        pairs = [(merge.left, merge.right, merge.count) for merge in learned.merges]
        labels = [f"<{i}>" for i in range(learned.vocab_size)]
        found: list[dict[str, Any]] = page.evaluate(TREES, [pairs, labels, tokens, scripts])
        return found

    learned = BPETokenizer.train(load_corpus("tale").text[:20_000], 256 + 200)
    tokens = list(range(256, learned.vocab_size))
    for token, tree in zip(tokens, trees(learned, tokens), strict=True):
        assert tree["leaves"] == [f"id {byte}" for byte in learned.token_bytes(token)]
        assert tree["said"].endswith(f"became “<{token}>”, id {token}.")
        ranks = [int(rank) for rank in re.findall(r"Merge (\d+):", tree["said"])]
        assert ranks == sorted(ranks)  # parts are made before the whole
    long = BPETokenizer.train("a" * 4096, 256 + 12, pattern=None)
    (tree,) = trees(long, [267])
    assert tree["boxes"] == ["id 267, merge 12", *["id 266, merge 11, not opened here"] * 2]
    (byte,) = trees(long, [97])
    assert byte["said"] == "A single byte: it was there before the first merge."
    page.close()


def test_the_keyboard_walks_the_tokens_and_opens_the_count_of_a_rival(visit: Callable[..., Page]) -> None:
    page = visit("?tokenizers_text=the+theatre&tokenizers_merges=0", dark=True)
    first = page.get_by_role("listbox", name="Tokens: Byte-pair, 0 merges").get_by_role("option").first
    first.focus()
    page.keyboard.press("ArrowRight")
    readout = page.locator(".panel").filter(has_text="Byte-pair, 0 merges").locator(".readout")
    expect(readout).to_contain_text("“h”, token 1, id 104")
    rival = page.get_by_role("button", name=re.compile("times$")).first
    rival.focus()
    page.keyboard.press("Enter")
    expect(rival).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".step .verdict")).to_contain_text("the same.")


def test_what_is_typed_is_shown_as_text_and_nothing_overflows_a_phone(visit: Callable[..., Page]) -> None:
    page = visit("?tokenizers_text=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", width=390)
    expect(page.get_by_role("option", name=re.compile("“<”, token 0")).first).to_be_visible()
    assert page.locator("[data-testid=stMain] img[src=x]").count() == 0
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
