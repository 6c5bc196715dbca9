"""Readings of tokenizers agree with the text they read, with tiktoken, and with a count made by hand."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.inspection.merges import compression, curve_points, shares_of, shares_of_all, token_counts, tokens_after
from explorer.inspection.sentences import SAMPLES
from explorer.inspection.tokenizers import (
    CutText,
    Reader,
    cost_of,
    cut_by_vocabulary,
    cut_into_bytes,
    cut_into_characters,
    cut_into_words,
    open_cost,
)
from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import GPT2_SPLIT, to_bytes
from explorer.text.corpora import load_corpus
from explorer.text.known_vocabularies import from_tiktoken
from explorer.text.tokenizers import CharTokenizer, WordTokenizer
from explorer.training.bpe import Vocabularies, learn_vocabularies

UNICODE = st.text(st.characters(exclude_categories=[]), max_size=60)  # lone surrogates too


def learn(text: str, merges: int, held_out: str = "") -> Vocabularies:
    *_, last = learn_vocabularies(text, held_out, 256 + merges)
    assert last.vocabularies is not None
    return last.vocabularies


@pytest.fixture(scope="module")
def tale() -> Vocabularies:
    text = load_corpus("tale").text
    return learn(text[:60_000], 200, text[60_000:70_000])


@settings(max_examples=60, deadline=None)
@given(text=UNICODE)
def test_tokens_of_bytes_and_of_characters_hold_every_byte_of_any_text_in_order(text: str) -> None:
    tokenizer = BPETokenizer.train("the cat, the hat, the theatre", 270)
    for cut in (cut_into_bytes(tokenizer, text), cut_into_characters(CharTokenizer("abc"), text)):
        assert b"".join(token.data for token in cut.tokens) == to_bytes(text)
        assert all(a.end == b.start for a, b in pairwise(cut.tokens))
        assert cut.n_bytes == len(to_bytes(text))


@settings(max_examples=60, deadline=None)
@given(text=UNICODE)
def test_words_stand_where_they_stand_in_the_text(text: str) -> None:
    data = to_bytes(text)
    for token in cut_into_words(WordTokenizer.from_text("a b c"), text).tokens:
        assert data[token.start : token.end] == token.data


def test_a_character_without_an_id_is_a_token_without_one_and_counts_as_lost() -> None:
    cut = cut_into_characters(CharTokenizer("abc"), "aéb")
    assert [token.id for token in cut.tokens] == [0, None, 1]
    assert cut.lost == 1


def test_an_unknown_word_is_lost_and_the_end_of_text_symbol_is_not() -> None:
    cut = cut_into_words(WordTokenizer.from_text("the cat sat"), "the dog<eot> sat")
    assert [token.special for token in cut.tokens] == ["", "<unk>", "<eot>", ""]
    assert [token.text for token in cut.tokens] == ["the", "dog", "<eot>", "sat"]
    assert cut.lost == 3


def test_a_tiktoken_encoding_with_the_same_merges_cuts_the_same(tale: Vocabularies) -> None:
    ranks = {tale.byte_pair.token_bytes(i): i for i in range(tale.byte_pair.vocab_size)}
    encoding = tiktoken.Encoding("tale", pat_str=GPT2_SPLIT, mergeable_ranks=ranks, special_tokens={})
    for sample in SAMPLES:
        ours = cut_into_bytes(tale.byte_pair, sample.text)
        assert cut_by_vocabulary(from_tiktoken("tale", encoding), sample.text).tokens == ours.tokens


def test_the_token_over_a_byte_is_found_and_beyond_the_text_there_is_none() -> None:
    cut = cut_into_bytes(BPETokenizer(), "é!")
    assert [token.start for i in range(3) if (token := cut.at(i))] == [0, 1, 2]
    assert cut.at(3) is None
    assert cut.tokens[0].text is None


def test_a_text_of_no_token_has_no_ratio() -> None:
    assert np.isnan(CutText((), 0, 0).bytes_per_token)
    assert np.isnan(CutText((), 0, 0).tokens_per_character)


@settings(max_examples=80, deadline=None)
@given(learned_from=st.text("ab é", min_size=2, max_size=60), text=st.text("ab cé\ud800", max_size=40), data=st.data())
def test_opening_the_tokens_of_later_merges_gives_what_encoding_with_the_earlier_ones_gives(
    learned_from: str, text: str, data: st.DataObject
) -> None:
    pattern = data.draw(st.sampled_from([None, GPT2_SPLIT]))
    learned = BPETokenizer.train(learned_from, 256 + 30, pattern=pattern)
    ids, counts = learned.encode(text), token_counts(learned.encode(text), learned.merges)
    assert len(counts) == len(learned.merges) + 1
    for made in range(len(learned.merges) + 1):
        afresh = learned.with_merges(made).encode(text)
        assert tokens_after(ids, learned.merges, made) == afresh
        assert counts[made] == len(afresh)


def test_a_chain_of_merges_deeper_than_pythons_stack_is_opened() -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 700)))
    learned = BPETokenizer.train(text * 2, 256 + 3000, pattern=None)
    assert tokens_after(learned.encode(text), learned.merges, 0) == list(text.encode())


@pytest.mark.parametrize("made", [0, 1, 17, 120, 199])
def test_the_shares_of_every_candidate_add_up_to_the_count_that_learning_kept(tale: Vocabularies, made: int) -> None:
    merge, before = tale.byte_pair.merges[made], tale.byte_pair.with_merges(made)
    candidates = [(merge.left, merge.right, merge.count), *merge.rivals]
    counts = [count for _, _, count in candidates]
    assert counts == sorted(counts, reverse=True)
    for left, right, count in candidates:
        shares = shares_of(before, tale.pieces, (left, right))
        assert sum(share.times * share.inside for share in shares) == count
    afresh: Counter[tuple[int, int]] = Counter()
    for piece, times in tale.pieces.items():
        for pair in pairwise(before.encode(piece)):
            afresh[pair] += times
    assert max(afresh.values()) == merge.count == afresh[merge.left, merge.right]


def test_the_shares_of_all_merges_at_once_are_those_of_each_and_add_up_to_its_count(tale: Vocabularies) -> None:
    found = shares_of_all(tale.byte_pair, tale.pieces, 6)
    assert [one.total for one in found] == [merge.count for merge in tale.byte_pair.merges]
    for merge, one in zip(tale.byte_pair.merges[::9], found[::9], strict=True):
        shares = shares_of(tale.byte_pair.with_merges(merge.rank), tale.pieces, (merge.left, merge.right))
        assert (one.largest, one.pieces) == (tuple(shares[:6]), len(shares))


@settings(max_examples=60, deadline=None)
@given(text=st.lists(st.sampled_from(["a", "aa", "aaa", "b", " "]), min_size=1, max_size=40).map("".join))
def test_pairs_that_overlap_are_counted_at_once_as_one_by_one(text: str) -> None:
    learned = learn(text, 20)
    for merge, one in zip(learned.byte_pair.merges, shares_of_all(learned.byte_pair, learned.pieces, 99), strict=True):
        shares = shares_of(learned.byte_pair.with_merges(merge.rank), learned.pieces, (merge.left, merge.right))
        assert list(one.largest) == shares
        assert one.total == merge.count == sum(share.times * share.inside for share in shares)


def test_compression_begins_at_one_byte_a_token_and_grows_with_merges(tale: Vocabularies) -> None:
    reading = compression(tale.byte_pair, tale.text, tale.held_out)
    assert reading.merges[[0, -1]].tolist() == [0, 200]
    for curve in (reading.learned_from, reading.held_out):
        assert curve[0] == 1
        assert (np.diff(curve) > 0).all()
    tokens = len(tale.byte_pair.encode(tale.held_out))
    assert reading.held_out[-1] == pytest.approx(len(to_bytes(tale.held_out)) / tokens)


def test_without_held_out_text_its_curve_is_empty() -> None:
    learned = learn("aaabdaaabac", 3)
    assert np.isnan(compression(learned.byte_pair, learned.text, "").held_out).all()


@pytest.mark.parametrize("merges", [0, 1, 3, 7, 1024])
def test_a_curve_is_taken_at_rising_numbers_from_none_to_all(merges: int) -> None:
    points = curve_points(merges).tolist()
    assert points == sorted(set(points))
    assert (points[0], points[-1]) == (0, merges)


def test_costs_are_tokens_by_characters_and_only_translations_are_compared() -> None:
    reading = cost_of(SAMPLES, [Reader("bytes", 256, partial(cut_into_bytes, BPETokenizer()))])
    assert reading.tokens[:, 0].tolist() == [len(sample.text.encode()) for sample in SAMPLES]
    assert reading.against_first[0, 0] == 1
    assert np.isnan(reading.against_first[:, 0]).tolist() == [not sample.is_translation for sample in SAMPLES]
    for against_first in (False, True):
        opened = open_cost(reading, 10, 0, against_first=against_first)
        assert opened.difference == 0
    with pytest.raises(ValueError, match="no translation"):
        open_cost(reading, len(SAMPLES) - 1, 0, against_first=True)


def test_a_text_that_a_tokenizer_refuses_has_no_cost() -> None:
    def refuse(text: str) -> CutText:
        raise ValueError("no")

    reading = cost_of(SAMPLES[:1], [Reader("none", 1, refuse)])
    assert np.isnan(reading.tokens).all()
    with pytest.raises(ValueError, match="refuses"):
        open_cost(reading, 0, 0)


def test_learning_tells_of_every_merge_and_ends_with_the_vocabularies() -> None:
    progress = list(learn_vocabularies("aaabdaaabac", "", 259))
    assert [p.step for p in progress] == [0, 1, 2, 3, 3]
    assert [p.vocabularies is None for p in progress] == [True] * 4 + [False]
    learned = progress[-1].vocabularies
    assert learned is not None
    assert learned.byte_pair.encode("aaabdaaabac") == [258, 100, 258, 97, 99]
    assert progress[1].pair == (b"a", b"a")


@pytest.mark.parametrize(("text", "size", "says"), [("", 300, "empty"), ("abc", 255, "256")])
def test_a_text_or_a_size_from_which_nothing_can_be_learned_is_refused(text: str, size: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(learn_vocabularies(text, "", size))
