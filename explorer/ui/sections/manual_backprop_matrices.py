"""The page Backprop by hand, opened up: every gradient as a matrix, the pull on the logits, and the two closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.manual_backprop import pull_chart
from explorer.inspection.manual_backprop import BACKWARD_ORDER, BY_NAME, BackpropReading
from explorer.inspection.manual_backprop_cells import as_matrix, open_gradient
from explorer.inspection.manual_backprop_questions import closed_forms
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell
from explorer.ui.words import literal

COLUMNS = ("gradient of", "in the lecture", "shape", "largest number", "largest difference from autograd")
_TALLEST = 640  # CSS pixels of a matrix, where its cells allow it
_NARROW = 32  # columns: two of those stand side by side on a phone too


def show_gradient(reading: BackpropReading) -> None:
    """One tensor with its gradient; a cell opens to its arithmetic."""
    names = list(BACKWARD_ORDER)
    name = st.selectbox("Tensor, and its gradient", names, names.index("C"), key="backprop_tensor", **KEPT)
    st.markdown(f"`{name}`: {BY_NAME[name].meaning}.")
    opened = as_matrix(reading, name)
    R, C = opened.values.shape
    first = Cell(1, *map(int, np.unravel_index(np.abs(opened.gradients).argmax(), (R, C))))
    named: dict[str, Any] = {"row_labels": opened.row_labels, "column_labels": opened.column_labels}
    cell = matrix(
        [
            Matrix(opened.values, title=name, scale="diverging", **named),
            Matrix(opened.gradients, title=f"∂loss/∂{name}", scale="diverging", **named),
        ],
        key="backprop_gradient",
        alt=f"{name} and its gradient, {R} rows and {C} columns each, orange below 0 and blue above",
        row_axis=opened.row_axis,
        column_axis=opened.column_axis,
        value_format=".2e",
        link="backprop_gradient",
        min_cell=5,
        max_cell=min(26, max(9, _TALLEST // R)),
        per_row=2 if C <= _NARROW else None,
        selected=cell_in_address("backprop_cell", first),
    )
    cell = cell or first
    remember_cell("backprop_cell", cell, first)
    st.caption(
        f"Orange below 0, blue above. By hand and by autograd these {R * C:,} gradients differ by at most "
        f"{reading.difference(name):.1e}. Click a cell of either matrix, or move with the arrow keys and press Enter."
    )
    show_arithmetic(open_gradient(reading, name, cell.row, cell.column), key="backprop_arithmetic")


def gradient_rows(reading: BackpropReading) -> list[tuple[str, str, str, float, float]]:
    """The table of all gradients, under COLUMNS."""
    return [
        (
            name,
            BY_NAME[name].lecture,
            str(reading.values[name].shape),
            float(np.abs(reading.gradients[name]).max()),
            reading.difference(name),
        )
        for name in BACKWARD_ORDER
    ]


def show_all(reading: BackpropReading) -> None:
    """Every gradient beside autograd's, in one table."""
    rows = gradient_rows(reading)
    frame.shown("backprop").update(rows=rows)
    with st.expander(
        f"All {len(rows)} gradients beside autograd: the largest difference is {max(row[4] for row in rows):.1e}"
    ):
        st.dataframe(
            dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)),
            hide_index=True,
            column_config={name: st.column_config.NumberColumn(format="%.1e") for name in COLUMNS[3:]},
        )


def show_pull(reading: BackpropReading) -> None:
    """∂loss/∂logits with its row sums, and one example's row as a pull on its logits."""
    gradient, examples, letters = reading.gradients["logits"], reading.examples, reading.characters
    sums = gradient.sum(axis=1, keepdims=True)
    hold_at_most("backprop_example", reading.n)
    number = st.slider("Example: a row of the matrix", 1, reading.n, 1, key="backprop_example", **KEPT)
    row = number - 1
    left, right = st.columns([3, 2], gap="medium")
    reach = float(np.abs(gradient).max())
    colours: dict[str, Any] = {"scale": "diverging", "low": -reach, "high": reach, "gamma": 2.0}
    with left:
        matrix(
            [
                Matrix(gradient, title="∂loss/∂logits", row_labels=examples, column_labels=letters, **colours),
                Matrix(sums, row_labels=examples, column_labels=["Σ"], **colours),
            ],
            key="backprop_logits",
            alt=f"Gradient of the logits, {reading.n} examples by {len(letters)} characters, and the sum of each row: all 0",
            row_axis="example",
            column_axis="character",
            value_format=".1e",
            link="backprop_logits",
            min_cell=5,
            max_cell=20,
            selected=Cell(0, row, int(reading.targets[row])),
        )
        st.caption(
            f"The largest row sum is {np.abs(sums).max():.1e}: every row sums to 0, since probabilities sum to 1 and 1 is "
            "taken away at the target. Each row has one orange cell, its true character."
        )
    with right:
        probabilities, target = reading.values["probs"][row], int(reading.targets[row])
        chart = pull_chart(probabilities, target, letters)
        st.echarts_chart(
            chart,
            height=330,
            key="backprop_pull",
            alt=f"Pull on each logit of example {examples[row]}: up for the true character, down for the others",
        )
        st.markdown(
            literal(
                f"{examples[row]}: the net gives the true character {probabilities[target]:.1%}. Descent pulls its logit up "
                f"with {1 - probabilities[target]:.3f} and all others down, each by its probability, together "
                f"{probabilities.sum() - probabilities[target]:.3f}: the same force. Divided by n = {reading.n} this is "
                "minus the row of the gradient."
            )
        )


