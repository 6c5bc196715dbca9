"""Byte-pair encoding against tiktoken, against the `tokenizers` library, and against a plain recount."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers, trainers

from explorer.text import bpe, bpe_merges
from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import Merge, count_pieces, learn_merges, split_pieces, to_bytes, train_steps
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import tokenizer_from_json

TALE = load_corpus("tale").text[:40_000]
LEARNED = BPETokenizer.train(TALE, 600)
anything = st.text(st.characters(codec=None), max_size=60)  # half surrogate pairs too
readable = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# Text in which many merges apply, with things in between in which none do.
mixed = st.lists(
    st.sampled_from([*TALE.split()[:300], " ", "\n\n", "\t", "é", "日本", "👩🏽‍🚀", "42", "'ll"]), max_size=25
).map(" ".join)
words = st.lists(st.text("abc", min_size=1, max_size=14), min_size=1, max_size=9)


def recount(pieces: Counter[str], merges: int) -> list[tuple[int, int, int]]:
    """Learning as it is described: count every pair of every piece anew before each merge."""
    tokens = [(list(to_bytes(piece)), n) for piece, n in pieces.items()]
    learned = []
    for rank in range(merges):
        counts: Counter[tuple[int, int]] = Counter()
        for piece, n in tokens:
            for pair in pairwise(piece):
                counts[pair] += n
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        learned.append((*best, counts[best]))
        tokens = [(bpe._joined(piece, best, 256 + rank), n) for piece, n in tokens]
    return learned


def in_tiktoken(ours: BPETokenizer) -> tiktoken.Encoding:
    ranks = {ours.token_bytes(i): i for i in range(256 + len(ours.merges))}
    special = {text: 256 + len(ours.merges) + i for i, text in enumerate(ours.special_tokens)}
    return tiktoken.Encoding("ours", pat_str=str(ours.pattern), mergeable_ranks=ranks, special_tokens=special)


def in_tokenizers(ours: BPETokenizer) -> Any:
    """The same merges in Hugging Face's library, whose tokens are spelled in its table of visible bytes."""
    alphabet = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def spelled(token: int) -> str:
        return "".join(by_byte[b] for b in ours.token_bytes(token))

    # The table of the GPT-2 release: printable bytes stand for themselves, the rest are numbered from 256 on.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    by_byte = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}
    assert set(by_byte.values()) == set(alphabet.alphabet())
    theirs = tokenizers.Tokenizer(
        models.BPE(
            vocab={spelled(i): i for i in range(256 + len(ours.merges))},
            merges=[(spelled(m.left), spelled(m.right)) for m in ours.merges],
        )
    )
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    return theirs


TIKTOKEN, TOKENIZERS = in_tiktoken(LEARNED), in_tokenizers(LEARNED)


def test_the_worked_example_of_the_original_article() -> None:
    learned = BPETokenizer.train("aaabdaaabac", 259, pattern=None)
    assert learned.encode("aaabdaaabac") == [258, 100, 258, 97, 99]
    assert [learned.token_bytes(i) for i in (256, 257, 258)] == [b"aa", b"ab", b"aaab"]


@given(anything)
def test_any_text_comes_back_from_its_tokens(text: str) -> None:
    for tokenizer in (LEARNED, BPETokenizer(), BPETokenizer(LEARNED.merges, pattern=None)):
        ids = tokenizer.encode(text)
        assert tokenizer.decode_bytes(ids) == to_bytes(text)
        assert tokenizer.decode(ids) == text
        assert all(0 <= i < tokenizer.vocab_size for i in ids)


@given(st.one_of(mixed, readable))
def test_ids_are_those_of_tiktoken_and_of_the_tokenizers_library(text: str) -> None:
    ids = LEARNED.encode(text)
    assert ids == TIKTOKEN.encode_ordinary(text)
    assert ids == TOKENIZERS.encode(text).ids


