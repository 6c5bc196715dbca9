"""The Train page's texts and settings: what is assumed about a file is said, and what cannot be is answered in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.ui.sections.train_text import KINDS, OWN
from tests.pages.driving import chart, go, open_page, press, problems, words
from tests.pages.train_driving import (
    PAGE,
    QUICK,
    STORY,
    finished,
    server_of_its_own,
    upload,
    visitor,
)


@pytest.fixture(autouse=True)
def a_server_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with server_of_its_own(monkeypatch, tmp_path) as folder:
        yield folder


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bytes(range(256)) * 20, "looks binary"),
        (b"a", "at least 50 characters was expected, since a tenth of it is held out; got 1 character"),
        (b"x" * 6_000_000, "at most 5 MB was expected"),
        (
            "".join(chr(0x4E00 + i) for i in range(5000)).encode(),
            "5,000 different characters; one token each is too many",
        ),
    ],
)
def test_a_file_that_cannot_be_learned_from_is_answered_in_a_sentence(content: bytes, said: str) -> None:
    at = upload(open_page(PAGE, **(QUICK | visitor("ana") | {"train_source": OWN})), "bad.txt", content)
    assert any(said in problem for problem in problems(at)), problems(at)
    assert at.button(key="train_start").disabled


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (STORY.encode("utf-16"), "in UTF-16, as its byte order mark says"),
        (STORY.replace("cat", "cät").encode("latin-1"), "not UTF-8"),
        (b"\xef\xbb\xbf" + STORY.encode(), "its byte order mark was left out"),
        (b"id,word\n" + b"".join(b"%d,cat\n" % i for i in range(60)), "looks like a table of 2 columns"),
    ],
)
def test_what_was_assumed_about_a_file_is_said_and_it_can_be_trained_on(content: bytes, said: str) -> None:
    own = {"train_source": OWN, "train_share": 100.0}
    at = upload(open_page(PAGE, **(QUICK | visitor("ana") | own)), "mine.txt", content)
    assert said in words(at).replace("\\", "")
    assert not at.button(key="train_start").disabled, problems(at)


def test_a_list_is_read_as_items_unless_the_visitor_says_otherwise() -> None:
    names = "\n".join(f"{a}{b}{c}" for a in "aeiou" for b in "bcdfg" for c in "aeiou").encode()
    at = upload(
        open_page(PAGE, **(QUICK | visitor("ana") | {"train_source": OWN, "train_share": 100.0})), "n.txt", names
    )
    assert at.button_group(key="train_kind").value == KINDS["items"]
    at = finished(press(at, "train_start"))
    assert at.dataframe[0].value.to_dict("records")[0]["text"] == "n.txt"
    at.button_group(key="train_kind").set_value(KINDS["text"])
    assert not problems(go(at))


def test_fine_tuning_adds_the_new_letters_and_draws_the_old_texts_loss_beside_the_new() -> None:
    at = open_page(
        PAGE,
        **(QUICK | visitor("ana")),
        train_begin="a checkpoint (fine-tune)",
        train_parent="drama-gpt",
        train_corpus="poemas",
    )
    assert "characters of this text are new to it" in words(at).replace("\\", "")
    at.number_input(key="train_steps").set_value(2)
    at.number_input(key="train_batch_size").set_value(1)
    at = finished(press(go(at), "train_start"))
    series = {s["name"]: s["data"] for s in chart(at, "train_losses")["series"]}
    assert [step for step, _ in series["old text, held out"]] == [0, 2]
    assert "On the old text" in words(at)
    assert "new symbols were added" in words(at)


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"train_gpt_d_model": 15}, "d_model is cut into n_heads equal heads"),
        ({"train_steps": 10**6}, "Here a run may take 100,000 steps"),
        ({"train_gpt_d_model": 2000, "train_gpt_n_layers": 9}, "here a model may have 12,000,000"),
        ({"train_batch_size": 10**6}, "of memory; here a run may take"),
        ({"train_learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"train_share": 0.0}, "share of the text must be above 0"),
        ({"train_gpt_context_length": 900, "train_share": 0.1}, "needs a training part of at least 901 characters"),
        ({"train_tokenizer": "bpe", "train_vocab": 100}, "at least 256 tokens; got 100"),
    ],
)
def test_settings_that_cannot_be_are_answered_in_place_and_disable_the_start(
    controls: dict[str, Any], said: str
) -> None:
    at = open_page(PAGE, **(QUICK | controls))
    assert any(said in problem for problem in problems(at)), problems(at)
    assert at.button(key="train_start").disabled
