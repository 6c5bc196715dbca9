"""The visual explorer: sections of pages, nothing else. Start it with `streamlit run app.py`."""

import streamlit as st

from explorer.ui.resources import warm_up
from explorer.ui.visitors import keep_alive

st.set_page_config(page_title="Language model explorer", page_icon="🔤", layout="wide")

# Each `url_path` differs from the file's name: with a folder called pages/, Streamlit would otherwise answer the first
# deep link after a start with that file alone, without this navigation.
page = st.navigation(
    {
        "": [st.Page("pages/overview.py", title="Overview", icon=":material/explore:", default=True)],
        "Counting": [st.Page("pages/bigram.py", title="Bigram", icon=":material/grid_on:", url_path="bigram-model")],
        "Transformer": [
            st.Page("pages/gpt_inside.py", title="GPT inside", icon=":material/hub:", url_path="gpt-inside"),
            st.Page("pages/generate.py", title="Generate", icon=":material/edit_note:", url_path="generate-text"),
        ],
    }
)
page.run()
keep_alive()
warm_up()
