"""BatchNorm & diagnostics: what a deep network looks like inside, before it learns, while it does, and with BatchNorm."""

import streamlit as st

from explorer.ui import frame
from explorer.ui.sections.batchnorm import show_batchnorm
from explorer.ui.sections.diagnostics import LAYER_COLUMNS, layer_rows, show_checkpoint
from explorer.ui.sections.watching import (
    controls,
    pick_corpus,
    run_rows,
    show_first_look,
    show_long_runs,
    show_training,
    update_rows,
)

frame.header(
    "BatchNorm & diagnostics",
    "How can one tell, before hours of training, that a deep network will learn?",
    [
        r"y = \gamma\,\frac{x - \text{mean}_{\text{batch}}}{\sqrt{\text{variance}_{\text{batch}} + \varepsilon}} + \beta",
        r"\text{update : data} = \frac{\text{std}(\text{rate} \cdot \text{gradient})}{\text{std}(\text{weights})}",
    ],
    "Before this, the MLP has one hidden layer and learns from almost any start. With five the start decides: a signal "
    "multiplied at every layer fades or saturates. BatchNorm brings it back to spread 1 each time.",
)
frame.predict_first(
    "batchnorm",
    "Five tanh layers of 100 neurons, weights of spread 1/√inputs (gain 1), no BatchNorm. How does the spread of the "
    "outputs change from the first layer to the fifth?",
    ["it stays the same", "it shrinks by about half", "it shrinks to nothing", "it grows"],
    "it shrinks by about half",
    "tanh squeezes a little each time. Gain 5/3 makes up for it, gain 3 overdoes it: see “Through the depth” below.",
)
shown = frame.shown("batchnorm")
shown.clear()

st.subheader("A deep MLP before any training", anchor=False)
corpus = pick_corpus()
config = controls(corpus) if corpus is not None else None


@st.fragment
def before() -> None:
    """A click in a map redraws only this."""
    if config is not None:
        show_first_look(config, shown)


before()
st.divider()
st.subheader("The same network while it learns", anchor=False)
st.markdown(
    "A rule of thumb: a healthy update changes weights by about a thousandth of their spread, −3 on the logarithmic scale. "
    "Far below it little is learned; far above it the weights are thrown about. When the run has ended, a slider goes back "
    "through it."
)
job = show_training(config, shown)
show_long_runs()
st.divider()
st.subheader("What BatchNorm does with a batch", anchor=False)


@st.fragment
def opened() -> None:
    """Both modes, running statistics, folding."""
    if config is not None:
        show_batchnorm(config, job, shown)


opened()
st.divider()
st.subheader("The same diagnostics of a trained model", anchor=False)
st.fragment(show_checkpoint)(shown)

LECTURE = {"bn_on": True, "bn_init": "good", "bn_gain": 1.0, "bn_depth": 5, "bn_width": 100, "bn_rate": 0.1}
LECTURE |= {"bn_optimizer": "sgd", "bn_steps": 1000, "bn_batch": 32}
PLAIN = LECTURE | {"bn_on": False}
frame.try_this(
    "batchnorm",
    [
        frame.Experiment(
            "The lecture’s network",
            "Press Train. Before the first step and after the last, every tanh layer has a spread of about 0.64, and 1 to "
            "5 % of it is saturated. The updates of hidden layers and output end near −2, those of the embedding, most of "
            "whose rows rest at each step, nearer −3.",
            LECTURE,
        ),
        frame.Experiment(
            "Gain 1 without BatchNorm",
            "Through the depth, the spread of the outputs falls from about 0.6 to 0.3 (with gain 0.5 to 0.02). The gradient "
            "fades the other way: at the first layer it is about half of what it is at the fifth.",
            PLAIN,
        ),
        frame.Experiment(
            "Gain 3 without BatchNorm",
            "About two in five outputs of every layer are white in the map: they let almost no gradient through. What does "
            "come through grows on its way down, more than threefold from the fifth layer to the first.",
            PLAIN | {"bn_gain": 3.0},
        ),
        frame.Experiment(
            "Weights ten times too large",
            "The first loss is more than five times ln V: confidently wrong. Nine in ten outputs are white, and some "
            "neurons are white for all examples.",
            PLAIN | {"bn_init": "times ten", "bn_gain": 1.6667},
        ),
        frame.Experiment(
            "All weights zero",
            "The first loss is exactly ln V, which looks perfect, but no gradient reaches any weight. Press Train: the loss "
            "sinks a little, because the output’s offsets learn how often each letter occurs, and no weight ever moves.",
            PLAIN | {"bn_init": "zero"},
        ),
        frame.Experiment(
            "Gain 1000 with BatchNorm",
            "Spreads and saturation are those of gain 1: BatchNorm divides any gain out. But gradient : data of the hidden "
            "layers is a million times smaller, so at the same learning rate they stand still.",
            LECTURE | {"bn_gain": 1000.0},
        ),
        frame.Experiment(
            "Learning rate 10 without BatchNorm",
            "Press Train: within 20 steps the loss is beyond all bounds; the run is stopped and its last good state kept.",
            PLAIN | {"bn_rate": 10.0, "bn_gain": 1.6667},
        ),
        frame.Experiment(
            "Learning rate 10 with BatchNorm",
            "Press Train: the same rate now runs to the end and learns. It is still too high: at 0.1 the held-out loss "
            "ends lower.",
            LECTURE | {"bn_rate": 10.0, "bn_gain": 1.6667},
        ),
    ],
)
frame.code(
    "explorer.core.layers.BatchNorm1d",
    "explorer.inspection.diagnostics.diagnose",
    "explorer.training.watching.watch",
    "explorer.inspection.batchnorm.fold_batchnorm",
)
frame.data_out(
    "batchnorm",
    {
        "layers_before_training": (LAYER_COLUMNS, lambda: layer_rows(shown["first"]) if "first" in shown else []),
        "layers_of_the_run": (("step", *LAYER_COLUMNS), lambda: run_rows(shown)),
        "updates_of_the_run": (("step", "weights", "log10 update:data"), lambda: update_rows(shown)),
    },
)
