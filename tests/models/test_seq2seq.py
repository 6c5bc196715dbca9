"""The encoder–decoder against torch's own recurrent cells, and its two kinds against what defines them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from explorer.models.seq2seq import GRUCell, Read, Seq2Seq, Seq2SeqConfig, build_seq2seq

KINDS = pytest.mark.parametrize("attention", [True, False])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in the app: with small matrices two threads on busy cores mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(attention: bool = True, seed: int = 1) -> Seq2Seq:
    return build_seq2seq(Seq2SeqConfig(7, d_hidden=6, d_embedding=4, attention=attention), seed)


def ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, 7, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("B", "d_input", "d_hidden"), [(1, 1, 1), (3, 5, 4), (2, 4, 9)])
def test_the_cell_is_torchs_forward_and_backward(B: int, d_input: int, d_hidden: int) -> None:
    generator = torch.Generator().manual_seed(2)
    mine, theirs = GRUCell(d_input, d_hidden).double(), nn.GRUCell(d_input, d_hidden).double()
    mine.load_state_dict(theirs.state_dict())
    x, h = (torch.randn(B, d, generator=generator, dtype=torch.double) for d in (d_input, d_hidden))
    results = []
    for cell in (mine, theirs):
        inputs = (x.clone().requires_grad_(), h.clone().requires_grad_())
        again = cell(inputs[0], cell(*inputs))  # two steps, so that gradients pass through a state
        results.append((again, torch.autograd.grad(again.pow(2).sum(), (*inputs, *cell.parameters()))))
    torch.testing.assert_close(results[0][0], results[1][0])
    for a, b in zip(results[0][1], results[1][1], strict=True):
        torch.testing.assert_close(a, b)


def test_the_encoder_is_torchs_bidirectional_gru() -> None:
    model = small()
    gru = nn.GRU(4, 6, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for suffix, cell in (("", model.ahead), ("_reverse", model.back)):
            for name, parameter in cell.named_parameters():
                getattr(gru, f"{name.replace('_ih', '_ih_l0').replace('_hh', '_hh_l0')}{suffix}").copy_(parameter)
    source = ids(3, 5)
    annotations, last = gru(model.embedding(source))
    read = model.encode(source)
    torch.testing.assert_close(read.annotations, annotations)
    torch.testing.assert_close(read.last, torch.cat([last[0], last[1]], dim=-1))


@KINDS
def test_writing_step_by_step_gives_the_logits_of_teacher_forcing_on_what_was_written(attention: bool) -> None:
    model, source = small(attention), ids(4, 5)
    written = model.write(source, 6)
    torch.testing.assert_close(model(source, written.ids), written.logits)
    assert torch.equal(written.ids, written.logits.argmax(dim=-1))
    assert written.states.shape == (4, 6, 6)


def test_shares_sum_to_one_and_the_fixed_vector_has_none() -> None:
    weights = small().write(ids(4, 5), 6).weights
    assert weights is not None
    assert weights.shape == (4, 6, 5)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(4, 6))
    assert small(attention=False).write(ids(4, 5), 6).weights is None


def test_a_step_sees_only_the_targets_before_it() -> None:
    model, source, target = small(), ids(1, 5), ids(1, 6, seed=1)
    changed = target.clone()
    changed[0, 3] = target[0, 3] % 6 + 1
    same = (model(source, target) == model(source, changed)).all(dim=-1)[0]
    assert same.tolist() == [True, True, True, True, False, False]


def test_with_the_fixed_vector_the_decoder_knows_the_source_by_its_last_states_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, source, target = small(attention=False), ids(2, 5), ids(2, 5, seed=1)
    before = model(source, target)
    read = model.encode
    monkeypatch.setattr(model, "encode", lambda s: Read(read(s).annotations * 0, read(s).last, None))
    assert torch.equal(model(source, target), before)


@KINDS
def test_the_parameters_are_counted_without_making_the_model(attention: bool) -> None:
    for config in (Seq2SeqConfig(7, 6, 4, attention), Seq2SeqConfig(27, 33, 8, attention)):
        assert config.parameter_count() == sum(p.numel() for p in build_seq2seq(config, 1).parameters())


def test_both_kinds_differ_in_the_attention_alone() -> None:
    one, other = (dict(small(attention).named_parameters()) for attention in (True, False))
    assert {name.split(".")[0] for name in one.keys() - other.keys()} == {"attention"}
    assert {name: p.shape for name, p in one.items() if name in other} == {name: p.shape for name, p in other.items()}


def test_weights_depend_on_the_seed_alone_and_leave_torchs_random_numbers_as_they_were() -> None:
    state = torch.random.get_rng_state()
    first, again, other = small(seed=1), small(seed=1), small(seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.output.weight, other.output.weight)
    assert all(p.isfinite().all() for p in first.parameters())


def test_state_matrices_start_as_rotations() -> None:
    for rotation in small().decoder.weight_hh.chunk(3):
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(6), atol=1e-5, rtol=0)


def test_an_untrained_model_prefers_nothing_much() -> None:
    model = build_seq2seq(Seq2SeqConfig(27), 1)
    source = torch.randint(1, 27, (20, 8), generator=torch.Generator().manual_seed(1))
    assert 3.2 < model.loss(source, source).item() < 4.5  # ln 27 is 3.30


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"vocab_size": 1}, "vocab_size must be at least 2"),
        ({"vocab_size": 5, "d_hidden": 0}, "d_hidden must be at least 1, got 0"),
        ({"vocab_size": 5, "d_embedding": -1}, "d_embedding must be at least 1, got -1"),
    ],
)
def test_a_size_that_cannot_be_is_named(config: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Seq2SeqConfig(**config)  # type: ignore[arg-type]


def test_a_seed_that_torch_does_not_take_is_named() -> None:
    with pytest.raises(ValueError, match="seed"):
        small(seed=2**64)