CROSS_ENTROPY_DERIVED = (
    (
        "The loss of one example with logits z and true character y, as it was calculated:",
        r"L = -\ln p_y,\quad p_j = \frac{e^{z_j}}{\sum_k e^{z_k}}",
    ),
    ("The logarithm of the fraction comes apart:", r"L = \ln \sum_k e^{z_k} - z_y"),
    (
        "The slope of the first part by one logit is its probability:",
        r"\frac{\partial}{\partial z_j} \ln \sum_k e^{z_k} = \frac{e^{z_j}}{\sum_k e^{z_k}} = p_j",
    ),
    ("The slope of the second is 1 at the target, else 0:", r"\frac{\partial L}{\partial z_j} = p_j - [j = y]"),
    ("The loss is the mean over n examples:", r"\frac{\partial L}{\partial z_{ij}} = \frac{p_{ij} - [j = y_i]}{n}"),
)
BATCH_NORM_DERIVED = (
    (
        "One unit, x its inputs over the batch, u the gradient that comes from behind, s = 1/√(σ² + ε):",
        r"\hat x_i = s\,(x_i - \mu),\quad y_i = \gamma \hat x_i + \beta",
    ),
    ("Straight through, as if μ and σ were constants:", r"\text{share}_1 = \gamma\, s\, u_i"),
    ("Through the mean, which every input moves by 1/n:", r"\text{share}_2 = -\frac{\gamma\, s}{n} \sum_j u_j"),
    (
        "Through the variance: first its own gradient, by the power rule,",
        r"\frac{\partial L}{\partial \sigma^2} = -\frac{\gamma\, s^2}{2} \sum_j u_j \hat x_j",
    ),
    (
        "then how one input moves it (the way through μ adds 0, because deviations sum to 0):",
        r"\frac{\partial \sigma^2}{\partial x_i} = \frac{2 (x_i - \mu)}{n - 1} = \frac{2\, \hat x_i}{s\,(n - 1)}",
    ),
    ("Their product:", r"\text{share}_3 = -\frac{\gamma\, s}{n-1}\, \hat x_i \sum_j u_j \hat x_j"),
    (
        "The three together:",
        r"\begin{aligned}\frac{\partial L}{\partial x_i} = \frac{\gamma s}{n} \Big( & n u_i - \sum_j u_j \\"
        r" & - \tfrac{n}{n-1} \hat x_i \sum_j u_j \hat x_j \Big)\end{aligned}",
    ),
)


def show_closed_forms(reading: BackpropReading) -> None:
    """Both derivations in small steps, and what each saves on this batch."""
    forms = closed_forms(reading)
    titles = ("Softmax and cross-entropy at once", "BatchNorm at once")
    for column, title, steps in zip(
        st.columns(2, gap="large"), titles, (CROSS_ENTROPY_DERIVED, BATCH_NORM_DERIVED), strict=True
    ):
        with column:
            st.markdown(f"**{title}**")
            for words, formula in steps:
                st.caption(words)
                st.latex(formula)
    st.dataframe(
        {
            "closed form": list(titles),
            "stands for": [f"{form.steps} steps" for form in forms],
            "operations, long chain": [form.chain_operations for form in forms],
            "operations, closed": [form.closed_operations for form in forms],
            "largest difference": [form.largest_difference for form in forms],
        },
        hide_index=True,
        column_config={"largest difference": st.column_config.NumberColumn(format="%.1e")},
    )
    st.caption(
        "Operations as written in the answers of the exercise, for this batch: every addition, product, power and "
        "exponential counts one. BatchNorm's form saves little of that; it saves keeping the six gradients between. "
        "Questions 27 and 28 of the exercise ask for these two."
    )
