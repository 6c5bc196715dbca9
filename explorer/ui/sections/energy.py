"""The words of the energy models' page that belong to one model: its story, its formulas, its experiments."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.ui import frame


@dataclass(frozen=True)
class Part:
    """One model's words. key: names its controls. formulas: LaTeX."""

    key: str
    story: str
    formulas: tuple[str, ...]
    experiments: tuple[frame.Experiment, ...]


_HOPFIELD = Part(
    "hopfield",
    "**Hopfield, 1982.** Pixels of +1 and −1 pull on each other through weights. Storing a picture makes it a low point "
    "of an energy; a disturbed picture rolls down to it. This is memory found by its content, not by an address.",
    (
        r"E = -\tfrac12 \textstyle\sum_{ij} w_{ij}\, s_i s_j",
        r"s_i \leftarrow \operatorname{sign} \textstyle\sum_j w_{ij} s_j",
    ),
    (
        frame.Experiment(
            "Half of it wrong, all at once",
            "The overlap with the ring is exactly 0, and every sum points away from its pixel's value: the whole picture "
            "turns over at each step, for ever. Update one at a time and it settles.",
            {"hopfield_stored": 1, "hopfield_shown": "ring", "hopfield_noise": 0.5, "hopfield_mode": "all at once"},
        ),
        frame.Experiment(
            "One picture too many",
            "With six pictures stored by Hebb's rule the arrow is lost: it shares too many pixels with the others, and "
            "recall leaves it even without noise. Choose “pseudo-inverse”: it stays.",
            {
                "hopfield_stored": 6,
                "hopfield_shown": "arrow",
                "hopfield_noise": 0.0,
                "hopfield_rule": "hebbian",
                "hopfield_mode": "one at a time",
            },
        ),
        frame.Experiment(
            "Begin at the negative",
            "With every pixel flipped the network stays where it is, overlap −1: a picture and its negative have the same "
            "energy, so storing one stores both.",
            {"hopfield_stored": 3, "hopfield_shown": "ring", "hopfield_noise": 1.0, "hopfield_mode": "one at a time"},
        ),
    ),
)

_BOLTZMANN = Part(
    "boltzmann",
    "**Ackley, Hinton and Sejnowski, 1985.** The same energy, but each unit tosses a coin: on with a probability that "
    "depends on its sum and on the temperature. Left running, the machine visits each state as often as its energy says. "
    "A Hopfield network stores given pictures; this one learns a distribution, with hidden units for what no pair shows.",
    (
        r"P(s) = \frac{e^{-E(s)/T}}{\sum_{s'} e^{-E(s')/T}}",
        r"\Delta w_{ij} \propto \langle s_i s_j\rangle_{\text{data}} - \langle s_i s_j\rangle_{\text{free}}",
    ),
    (
        frame.Experiment(
            "Hot",
            "At T = 10 the energy hardly matters: the states' probabilities are close to even.",
            {"boltzmann_temperature": 10.0, "boltzmann_units": 5, "boltzmann_strength": 2.0, "boltzmann_seed": 1},
        ),
        frame.Experiment(
            "Cold",
            "At T = 0.1 nearly all probability is on one state: the lowest energy has taken over.",
            {"boltzmann_temperature": 0.1, "boltzmann_units": 5, "boltzmann_strength": 2.0, "boltzmann_seed": 1},
        ),
        frame.Experiment(
            "A frozen chain",
            "In all its 500 sweeps the chain never leaves one low valley, and misses the lowest: distance 1. Raise T to "
            "0.2 and it gets across. Cooling slowly, annealing, is the way to the bottom.",
            {
                "boltzmann_temperature": 0.1,
                "boltzmann_units": 5,
                "boltzmann_strength": 4.0,
                "boltzmann_seed": 3,
                "boltzmann_sweeps": 500,
            },
        ),
        frame.Experiment(
            "Temperature zero",
            "Dividing by zero: the page says so. At 0 no coin is left to toss.",
            {"boltzmann_temperature": 0.0},
        ),
        frame.Experiment(
            "Parity without a hidden unit",
            "Press Train: the divergence stops at ln 2 = 0.693, with both phases equal. With a hidden unit it goes on down.",
            {
                "boltzmann_data": "parity",
                "boltzmann_hidden": 0,
                "boltzmann_rate": 1.0,
                "boltzmann_updates": 1000,
                "boltzmann_phase": "exact",
            },
        ),
    ),
)

_RBM = Part(
    "rbm",
    "**Smolensky, 1986; Hinton, 2002.** Cut every tie inside a layer: now all hidden units can be drawn at once, and all "
    "visible ones. A few such steps from the data, instead of waiting for balance, turned out to be enough to learn from: "
    "contrastive divergence. The pictures are scikit-learn's handwritten digits, in black and white.",
    (
        r"P(h_j{=}1 \mid v) = \sigma\!\left(c_j + \textstyle\sum_i v_i W_{ij}\right)",
        r"\Delta W \propto \langle v h^\top\rangle_{\text{data}} - \langle v h^\top\rangle_{\text{k steps}}",
    ),
    (
        frame.Experiment(
            "Chains that never restart",
            "Press Train. Persistent CD takes the model's side from chains of its own. With one step an update its "
            "pseudo-likelihood ends a little below that of CD-1.",
            {
                "rbm_algorithm": "PCD",
                "rbm_k": 1,
                "rbm_hidden": 64,
                "rbm_epochs": 30,
                "rbm_rate": 0.1,
                "rbm_momentum": 0.5,
            },
        ),
        frame.Experiment(
            "A learning rate that is too high",
            "Press Train: hidden units get stuck on or off, and the pseudo-likelihood ends far below that of rate 0.1.",
            {
                "rbm_rate": 3.0,
                "rbm_algorithm": "CD",
                "rbm_k": 1,
                "rbm_hidden": 64,
                "rbm_epochs": 30,
                "rbm_momentum": 0.5,
            },
        ),
        frame.Experiment(
            "No Gibbs step",
            "k = 0 compares the data with itself; there is nothing to learn from, and the page says so.",
            {"rbm_k": 0},
        ),
    ),
)

_DBN = Part(
    "dbn",
    "**Hinton, Osindero and Teh, 2006.** Train one restricted machine, freeze it, and let the next one learn what its "
    "hidden units say; the top one sees the label too. Greedy, layer by layer, this made deep networks trainable and began "
    "the revival of neural networks. Hold a label fast, let the top run, go down once: the network writes a digit.",
    (r"v \to h^1 \to \dots \to (h^{L-1}, \text{label}) \rightleftarrows h^L",),
    (
        frame.Experiment(
            "Write at once",
            "Train, then compare: after a single round at the top the digits are less clear than after 100.",
            {"dbn_rounds": 1},
        ),
        frame.Experiment(
            "Three layers",
            "Train: each layer's features serve the linear classifier a little less than those of the layer below, with "
            "these sizes. Depth by itself is no gift.",
            {"dbn_depth": 3, "dbn_units": 256, "dbn_epochs": 30},
        ),
    ),
)

PARTS: dict[str, Part] = {
    "Hopfield network": _HOPFIELD,
    "Boltzmann machine": _BOLTZMANN,
    "Restricted machine": _RBM,
    "Deep belief network": _DBN,
}
