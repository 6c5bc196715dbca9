"""The app's MLP page on a board that soon ends a run which nobody watches; the environment says how soon."""

import os
from pathlib import Path

import streamlit as st

from explorer.ui.job_panel import board, keep_alive

st.set_page_config(page_title="Impatient", page_icon="🔤")
board().idle_seconds = float(os.environ.get("JOBS_IDLE_SECONDS", "15"))
pages = Path(__file__).parents[3] / "pages"
page = st.navigation([st.Page(pages / "bigram.py", title="Bigram"), st.Page(pages / "mlp.py", title="MLP")])
page.run()
keep_alive()
