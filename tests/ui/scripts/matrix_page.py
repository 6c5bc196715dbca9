"""A page for AppTest: the case and the `selected` of the page come in by session state."""

import numpy as np
import streamlit as st

from explorer.ui.components.matrix import Matrix, matrix

case = st.session_state.get("case", "small")
if case == "large":
    values = np.linspace(0, 1, 200 * 200).reshape(200, 200)
    values[0, 1] = np.nan
    matrices = [Matrix(values)]
elif case == "markup":
    matrices = [Matrix(np.ones((1, 1)), row_labels=["<script>alert(1)</script>"])]
else:
    first = np.array([[0.1, 0.2, 0.3], [0.4, np.nan, 0.6]])
    matrices = [
        Matrix(first, row_labels=np.array(["a", "b"]).tolist(), column_labels=list("xyz")),
        Matrix(np.arange(8.0).reshape(2, 4), row_labels=["a", "b"], low=np.float64(0)),
    ]
st.text(repr(matrix(matrices, key="m", alt="a test", selected=st.session_state.get("selected"))))
