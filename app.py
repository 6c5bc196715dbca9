"""The visual explorer: sections of pages, nothing else. Start it with `streamlit run app.py`."""

import streamlit as st

from explorer.ui.resources import warm_up
from explorer.ui.visitors import keep_alive

st.set_page_config(page_title="Language model explorer", page_icon="🔤", layout="wide")

# No `url_path` of our own: the first deep link after a start is answered by the page's file alone, under the address
# that follows from its name, and `frame.header` then comes back here. Another address would be "not found" that once.
page = st.navigation(
    {
        "": [st.Page("pages/overview.py", title="Overview", icon=":material/explore:", default=True)],
        "Where it all began": [
            st.Page("pages/first_neurons.py", title="First neurons", icon=":material/psychology:"),
            st.Page("pages/energy.py", title="Energy models", icon=":material/landscape:"),
            st.Page("pages/autograd.py", title="Autograd", icon=":material/account_tree:"),
        ],
        "Counting": [st.Page("pages/bigram.py", title="Bigram", icon=":material/grid_on:")],
        "The makemore track": [
            st.Page("pages/mlp.py", title="MLP", icon=":material/scatter_plot:"),
            st.Page("pages/batchnorm.py", title="BatchNorm & diagnostics", icon=":material/monitor_heart:"),
            st.Page("pages/backprop.py", title="Backprop by hand", icon=":material/keyboard_return:"),
            st.Page("pages/wavenet.py", title="WaveNet", icon=":material/graph_1:"),
        ],
        "From text to vectors": [
            st.Page("pages/tokenizers.py", title="Tokenizers", icon=":material/content_cut:"),
            st.Page("pages/embeddings.py", title="Embeddings & positions", icon=":material/bubble_chart:"),
        ],
        "Transformer": [
            st.Page("pages/before_attention.py", title="Before attention", icon=":material/swap_horiz:"),
            st.Page("pages/attention.py", title="Attention", icon=":material/center_focus_strong:"),
            st.Page("pages/transformer_block.py", title="Transformer block", icon=":material/layers:"),
            st.Page("pages/gpt_inside.py", title="GPT inside", icon=":material/hub:"),
            st.Page("pages/generate.py", title="Generate", icon=":material/edit_note:"),
            st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
        ],
    }
)
page.run()
keep_alive()
warm_up()
