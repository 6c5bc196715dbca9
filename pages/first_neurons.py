"""First neurons: threshold units and their circuits, the perceptron that learns, Hebb's rule and Oja's cure."""

from functools import partial

import streamlit as st

from explorer.ui import frame, timeline
from explorer.ui.sections.hebb import show_storing, show_stream, weight_rows
from explorer.ui.sections.neurons import corner_rows, show_circuit, show_perceptron

shown = frame.shown("neurons")

timeline.show(current="pages/first_neurons.py")
frame.header(
    "First neurons",
    "What can one cell decide, and how does it learn to?",
    [
        r"y = 1 \;\text{ if }\; w_1 x_1 + w_2 x_2 \ge \theta, \;\text{ else } 0",
        r"\Delta w = \eta\,(t - y)\,x \qquad \Delta w_{ij} = \eta\, x_i x_j",
    ],
    "Before this there is no learning machine, only logic on paper. The first formula is a cell that fires or does not "
    "(McCulloch and Pitts, 1943); the others change its weights: from mistakes against a target t (Rosenblatt, 1958), or "
    "from cells that are active together (Hebb, 1949). η, “eta”, is the rate: how much each example changes.",
)
frame.predict_first(
    "neurons",
    "XOR is 1 where exactly one input is 1. How many of its four corners can one unit get right at best?",
    ["1", "2", "3", "4"],
    "3",
    "A straight line can cut off one corner or one side of the square, but XOR needs the two corners of a diagonal. Choose "
    "the gate XOR below and try.",
)


@st.fragment
def threshold_units() -> None:
    st.subheader("A cell that fires or does not", anchor=False)
    st.markdown(
        "Set the weights and the threshold until the line parts the discs (target 1) from the diamonds (target 0)."
    )
    show_circuit(shown)


@st.fragment
def storing() -> None:
    st.subheader("Hebb’s rule: what fires together grows together", anchor=False)
    st.markdown(
        "Each picture is 25 cells, full (+1) or empty (−1). Storing it adds η to the weight between two cells that are "
        "equal and takes η off between two that differ. **Click pictures to store them.**"
    )
    show_storing(shown)


threshold_units()
st.divider()
st.subheader("The perceptron: a line that finds itself", anchor=False)
st.markdown(
    "Points come one at a time. A right answer changes nothing; after a wrong one the weights move towards the point if "
    "the unit should have fired there, away from it if not."
)
show_perceptron()
st.divider()
storing()
st.divider()
st.subheader("Hebb’s weights grow without end; Oja’s do not", anchor=False)
st.markdown(
    "One cell, y = w·x, reads a stream of patterns. Hebb’s rule, Δw = η y x, makes every answer larger and so every next "
    "change as well. Oja (1982) lets the weights forget in proportion to y²: Δw = η y (x − y w)."
)
show_stream()

ANSWER = {"neurons_w1": 1.0, "neurons_w2": 1.0, "neurons_theta": 0.5}
ALL = {f"neurons_store_{name}": True for name in "TXOLZH"}
frame.try_this(
    "neurons",
    [
        frame.Experiment(
            "XOR with one unit",
            "Three corners are right. Move any slider: no setting brings the fourth without losing another.",
            {"neurons_gate": "XOR", "neurons_size": "one unit"} | ANSWER,
        ),
        frame.Experiment(
            "Give XOR a second unit",
            "The second unit h fires at (1, 1) alone and holds the first one back there: a strip instead of a half.",
            {"neurons_gate": "XOR", "neurons_size": "two units", "neurons_v": -2.0, "neurons_theta_h": 1.5}
            | {"neurons_u1": 1.0, "neurons_u2": 1.0}
            | ANSWER,
        ),
        frame.Experiment(
            "Let the perceptron try XOR",
            "Press Train on the perceptron: no round is without a mistake, and it ends only because it is stopped.",
            {"neurons_task": "XOR", "neurons_rounds": 30, "neurons_pace": 50},
        ),
        frame.Experiment(
            "Store too many pictures",
            "With all six stored, T comes back with 2 wrong cells and L with 3: the pictures share cells and disturb each "
            "other.",
            ALL | {"neurons_own": False},
        ),
    ],
)
frame.code(
    "explorer.models.neurons.ThresholdUnit",
    "explorer.models.neurons.perceptron_update",
    "explorer.models.neurons.hebb_matrix",
    "explorer.models.neurons.oja_update",
)
frame.data_out(
    "neurons",
    {
        "corners": (("x1", "x2", "arithmetic", "answer", "target"), partial(corner_rows, shown)),
        "hebb_weights": (("cell", "other cell", "weight"), partial(weight_rows, shown)),
    },
)
