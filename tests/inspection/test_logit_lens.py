"""The logit lens against the model's own output and a second way to count ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer.inspection.logit_lens import read_lens
from tests.inspection.test_ablation_ranking import IDS, build
from tests.inspection.test_residual_stream import gpt_by_hand


@pytest.mark.parametrize("kind", ["gpt", "modern", "bare", "post-norm"])
def test_the_last_row_is_the_models_output(kind: str) -> None:
    model = build(kind)
    reading = read_lens(model, IDS, first=0, count=len(IDS), top=7)
    with torch.no_grad():
        expected = torch.softmax(model(torch.tensor([IDS]))[0].double(), dim=-1)
    by_token = np.take_along_axis(expected.numpy(), reading.tokens[-1], axis=-1)
    np.testing.assert_allclose(reading.probabilities[-1], by_token, atol=1e-6)
    assert (np.diff(reading.probabilities, axis=-1) <= 0).all()
    assert (reading.tokens[-1, :, 0] == expected.argmax(-1).numpy()).all()


def test_every_row_is_the_stream_there_through_the_final_norm_and_the_unembedding() -> None:
    model = build("gpt")
    reading = read_lens(model, IDS, first=2, count=3, top=4)
    assert reading.tokens.shape == (7, 3, 4)
    norm = model.get_submodule("final_norm")
    weight, bias = norm.get_parameter("weight"), norm.get_parameter("bias")
    for row, stream in enumerate(gpt_by_hand(model, IDS)):
        p = F.softmax(F.layer_norm(stream[2:5], (12,), weight, bias) @ model.get_parameter("unembedding.weight").T, -1)
        for column in range(3):
            following = IDS[3 + column]
            order = p[column].argsort(descending=True).tolist()
            assert reading.next_ids[column] == following
            assert reading.next_ranks[row, column] == order.index(following) + 1
            assert reading.next_probabilities[row, column] == pytest.approx(p[column, following].item(), abs=1e-5)
            assert reading.tokens[row, column].tolist() == order[:4]


def test_after_the_last_token_nothing_is_known_to_follow() -> None:
    reading = read_lens(build("gpt"), IDS, first=5, count=2)
    assert reading.next_ids.tolist() == [IDS[6], -1]
    assert (reading.next_ranks[:, 1] == 0).all()
    assert np.isnan(reading.next_probabilities[:, 1]).all()


def test_a_large_vocabulary_is_read_in_pieces_to_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("gpt")
    whole = read_lens(model, IDS, first=0, count=7)
    monkeypatch.setattr("explorer.inspection.logit_lens.LOGITS_AT_ONCE", 14)
    pieces = read_lens(model, IDS, first=0, count=7)
    np.testing.assert_allclose(pieces.probabilities, whole.probabilities, atol=1e-6)
    assert (pieces.next_ranks == whole.next_ranks).all()


def test_what_cannot_be_read_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="no residual paths"):
        read_lens(build("no residual"), IDS, first=0, count=2)
    with pytest.raises(ValueError, match="has 7 tokens"):
        read_lens(build("gpt"), IDS, first=5, count=3)
