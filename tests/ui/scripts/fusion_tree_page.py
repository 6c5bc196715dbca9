"""A page for AppTest: a tree over the letters that come in by session state, and what was chosen in it."""

import numpy as np
import streamlit as st

from explorer.ui.components.fusion_tree import TreeChoice, fusion_tree

letters = st.session_state.get("letters", ["a", "<b>", "\n", "d"])
nodes = [len(letters) // 2**k for k in range(len(letters).bit_length())]
levels = [np.linspace(-1 - 2 * (k == 0), 1, n * 3).reshape(n, 3) for k, n in enumerate(nodes)]
moved = [np.kron(np.eye(n), np.full((1, len(letters) // n), 0.5)) for n in nodes]
passed = st.session_state.get("passed")
chosen = fusion_tree(
    levels,
    letters,
    key="tree",
    alt="a test",
    moved=moved if st.session_state.get("measured", True) else None,
    chosen=TreeChoice(*passed) if passed else None,
)
st.text(f"{chosen.level} {chosen.node} {chosen.channel}")
