"""Energy models: memories as low points, machines that dream, and the first deep networks that could be trained."""

from functools import partial
from typing import Any

import streamlit as st

from explorer.ui import frame, timeline
from explorer.ui.sections import boltzmann, dbn, hopfield, rbm
from explorer.ui.sections.energy import PARTS
from explorer.ui.state import KEPT

timeline.show(current="pages/energy.py")
frame.header(
    "Energy models",
    "How can a network remember a picture, and dream new ones?",
    [r"P(\text{state}) \propto e^{-E(\text{state})/T}"],
    "The perceptron computes one answer and is done. Here every unit listens to the others, again and again, and one "
    "number, the energy, says where that leads: low is likely, high is rare.",
)
name = st.segmented_control("Model", list(PARTS), default="Hopfield network", required=True, key="energy_model", **KEPT)
part = PARTS[name]
shown = frame.shown("energy")
st.markdown(part.story)
for formula in part.formulas:
    st.latex(formula)
if part.key == "hopfield":
    frame.predict_first(
        "hopfield",
        "While the pixels are updated one at a time, what can the energy do?",
        ["rise and fall", "fall or stay", "only rise"],
        "fall or stay",
        "A pixel changes only where its value and its sum disagree, and each such change lowers E. With all pixels "
        "updated at once this no longer holds.",
    )
    hopfield.show_recall(shown)
    st.divider()
    st.subheader("How much can it hold?", anchor=False)
    st.markdown(
        "Random patterns of N units are stored, and recall begins at each of them. The more are "
        "stored, the more they blur each other, until recall breaks down."
    )
    hopfield.show_capacity(shown)
elif part.key == "boltzmann":
    frame.predict_first(
        "boltzmann",
        "Three units of which an even number is on: can a machine of just these three learn that rule?",
        ["yes", "no, it needs a hidden unit"],
        "no, it needs a hidden unit",
        "Any two of the three look independent, so the two phases come to agree and nothing moves any more: the "
        "divergence stays at ln 2 = 0.693 nats. One hidden unit is enough to go below.",
    )
    st.subheader("Sample: a chain beside the exact distribution", anchor=False)
    st.markdown("A small machine with random weights. Each sweep draws every unit once, given all others.")
    boltzmann.show_chain(shown)
    st.divider()
    st.subheader("Learn by comparing two phases", anchor=False)
    st.markdown(
        "While the data holds the visible units, count how often two units are on together; count again while the machine "
        "runs free. Raise a weight where the data's count is higher, lower it where the free one is."
    )
    boltzmann.show_learning()
elif part.key == "rbm":
    frame.predict_first(
        "rbm",
        "After training, which has the lower free energy (is likelier for the model)?",
        ["a digit", "a mixture: each pixel from another digit", "both the same"],
        "a digit",
        "In the mixture every pixel is black as often as in digits, so single pixels give nothing away; that they hang "
        "together is what the weights have learned.",
    )
    st.subheader("Learn 8 × 8 digits", anchor=False)
    rbm.show_training(shown)
else:
    frame.predict_first(
        "dbn",
        "Features learned without any label, or raw pixels: with which does the same linear classifier do better?",
        ["raw pixels", "learned features", "no difference"],
        "learned features",
        "With 256 hidden units and 60 epochs the features name 95.3 % of the test digits rightly, the black-and-white "
        "pixels 93.1 %, averaged over four splits of the digits.",
    )
    st.subheader("Layer by layer", anchor=False)
    dbn.show_training(shown)

frame.try_this(part.key, part.experiments)
frame.code(
    "explorer.models.hopfield.store",
    "explorer.models.hopfield.recall_asynchronously",
    "explorer.models.boltzmann.BoltzmannMachine",
    "explorer.training.boltzmann.learn_distribution",
    "explorer.models.rbm.RBM",
    "explorer.training.rbm.Learner",
    "explorer.models.dbn.DBN",
)
tables: dict[str, Any] = {
    "recall": (("step", "updates", "energy"), partial(hopfield.recall_rows, shown)),
    "capacity": (("load P/N", "mean overlap", "share recalled"), partial(hopfield.capacity_rows, shown)),
    "chain": (("state", "energy", "exact", "sampled"), partial(boltzmann.chain_rows, shown)),
    "filters": (("hidden unit", "row", "column", "weight"), partial(rbm.filter_rows, shown)),
    "written": (("label", "row", "column", "value"), partial(dbn.written_rows, shown)),
}
frame.data_out("energy", {table: tables[table] for table in tables if table in shown})