@given(words, st.integers(1, 40), st.lists(st.text("abcd", max_size=30), min_size=1, max_size=4))
def test_ids_are_tiktokens_for_any_learned_merges(learn_from: list[str], merges: int, texts: list[str]) -> None:
    ours = BPETokenizer.train(" ".join(learn_from), 256 + merges)
    theirs = in_tiktoken(ours)
    assert all(ours.encode(text) == theirs.encode_ordinary(text) for text in texts)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=14), st.integers(1, 9), min_size=1, max_size=9))
def test_updated_counts_are_those_of_counting_anew(pieces: dict[str, int]) -> None:
    counted = Counter(pieces)
    learned = [(m.left, m.right, m.count) for m in learn_merges(counted, 30)]
    assert learned == recount(counted, 30)


@given(st.dictionaries(st.text("ab", min_size=1, max_size=20), st.integers(1, 9), min_size=1, max_size=4))
def test_rivals_are_the_next_most_frequent_pairs(pieces: dict[str, int]) -> None:
    tokens = [(list(to_bytes(piece)), n) for piece, n in pieces.items()]
    for merge in learn_merges(Counter(pieces), 8, rivals=3):
        counts: Counter[tuple[int, int]] = Counter()
        for piece, n in tokens:
            for pair in pairwise(piece):
                counts[pair] += n
        ordered = sorted(counts, key=lambda pair: (-counts[pair], pair))
        expected = [(*pair, counts[pair]) for pair in ordered[1:4]]
        assert list(merge.rivals) == expected
        tokens = [(bpe._joined(piece, (merge.left, merge.right), merge.new), n) for piece, n in tokens]


@given(words, st.integers(1, 40))
def test_merges_are_those_the_tokenizers_library_learns(learn_from: list[str], merges: int) -> None:
    """Ties too: of equally frequent pairs both take the smallest ids, and the ids of letters are in one order in both.

    (Theirs follow the table of visible bytes, in which a space comes after the letters: there ties may differ.)
    """
    text = "\n".join(learn_from)
    theirs = tokenizers.Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(
        [text], trainers.BpeTrainer(vocab_size=256 + merges, initial_alphabet=alphabet, show_progress=False)
    )
    ours = BPETokenizer.train(text, 256 + merges)
    learned = [[ours.token_bytes(m.left).decode(), ours.token_bytes(m.right).decode()] for m in ours.merges]
    assert learned == json.loads(theirs.to_str())["model"]["merges"]


def test_merges_of_a_real_text_are_those_of_counting_anew() -> None:
    pieces = Counter(split_pieces(TALE[:6000]))
    assert [(m.left, m.right, m.count) for m in learn_merges(pieces, 60)] == recount(pieces, 60)


def test_cutting_in_slices_cuts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = TALE[:5000] + "  \n\n a'll 12" + "x" * 300 + " \u00a0 end"
    monkeypatch.setattr(bpe_merges, "SLICE", 97)
    seen = [pieces.total() for pieces in count_pieces(text)]
    assert len(seen) > 20
    assert seen == sorted(seen)
    *_, pieces = count_pieces(text)
    assert pieces == Counter(split_pieces(text))


@given(st.text("ab", max_size=400))
def test_a_pattern_of_ones_own_loses_nothing(text: str) -> None:
    for pattern in ("a", "(a)(b)", "b*", r"x"):
        tokenizer = BPETokenizer(LEARNED.merges, pattern=pattern)
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_first_count_does_not_depend_on_how_it_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = Counter(split_pieces(TALE[:3000]))
    at_once = list(learn_merges(pieces, 20))
    monkeypatch.setattr(bpe_merges, "_PLACES_AT_ONCE", 7)
    assert list(learn_merges(pieces, 20)) == at_once


@given(st.text("ab", max_size=400))
def test_long_pieces_are_merged_as_short_ones_are(text: str) -> None:
    learned = BPETokenizer.train("aab abab aabb abba" * 3, 280, pattern=None)
    expected = list(to_bytes(text))
    for merge in learned.merges:
        expected = bpe._joined(expected, (merge.left, merge.right), merge.new)
    assert learned.encode(text) == expected


def test_a_line_of_200_kb_without_a_space_is_learned_from_and_encoded() -> None:
    line = "abcde" * 40_000
    learned = BPETokenizer.train(line, 262)
    assert learned.decode(learned.encode(line)) == line
    assert len(learned.encode(line)) <= len(line) / 5


