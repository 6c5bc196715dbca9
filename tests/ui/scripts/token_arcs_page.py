"""A page for AppTest: prompt length, layers and the layer the page passes come in by session state."""

import numpy as np
import streamlit as st

from explorer.ui.components.token_arcs import token_arcs

n_tokens, n_layers = st.session_state.get("tokens", 4), st.session_state.get("layers", 2)
attention = np.full((n_layers, 3, n_tokens, n_tokens), 1 / n_tokens)
attention[:, :, 0] = np.eye(n_tokens)[0]
chosen = token_arcs(
    ["<b>", *"abc" * n_tokens][:n_tokens],
    attention,
    key="arcs",
    alt="a test",
    layer=st.session_state.get("layer", 0),
)
st.text(f"{chosen.layer} {chosen.head} {chosen.token} {sorted(chosen.disabled)}")
