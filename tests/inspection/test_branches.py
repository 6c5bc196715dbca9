"""Lines of a text that part: what is kept when one goes back, and how probable each line is."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.sampling import SamplingSettings
from explorer.inspection.branches import Branches, WrittenToken, log_probability, shared_length
from explorer.models.generation import Writer
from tests.models.test_gpt import tiny_gpt


def line(text: str) -> list[WrittenToken]:
    return [WrittenToken(ord(c), 0.5, 1.0, 0.5) for c in text]


def text(written: object) -> str:
    return "".join(chr(token.token) for token in written)  # type: ignore[attr-defined]


def test_going_back_keeps_the_line_and_returning_brings_it_back_whole() -> None:
    branches = Branches(line("abcd"))
    branches.rewind(2)
    branches.current += line("xy")
    assert (text(branches.current), branches.name) == ("abxy", "B")
    assert {name: text(kept) for name, kept in branches.kept.items()} == {"A": "abcd"}
    branches.open("A")
    assert (text(branches.current), branches.name) == ("abcd", "A")
    assert {name: text(kept) for name, kept in branches.kept.items()} == {"B": "abxy"}


def test_a_line_that_only_begins_another_is_not_kept_twice() -> None:
    branches = Branches(line("abcd"))
    for count in (3, 2, 1):
        branches.rewind(count)
    assert {name: text(kept) for name, kept in branches.kept.items()} == {"A": "abcd"}
    assert branches.name == "B"
    branches.current += line("bcde")
    branches.rewind(0)
    assert {name: text(kept) for name, kept in branches.kept.items()} == {"B": "abcde"}


def test_one_branch_too_many_takes_the_place_of_the_oldest() -> None:
    branches = Branches(line("a"), most=2)
    for c in "bcd":
        branches.rewind(0)
        branches.current += line(c)
    assert [text(kept) for kept in branches.kept.values()] == ["b", "c"]
    branches.forget("B")
    assert [text(kept) for kept in branches.kept.values()] == ["c"]


def test_a_branch_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="There is no branch 'Z'; there are none"):
        Branches(line("a")).open("Z")


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_two_lines_share_what_their_texts_share(one: str, other: str) -> None:
    n = shared_length(line(one), line(other))
    assert one[:n] == other[:n]
    assert n == min(len(one), len(other)) or one[n] != other[n]


def test_the_log_probability_of_a_line_is_that_of_torch_over_the_whole_text() -> None:
    model, prompt = tiny_gpt(), [3, 1]
    writer = Writer(model, prompt, SamplingSettings(0.7, top_k=5), seed=3)
    written = [WrittenToken.of(writer.draw(), writer.settings, None) for _ in range(6)]
    written.append(WrittenToken.of(writer.choose(12), writer.settings, None))
    with torch.no_grad():
        shares = model(torch.tensor([writer.ids]))[0].double().log_softmax(-1)
    direct = sum(shares[i - 1, writer.ids[i]].item() for i in range(len(prompt), len(writer.ids)))
    assert log_probability(written) == pytest.approx(direct, abs=1e-4)
    assert written[-1].chosen
    assert written[0].surprise == pytest.approx(-shares[1, writer.ids[2]].item() / math.log(2), abs=1e-4)
