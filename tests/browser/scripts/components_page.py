"""The two components with small data whose every number is known to the tests."""

import numpy as np
import streamlit as st

from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.components.token_arcs import token_arcs

st.set_page_config(page_icon="🔤")
st.text(f"run {st.session_state.setdefault('runs', 0)}")
st.session_state.runs += 1

size = st.slider("size", 2, 5, 4)
values = np.arange(size * size, dtype=float).reshape(size, size) / 4
masked = np.where(np.tri(size) > 0, values, np.nan)
names = ["a", "<script>alert(1)</script>", "\n", "*d*", "e"][:size]
cell = matrix(
    [
        Matrix(values, title="first", row_labels=names, column_labels=names),
        Matrix(masked, title="second", row_labels=names, column_labels=names),
    ],
    key="pair",
    alt="Two small matrices",
    row_axis="query",
    column_axis="key",
    link="together",
)
st.text(f"pair {cell}")
other = matrix(Matrix(-values, scale="diverging"), key="other", alt="Another matrix", link="together")
st.text(f"other {other}")
matrix([Matrix(np.eye(64), title=f"head {k}") for k in range(12)], key="wall", alt="A wall of heads", per_row=6)

tokens = ["a", " ", "\n", "<b>"]
attention = np.zeros((2, 3, 4, 4))
attention[..., 0, 0] = 1
attention[..., 1, :2] = [0.25, 0.75]
attention[..., 2, :3] = [0.6, 0.3, 0.1]
attention[..., 3, :] = [0.1, 0.2, 0.3, 0.4]
attention[1, 2, 3] = [0, 0, 0, 1]
chosen = token_arcs(tokens, attention, key="arcs", alt="Arcs", head=st.selectbox("shown head", [0, 1, 2], index=0))
st.text(f"arcs {chosen.layer} {chosen.head} {chosen.token} {sorted(chosen.disabled)}")
long = 120
token_arcs(["the "] * long, np.full((1, 1, long, long), 1 / long), key="long", alt="A long prompt")
