"""WaveNet: letters joined two by two up a tree, and the same net as dilated causal convolutions."""

from functools import partial

import streamlit as st

from explorer.ui import frame
from explorer.ui.sections.wavenet import (
    letters,
    net_in_use,
    pick_corpus,
    pick_source,
    read_text,
    rows,
    shape_controls,
    show_tree,
)
from explorer.ui.sections.wavenet_batchnorm import mistake_switch, show_statistics
from explorer.ui.sections.wavenet_convolution import show_convolution
from explorer.ui.sections.wavenet_costs import show_costs, show_influence, show_measured
from explorer.ui.sections.wavenet_experiments import EXPERIMENTS
from explorer.ui.sections.wavenet_training import show_training

frame.header(
    "WaveNet",
    "What changes when letters are joined a few at a time, instead of all at once?",
    [
        r"x_i = \big[\,h^{(k-1)}_{2i}\,;\;h^{(k-1)}_{2i+1}\,\big]",
        r"h^{(k)}_i = \tanh\!\big(\mathrm{BatchNorm}(W_k\,x_i)\big)",
    ],
    "The MLP squeezes all its letters into one hidden layer in a single step; more letters only make that step wider. "
    "Here two neighbours h are joined first, laid end to end as x, then neighbours of neighbours; a node of level k sees "
    "2 to the power k letters. So did WaveNet (2016), with sound. BatchNorm keeps every channel "
    "near mean 0 and spread 1 on the way.",
)
frame.predict_first(
    "wavenet",
    "The tree below reads 8 letters, two at a time, through three levels of 128 channels. What must be added for 16?",
    ["twice of everything", "one more level", "nothing: it can slide"],
    "one more level",
    "A fourth level joins two halves of 8: 256 × 128 weights and BatchNorm's 256 numbers, 33,024 in all. A flat layer "
    "of the same size (343 neurons) would need 8 × 24 × 343 = 65,856 more.",
)
shown = frame.shown("wavenet")
shown.clear()

st.subheader("The tree", anchor=False)
tree_part, sight_part, batchnorm_part, slide_part, training_part = (st.container() for _ in range(5))
with tree_part:
    left, right = st.columns(2, gap="medium")
    with left:
        source = pick_source()
    with right:
        corpus = pick_corpus()
with batchnorm_part:
    st.divider()
    st.subheader("A mistake that raises no error: BatchNorm over two dimensions", anchor=False)
    st.markdown(
        "BatchNorm was written for inputs (B, C). Given (B, T, C), with T nodes of a level, it must average over B *and* "
        "T: statistics of shape (1, 1, C). Averaging over B alone gives (1, T, C). Switch it off and on."
    )
    over_positions = mistake_switch(source)
if corpus is not None:
    with tree_part:
        config, seed = shape_controls(source, letters(corpus).vocab_size, over_positions=over_positions)
        net = net_in_use(source, corpus, config, seed)
        prompt = None if net is None else read_text(net)
        if net is not None and prompt is not None:
            reading = show_tree(net, prompt, shown)
    if net is not None:
        with sight_part:
            if prompt is not None:
                st.divider()
                st.subheader("What each node can see, measured", anchor=False)
                show_influence(reading, shown["moved"])
            st.divider()
            st.subheader("The same size, mixed gradually or at once", anchor=False)
            show_costs(net.config, shown)
            show_measured()
        with batchnorm_part:
            show_statistics(net, over_positions=over_positions, shown=shown)
        if prompt is not None:
            with slide_part:
                st.divider()
                st.subheader("The same net as dilated causal convolutions", anchor=False)
                show_convolution(net, prompt, shown)
    with training_part:
        st.divider()
        st.subheader("Train it", anchor=False)
        show_training(corpus, config, st.session_state.get("wavenet_text", ""), seed, shown)

frame.try_this("wavenet", EXPERIMENTS)
frame.code(
    "explorer.models.wavenet.WaveNet",
    "explorer.core.layers.FlattenConsecutive",
    "explorer.core.layers.BatchNorm1d",
    "explorer.models.wavenet.dilated_logits",
    "explorer.inspection.wavenet.influence",
)
columns = {
    "activations": ("level", "node", "sees", "channel", "value"),
    "sight": ("level", "node", "sees", "place", "letter", "largest change"),
    "costs": ("net", "layer", "nodes", "sees", "in", "out", "learned numbers", "multiply-adds"),
    "statistics": ("level", "over positions", "averaged", "row", "channel", "mean", "variance"),
    "work": ("layer", "tree vectors", "convolution vectors", "tree multiply-adds", "convolution multiply-adds"),
    "training": ("step", "loss"),
}
frame.data_out("wavenet", {name: (head, partial(rows, shown, name)) for name, head in columns.items()})
