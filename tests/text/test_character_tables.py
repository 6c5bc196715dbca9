"""nanoGPT's meta.pkl is taken apart, not unpickled: against pickle itself where it is plain, refused where it is not."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.character_tables import read_characters, read_plain_pickle

PLAIN = st.dictionaries(
    st.text(max_size=3) | st.integers(-(2**40), 2**40),
    st.text() | st.integers() | st.dictionaries(st.text(max_size=2), st.integers(), max_size=3),
    max_size=20,
)


@given(PLAIN, st.integers(2, 5))
def test_a_plain_table_is_what_pickle_says_it_is(table: dict[Any, Any], protocol: int) -> None:
    content = pickle.dumps(table, protocol)
    assert read_plain_pickle(content) == pickle.loads(content) == table


class Instructions:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("/tmp/explorer-was-run"),)


@pytest.mark.parametrize("value", [Instructions(), print, OrderedDict(a=1), b"bytes", [1], 1.5, None, {1}])
def test_what_is_more_than_a_table_is_refused_before_anything_runs(value: object) -> None:
    with pytest.raises(ValueError, match="does more than hold a table"):
        read_plain_pickle(pickle.dumps({"stoi": value}))
    assert not Path("/tmp/explorer-was-run").exists()


@given(st.binary(max_size=60), st.integers(0, 100))
def test_any_bytes_end_in_a_value_or_a_sentence(noise: bytes, cut: int) -> None:
    for content in (b"\x80\x04" + noise, pickle.dumps({"stoi": {"a": 0, "b": 1}})[:cut] + noise):
        with suppress(ValueError):
            read_plain_pickle(content)


@pytest.mark.parametrize(
    "table", ["ab\n", ["a", "b", "\n"], {"a": 0, "b": 1, "\n": 2}, {"itos": {"0": "a", "1": "b", "2": "\n"}}]
)
def test_json_in_any_usual_form_is_read(tmp_path: Path, table: object) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(table))
    assert read_characters(tmp_path / "meta.json").characters == "ab\n"


@pytest.mark.parametrize("table", [{"a": 0, "b": 2}, ["ab"], 5, {}, {"stoi": {"a": "x"}}, "aa", [1]])
def test_a_table_that_is_none_is_refused_by_name(tmp_path: Path, table: object) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match=r"meta\.json is no character table"):
        read_characters(tmp_path / "meta.json")
