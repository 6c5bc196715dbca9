"""An RNN encoder–decoder, with one fixed vector between its halves or with Bahdanau's attention.

A recurrent network reads the source and leaves an annotation at every place; another writes the target symbol by
symbol, and reads a context c at every step:

    fixed vector   c is the same at every step: the encoder's two last states (Sutskever et al., 2014; Cho et al., 2014)
    attention      c is chosen anew at every step, a mixture of all annotations (Bahdanau, Cho & Bengio, 2015)

All else is the same network, so that what differs between the two is c alone. The encoder reads in both directions, as
Bahdanau's does: an annotation then knows what stands on either side of its place. The fixed vector gets both last
states too, so it is not put at a disadvantage.

Shapes: B batch, S source length, T target length, E width of an embedding, H hidden units, V symbols. All sources of a
batch are equally long, so nothing is padded or masked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.core.additive_attention import AdditiveAttention
from explorer.core.layers import Embedding, Linear
from explorer.core.probability import cross_entropy
from explorer.core.sampling import check_seed


@dataclass(frozen=True)
class Seq2SeqConfig:
    """vocab_size: symbols, the end mark among them, whose id is 0 and which also begins what is written.
    d_hidden: units of each of the three recurrent cells and of the comparison. d_embedding: width of a symbol's vector.
    attention: whether the context is chosen at every step. Raises ValueError naming the option that cannot be.
    """

    vocab_size: int
    d_hidden: int = 64
    d_embedding: int = 32
    attention: bool = True

    def __post_init__(self) -> None:
        if self.vocab_size < 2:
            raise ValueError(f"vocab_size must be at least 2, the end mark and a symbol; got {self.vocab_size}.")
        for name in ("d_hidden", "d_embedding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")

    def parameter_count(self) -> int:
        """How many numbers the model learns, without making it."""
        V, H, E = self.vocab_size, self.d_hidden, self.d_embedding
        encoder = 2 * (3 * H * (E + H) + 6 * H)
        decoder = 3 * H * (E + 2 * H + H) + 6 * H
        attention = H * H + H + 2 * H * H + H if self.attention else 0
        bridge, output = 2 * H * H + H, (E + 3 * H) * V + V
        return V * E + encoder + decoder + attention + bridge + output


class GRUCell(nn.Module):
    """One step of a gated recurrent unit (Cho et al., 2014): what to keep of the old state, what to take from the input.

        r = σ(W_ir x + b_ir + W_hr h + b_hr)           reset gate: how much of the old state the candidate sees
        z = σ(W_iz x + b_iz + W_hz h + b_hz)           update gate: how much of the old state stays
        n = tanh(W_in x + b_in + r (W_hn h + b_hn))    candidate
        h′ = (1 − z) n + z h

    Parameters are named and ordered (r, z, n) as in `torch.nn.GRUCell`, which the tests hold it equal to.
    Shapes: x (B, I), h (B, H) to (B, H).
    """

    def __init__(self, d_input: int, d_hidden: int):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(3 * d_hidden, d_input) / math.sqrt(d_input))
        self.weight_hh = nn.Parameter(torch.randn(3 * d_hidden, d_hidden) / math.sqrt(d_hidden))
        self.bias_ih = nn.Parameter(torch.zeros(3 * d_hidden))
        self.bias_hh = nn.Parameter(torch.zeros(3 * d_hidden))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return gru_update(x @ self.weight_ih.T + self.bias_ih, torch.addmm(self.bias_hh, h, self.weight_hh.T), h)


def gru_update(from_input: Tensor, from_state: Tensor, h: Tensor) -> Tensor:
    """The new state from what the weights made of input and state: twice (..., 3H), and h (..., H), to (..., H)."""
    H = h.shape[-1]
    gates = torch.sigmoid(from_input[..., : 2 * H] + from_state[..., : 2 * H])
    r, z = gates[..., :H], gates[..., H:]
    n = torch.tanh(torch.addcmul(from_input[..., 2 * H :], r, from_state[..., 2 * H :]))
    return torch.lerp(n, h, z)  # (1 − z) n + z h


@dataclass(frozen=True, eq=False)
class Read:
    """What the encoder made of a batch. annotations: (B, S, 2H). last: its two last states side by side, (B, 2H): the
    fixed vector. keys: U h_j for the attention, (B, S, H); None without."""

    annotations: Tensor
    last: Tensor
    keys: Tensor | None


@dataclass(frozen=True, eq=False)
class Written:
    """What the decoder wrote. logits: (B, T, V). ids: the likeliest symbol at every step, (B, T). states: the decoder's
    before each step, (B, T, H). weights: the alignment, (B, T, S), whose rows sum to 1; None without attention."""

    logits: Tensor
    ids: Tensor
    states: Tensor
    weights: Tensor | None


class Seq2Seq(nn.Module):
    """The encoder–decoder of a `Seq2SeqConfig`; see the module's head for its two kinds.

    >>> model = build_seq2seq(Seq2SeqConfig(vocab_size=5, d_hidden=4, d_embedding=3), seed=1)
    >>> model.write(torch.tensor([[1, 2, 3]]), steps=4).weights.shape
    torch.Size([1, 4, 3])
    """

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        self.config = config
        V, H, E = config.vocab_size, config.d_hidden, config.d_embedding
        self.embedding = Embedding(V, E)
        self.ahead, self.back = GRUCell(E, H), GRUCell(E, H)
        self.bridge = Linear(2 * H, H)
        self.decoder = GRUCell(E + 2 * H, H)
        self.attention = AdditiveAttention(H, 2 * H, H) if config.attention else None
        self.output = Linear(E + 3 * H, V)

    def encode(self, source: Tensor) -> Read:
        """Read ids (B, S) in both directions."""
        B = len(source)
        x = self.embedding(source)  # (B, S, E)
        # Both directions advance in one product; the second reads the source from its end.
        cells = ((self.ahead, x), (self.back, x.flip(1)))
        from_inputs = torch.stack([way @ cell.weight_ih.T + cell.bias_ih for cell, way in cells])  # (2, B, S, 3H)
        weight = torch.stack([cell.weight_hh.T for cell, _ in cells])  # (2, H, 3H)
        bias = torch.stack([cell.bias_hh for cell, _ in cells]).unsqueeze(1)
        h, states = x.new_zeros(2, B, self.config.d_hidden), []
        for from_input in from_inputs.unbind(2):
            h = gru_update(from_input, torch.baddbmm(bias, h, weight), h)
            states.append(h)
        ahead, back = torch.stack(states, dim=2)  # (B, S, H) each
        annotations = torch.cat([ahead, back.flip(1)], dim=-1)
        keys = self.attention.keys(annotations) if self.attention is not None else None
        return Read(annotations, torch.cat([h[0], h[1]], dim=-1), keys)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Logits (B, T, V) by teacher forcing: every step reads the right symbol before it, whatever the model would
        have written itself. source: (B, S), target: (B, T)."""
        read, state = self._begin(source)
        before = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)
        symbols = self.embedding(before)  # (B, T, E)
        states, contexts = [], []
        for from_symbol in self._from_symbol(symbols).unbind(1):
            state, context, _ = self._step(read, from_symbol, state)
            states.append(state)
            contexts.append(context)
        logits: Tensor = self.output(torch.cat([torch.stack(states, 1), torch.stack(contexts, 1), symbols], dim=-1))
        return logits

    def loss(self, source: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy of the target's symbols, in nats."""
        return cross_entropy(self(source, target), target)

    @torch.no_grad()
    def write(self, source: Tensor, steps: int) -> Written:
        """Greedy decoding: every step reads the likeliest symbol of the step before. source: (B, S)."""
        read, state = self._begin(source)
        symbol = self.embedding(torch.zeros_like(source[:, 0]))
        logits, ids, states, weights = [], [], [], []
        for _ in range(steps):
            states.append(state)
            state, context, shares = self._step(read, self._from_symbol(symbol), state)
            logits.append(self.output(torch.cat([state, context, symbol], dim=-1)))
            ids.append(logits[-1].argmax(dim=-1))
            symbol = self.embedding(ids[-1])
            weights.append(shares)
        aligned = [shares for shares in weights if shares is not None]
        return Written(
            torch.stack(logits, 1),
            torch.stack(ids, 1),
            torch.stack(states, 1),
            torch.stack(aligned, 1) if aligned else None,
        )

    def _begin(self, source: Tensor) -> tuple[Read, Tensor]:
        """The source as read, and the decoder's first state, (B, H)."""
        read = self.encode(source)
        return read, torch.tanh(self.bridge(read.last))

    def _from_symbol(self, symbol: Tensor) -> Tensor:
        """What the decoder's weights make of the symbol before: (..., E) to (..., 3H)."""
        return symbol @ self.decoder.weight_ih[:, : symbol.shape[-1]].T + self.decoder.bias_ih

    def _step(self, read: Read, from_symbol: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The state after one step, the context it read and, with attention, where that was fetched."""
        context, shares = read.last, None
        if self.attention is not None and read.keys is not None:
            context, shares = self.attention(state, read.keys, read.annotations)
        cell, E = self.decoder, self.config.d_embedding
        from_input = torch.addmm(from_symbol, context, cell.weight_ih[:, E:].T)
        return gru_update(from_input, torch.addmm(cell.bias_hh, state, cell.weight_hh.T), state), context, shares


def build_seq2seq(config: Seq2SeqConfig, seed: int) -> Seq2Seq:
    """A freshly initialised model whose weights depend on `seed` alone.

    Matrices start normal with deviation 1/√in; those from state to state are rotations, which neither shrink a state
    nor blow it up however often they are applied (Saxe et al., 2014); biases start at zero.
    """
    check_seed(seed)
    with torch.device("meta"):  # shapes only: torch's shared random numbers are left as they are
        model = Seq2Seq(config)
    model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("weight_hh"):
                parameter.copy_(torch.cat([_rotation(config.d_hidden, generator) for _ in range(3)]))
            elif "bias" in name:
                parameter.zero_()
            else:
                deviation = 1.0 if name == "embedding.weight" else 1 / math.sqrt(parameter.shape[-1])
                parameter.normal_(0.0, deviation, generator=generator)
    return model


def _rotation(n: int, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix, (n, n)."""
    q, r = torch.linalg.qr(torch.randn(n, n, generator=generator))
    return q * r.diagonal().sign()
