"""What BatchNorm averages, with the mistake and without: shapes, counts, and values against torch.nn."""

from __future__ import annotations

import copy

import pytest
import torch

from explorer.inspection.wavenet_statistics import draw_windows, read_statistics, readable_text
from explorer.models.registry import build_model
from explorer.models.wavenet import WaveNet, WaveNetConfig
from explorer.text.corpora import Corpus, load_corpus
from explorer.text.tokenizers import CharTokenizer

K, B = 40, 32


@pytest.fixture(scope="module")
def net() -> WaveNet:
    model = build_model("wavenet", WaveNetConfig(12, 8, 5, 6), seed=2)
    assert isinstance(model, WaveNet)
    return model.eval()


@pytest.fixture(scope="module")
def batches() -> torch.Tensor:
    return torch.randint(12, (K, B, 8), generator=torch.Generator().manual_seed(1))


def test_the_mistake_keeps_a_row_of_statistics_for_every_position(net: WaveNet, batches: torch.Tensor) -> None:
    right = read_statistics(net, batches, over_positions=True)
    wrong = read_statistics(net, batches, over_positions=False)
    assert [level.input_shape for level in right] == [(B, 4, 6), (B, 2, 6), (B, 1, 6)]
    assert [level.shape for level in right] == [(1, 1, 6)] * 3
    assert [level.shape for level in wrong] == [(1, 4, 6), (1, 2, 6), (1, 1, 6)]
    assert [level.averaged for level in right] == [4 * B, 2 * B, B]
    assert [level.averaged for level in wrong] == [B] * 3
    for level in (*right, *wrong):
        assert level.means.shape == level.variances.shape == level.shape[1:]


def test_means_and_variances_are_those_that_torch_would_keep(net: WaveNet, batches: torch.Tensor) -> None:
    linear = net.network[1]
    x = linear(net.network[0](net.embedding(batches[0])))  # (B, 4, 6)
    theirs = torch.nn.BatchNorm1d(6, momentum=1.0)
    theirs(x.transpose(1, 2))
    first = read_statistics(net, batches, over_positions=True)[0]
    assert theirs.running_mean is not None
    assert theirs.running_var is not None
    torch.testing.assert_close(torch.from_numpy(first.means)[0], theirs.running_mean)
    n = B * 4
    torch.testing.assert_close(torch.from_numpy(first.variances)[0], theirs.running_var * (n - 1) / n)


def test_means_over_windows_alone_stray_twice_as_far_where_the_four_positions_are_independent(
    net: WaveNet, batches: torch.Tensor
) -> None:
    right = read_statistics(net, batches, over_positions=True)[0]
    wrong = read_statistics(net, batches, over_positions=False)[0]
    assert wrong.noise / right.noise == pytest.approx(2, rel=0.15)
    assert (wrong.noise, wrong.other_noise) == pytest.approx((right.other_noise, right.noise))


def test_the_net_that_is_read_stays_as_it_was(net: WaveNet, batches: torch.Tensor) -> None:
    before = copy.deepcopy(net.state_dict())
    read_statistics(net, batches, over_positions=False)
    assert not net.training
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_a_net_reads_of_a_foreign_corpus_the_words_it_has_letters_for() -> None:
    tokenizer = CharTokenizer("\nabcdefghijklmnopqrstuvwxyz")
    text, boundary = readable_text(load_corpus("tale"), tokenizer)
    assert boundary == "\n"
    assert not tokenizer.missing(text)
    assert readable_text(Corpus("own", "abab", "text", ""), CharTokenizer("ab")) == ("abab", None)
    with pytest.raises(ValueError, match="can read 0 words; choose another corpus"):
        readable_text(Corpus("own", "1 2 3", "text", ""), tokenizer)


def test_the_windows_are_the_same_every_time_and_do_not_reach_into_another_item() -> None:
    corpus = Corpus("own", "aa\nbb\n", "items", "")
    tokenizer = CharTokenizer("\nab")
    windows = draw_windows(corpus, tokenizer, 4, shape=(5, 6))
    assert windows.shape == (5, 6, 4)
    assert torch.equal(windows, draw_windows(corpus, tokenizer, 4, shape=(5, 6)))
    assert not ((windows == 1).any(dim=2) & (windows == 2).any(dim=2)).any()