def test_fewer_merges_are_an_earlier_moment_of_learning() -> None:
    assert LEARNED.with_merges(100) == BPETokenizer.train(TALE, 356)
    assert LEARNED.with_merges(0).encode("né") == [110, 195, 169]
    with pytest.raises(ValueError, match="has 344 merges; it cannot be cut to 345"):
        LEARNED.with_merges(345)


def test_steps_show_the_text_after_each_merge_that_changes_it() -> None:
    learned = BPETokenizer.train("aaabdaaabac", 259, pattern=None)
    assert [len(tokens) for tokens in learned.steps("aaabdaaabac", 3)] == [11, 9, 7, 5]
    assert [len(tokens) for tokens in learned.steps("dd", 3)] == [2]


def test_special_tokens_are_tokens_only_where_they_are_allowed() -> None:
    ours = BPETokenizer(LEARNED.merges, special_tokens=("<|end|>", "<|end|>!"))
    theirs = in_tiktoken(ours)
    text = "one<|end|>two<|end|>!"
    assert ours.encode(text) == theirs.encode_ordinary(text)
    allowed = ours.encode(text, allowed_special=ours.special_tokens)
    assert [i for i in allowed if i >= 600] == [600, 601]
    assert ours.decode(allowed) == text
    text = "one<|end|>two <|end|>"
    only = ours.encode(text, allowed_special=["<|end|>"])
    assert only == theirs.encode(text, allowed_special={"<|end|>"}, disallowed_special=())
    with pytest.raises(ValueError, match=r"got \['<pad>'\]"):
        ours.encode(text, allowed_special=["<pad>"])
    assert BPETokenizer.train(TALE, 300, special_tokens=["<|end|>"]).vocab_size == 300


def test_it_is_kept_as_json_and_rubbish_is_refused() -> None:
    data = json.loads(json.dumps(BPETokenizer(LEARNED.merges, special_tokens=("<|end|>",)).to_json()))
    back = tokenizer_from_json(data)
    assert back == BPETokenizer(LEARNED.merges, special_tokens=("<|end|>",))
    doubled = [[97, 97, 1], *([256 + i, 256 + i, 1] for i in range(40))]
    for changes, said in (
        ({"merges": [[1, 999, 3]]}, "tokens below 256, got 1 and 999"),
        ({"merges": [[97.5, 97, 3]]}, "not whole numbers"),
        ({"merges": [[97, 97, 1], [97, 97, 1]]}, "the same merge twice"),
        ({"merges": doubled}, "a token of 16,777,216 bytes"),
        ({"merges": "x"}, ""),
        ({"merges": 3}, ""),
        ({"pattern": "("}, ""),
        ({"special_tokens": ["a", "a"]}, "must be different"),
        ({"special_tokens": [1]}, "no list of strings"),
        ({"special_tokens": "ab"}, "no list of strings"),
    ):
        with pytest.raises(ValueError, match=f"kind 'bpe' with its merges.*{said}"):
            tokenizer_from_json(data | changes)


@pytest.mark.parametrize("size", [255, 0, -5])
def test_a_vocabulary_without_room_for_the_bytes_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"256 single bytes first; got a size of {size}"):
        list(train_steps("some text", size))


def test_an_absurd_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 1,000,000 tokens was expected, got 1,000,000,000,000"):
        BPETokenizer.train("some text", 10**12)


def test_learning_ends_where_no_pair_is_left() -> None:
    assert BPETokenizer.train("", 1000).merges == ()
    assert [m.count for m in BPETokenizer.train("ab ab ab", 1000).merges] == [3, 2]


def test_tokens_are_labelled_readably() -> None:
    tokenizer = BPETokenizer((Merge(0, 32, 97), Merge(1, 195, 169)))
    assert [tokenizer.labels[i] for i in (10, 97, 256, 257, 195, 0)] == ["↵", "a", "␣a", "é", "\\xc3", "\\x00"]
    with pytest.raises(ValueError, match="from 0 to 257, got 258"):
        tokenizer.token_bytes(258)
