"""Autograd: an expression as a graph, its derivatives sent backward step by step, and a network trained that way."""

import streamlit as st

from explorer.ui import frame, timeline
from explorer.ui.sections.autograd import COLUMNS, DEAD, NEURON, README, REUSED, opened, show_expression
from explorer.ui.sections.moons import show_moons

timeline.show(current="pages/autograd.py")
frame.header(
    "Autograd",
    "How can a machine find out, for every number in a calculation, which way to turn it?",
    [
        r"\frac{\partial L}{\partial a} = \sum_{r \text{ uses } a}"
        r"\frac{\partial r}{\partial a} \cdot \frac{\partial L}{\partial r}"
    ],
    "Before this each rule of learning was found for one kind of unit. Here one rule serves any calculation: remember how "
    "every result was made, then go back from the end. ∂L/∂a, “the gradient of a”, says how much the end L changes for a "
    "small change of a; every result r that uses a adds its share.",
)
frame.predict_first(
    "autograd",
    "a = 3, b = a + a, y = a·b. How fast does y grow when a grows a little?",
    ["3", "6", "9", "12"],
    "12",
    "y is 2a², so its slope is 4a = 12. As shares: 6 straight through the product, and 3 through each of the two uses of a "
    "in b. Press the first button under “Try this”, then step backward.",
)


@st.fragment
def explore() -> None:
    """The expression and its graph: one fragment, so that a step redraws only this."""
    show_expression()


st.subheader("An expression of your own", anchor=False)
explore()
st.divider()
st.subheader("A network is one long expression", anchor=False)
st.markdown(
    "Two moons of 50 points each; two numbers in, two hidden layers, one score out: above 0 is one moon, below the other. "
    "The loss is a single number made of all weights and points, so one backward pass says which way to turn every "
    "weight. Each step moves all of them a little against their gradients."
)
show_moons()

frame.try_this(
    "autograd",
    [
        frame.Experiment(
            "Use a number three times",
            "a = 3 is used three times and its gradient is the sum of three shares: 6 + 3 + 3 = 12. Press Next and watch "
            "the sum under the graph grow.",
            opened(REUSED),
        ),
        frame.Experiment(
            "A neuron",
            "tanh has the slope 1 − o² = 0.5 here. The weight w2 gets gradient 0, because its input x2 is 0: what did not "
            "take part cannot be to blame.",
            opened(NEURON, 5),
        ),
        frame.Experiment(
            "A dead relu",
            "w·x is negative, so relu gives 0 and its slope is 0: w and x get gradient 0 and would never move again.",
            opened(DEAD, 4),
        ),
        frame.Experiment(
            "The example of micrograd",
            "The end is 24.7041; ∂a is 138.8338 and ∂b 645.5773, as in the README of micrograd. a reaches the end by "
            "many ways, and every one adds its share.",
            opened(README, 25),
        ),
        frame.Experiment(
            "A rate that is too high",
            "Press Train: squared error punishes scores that are far too large, so each step overshoots further than the "
            "last. The run ends by itself when the loss is no longer a number.",
            {"moons_loss": "squared error", "moons_rate": 1.0, "moons_steps": 100, "moons_activation": "relu"},
        ),
        frame.Experiment(
            "One neuron a layer",
            "Press Train: with one neuron in each layer the boundary stays a straight line, and some points stay on the "
            "wrong side of it.",
            {"moons_loss": "hinge", "moons_rate": 1.0, "moons_hidden": 1, "moons_steps": 100, "moons_noise": 0.1},
        ),
    ],
)
frame.code(
    "explorer.core.autograd.Value",
    "explorer.core.autograd.topological_order",
    "explorer.core.autograd_nn.Neuron",
    "explorer.core.expressions.evaluate",
    "explorer.training.moons.train_moons",
)
held = frame.shown("autograd")
frame.data_out(
    "autograd",
    {
        "expression": (COLUMNS, lambda: held.get("rows", [])),
        "moons_gradients": (("parameter", "ours", "pytorch", "difference"), lambda: held.get("gradients", [])),
    },
)
