"""Backprop by hand: every gradient of the MLP with BatchNorm derived, checked against autograd, and trained with."""

import streamlit as st

from explorer.inspection.manual_backprop import BackpropReading
from explorer.ui import frame
from explorer.ui.sections.manual_backprop import choose_batch, show_exercise
from explorer.ui.sections.manual_backprop_matrices import (
    COLUMNS,
    show_all,
    show_closed_forms,
    show_gradient,
    show_pull,
)
from explorer.ui.sections.manual_backprop_training import show_training

frame.header(
    "Backprop by hand",
    "What does “backward” do, tensor by tensor, when nobody does it for you?",
    [
        r"\frac{\partial L}{\partial x} = \sum_{\text{uses of } x}"
        r"\text{slope} \times \frac{\partial L}{\partial\,\text{result}}"
    ],
    "Autograd sends one number at a time back through a graph. Here the same rule is written for whole tensors: the MLP "
    "with BatchNorm, cut into twenty small steps. “dx” is short for ∂loss/∂x, how much the loss changes for a small "
    "change of x; it has the shape of x.",
)
frame.predict_first(
    "backprop",
    "The gradient of the logits has a row for each example. What does a row sum to?",
    ["0", "1", "−1", "the example's loss"],
    "0",
    "Probabilities sum to 1, and 1 is taken away at the true character: a pull up and pulls down that balance.",
)
corpus, reading = choose_batch()
st.caption(
    f"The first batch at the first weights: a loss of {reading.loss:.4f} nats over {len(reading.characters)} characters. "
    "The lecture reports about 3.3377 at n = 32, H = 64 on its own list; it draws gain and bias without a seed, and 300 "
    "such draws gave us 3.307 to 3.370."
)


@st.fragment
def exercise(reading: BackpropReading) -> None:
    """The graph and its questions: one fragment, so that an answer redraws only this."""
    show_exercise(reading)


@st.fragment
def inside(reading: BackpropReading) -> None:
    """The matrices and closed forms, which follow controls of their own."""
    st.subheader("Every gradient as a matrix", anchor=False)
    show_gradient(reading)
    show_all(reading)
    st.divider()
    st.subheader("The pull on the logits", anchor=False)
    show_pull(reading)


st.subheader("Find every gradient", anchor=False)
exercise(reading)
st.divider()
inside(reading)
st.divider()
st.subheader("Two shortcuts", anchor=False)
show_closed_forms(reading)
st.divider()
st.subheader("Train with them", anchor=False)
st.markdown(
    "No autograd in this update: the gradients are those of the code below, BatchNorm and cross-entropy in closed form. "
    "From the same seed, on the same batches, a twin learns by PyTorch's autograd. Measured outside the app with these "
    "settings and 200,000 steps on the makemore names: training 2.072, held out 2.109 nats (the lecture: 2.07 and 2.11)."
)
show_training(corpus)

frame.try_this(
    "backprop",
    [
        frame.Experiment(
            "Forget the sum",
            "Pick “counts * dprobs”: the lamp says wrong shape. inv_sums has one number a row and was broadcast over the "
            "characters, so backward sums over them.",
            {"backprop_question": "inv_sums", "backprop_way": "pick from four"},
        ),
        frame.Experiment(
            "A gradient that is nothing",
            "The maxima were taken away so that exp cannot overflow; softmax does not notice, so their gradients are 0 but "
            "for rounding. Look at the matrix of ∂loss/∂maxes.",
            {"backprop_question": "maxes", "backprop_tensor": "maxes"},
        ),
        frame.Experiment(
            "A bias that cannot learn",
            "∂loss/∂b1 is 0 but for rounding: whatever b1 adds, BatchNorm takes away with the mean.",
            {"backprop_question": "b1", "backprop_tensor": "b1"},
        ),
        frame.Experiment(
            "A batch of two",
            "With two examples BatchNorm makes nearly every pair +0.707 and −0.707, whatever went in, so of most units "
            "almost nothing comes back to pre: compare with ∂loss/∂scaled. Where the two inputs are almost equal, they are "
            "divided by next to nothing, and the gradient can be large.",
            {"backprop_n": 2, "backprop_tensor": "pre"},
        ),
        frame.Experiment(
            "Everything at once",
            "All of cross-entropy in one line: probabilities, minus 1 at the target, over n. Type it.",
            {"backprop_question": "logits_at_once", "backprop_way": "type it"},
        ),
        frame.Experiment(
            "A rate that is too high",
            "Press Train: at a rate of 10 the loss jumps about, and the two nets part. They began equal; rounding in the "
            "last digit, multiplied at every step, was enough.",
            {"backprop_rate": 10.0, "backprop_steps": 300, "backprop_width": 64, "backprop_beside": True},
        ),
    ],
)
frame.code(
    "explorer.core.manual_backprop.forward",
    "explorer.core.manual_backprop.backward",
    "explorer.core.manual_backprop.cross_entropy_gradient",
    "explorer.core.manual_backprop.batch_norm_gradient",
    "explorer.core.manual_backprop.parameter_gradients",
    "explorer.training.manual_backprop.train_by_hand",
)
shown = frame.shown("backprop")
frame.data_out(
    "backprop",
    {
        "gradients": (COLUMNS, lambda: shown.get("rows", [])),
        "losses_by_hand": (("step", "loss by hand", "loss by autograd"), lambda: shown.get("losses", [])),
    },
)
