"""The diagnostics of a network on the screen: of one before training, of one that trains, of a shipped checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.diagnostics import ratio_chart, ratio_height, spread_chart
from explorer.inspection.batchnorm import batchnorm_names
from explorer.inspection.diagnostics import (
    FLAT,
    LOGITS,
    SATURATED,
    Diagnosis,
    LayerReading,
    diagnose,
    open_neuron,
)
from explorer.inspection.watching import sample_text
from explorer.models.cards import find_card
from explorer.text.corpora import CORPORA, is_local
from explorer.ui import frame, resources
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.pickers import checkpoint_names
from explorer.ui.state import KEPT
from explorer.ui.words import literal
from explorer.ui.workspace import shown_name

WORDS = {
    "tanh": "tanh outputs",
    "relu": "ReLU outputs",
    "gelu": "GELU outputs",
    "batchnorm": "BatchNorm outputs",
    "layernorm": "LayerNorm outputs",
    "attention": "attention weights",
    LOGITS: "logits",
}
FLAT_WORDS = {
    "tanh": f"|output| > {SATURATED}",
    "relu": "output 0",
    "gelu": f"slope below {FLAT:.3f}",
    "attention": "one weight above 0.97",
}
# The map is black and white in both themes: white is saturated, as in the lecture.
_BLACK_TO_WHITE = ",".join(f"#{shade:02x}{shade:02x}{shade:02x}" for shade in np.linspace(24, 255, 10).astype(int))


def show_diagnosis(reading: Diagnosis, key: str) -> None:
    """Spreads of activations and gradients, a table of the layers, the saturation map and the gradient:data ratios.

    key: the part's own, unique in the app.
    """
    kind = _kind_picker(reading, key)
    layers = reading.of_kind(kind)
    names = layer_names(layers)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**{WORDS[kind][:1].upper()}{WORDS[kind][1:]}: how they spread, layer by layer**")
        spreads = {n: (x.activations.edges, x.activations.shares) for n, x in zip(names, layers, strict=True)}
        alt = f"Histograms of the {WORDS[kind]}: " + _stds(names, [x.activations.std for x in layers])
        st.echarts_chart(spread_chart(spreads, WORDS[kind]), height=300, key=f"{key}_activations", alt=alt)
    with right:
        st.markdown("**The gradients that come back to them**, ∂loss/∂output")
        spreads = {n: (x.gradients.edges, x.gradients.shares) for n, x in zip(names, layers, strict=True)}
        alt = f"Histograms of the gradients at the {WORDS[kind]}: " + _stds(names, [x.gradients.std for x in layers])
        st.echarts_chart(spread_chart(spreads, "gradient"), height=300, key=f"{key}_gradients", alt=alt)
    _layer_table(layers, names)
    if layers[0].inputs is not None:
        _saturation_map(layers, names, key, reading.labels)
    show_ratios(reading, key)


def _kind_picker(reading: Diagnosis, key: str) -> str:
    if len(reading.kinds) == 1:
        return reading.kinds[0]
    chosen = st.segmented_control(
        "Which layers",
        list(reading.kinds),
        default=reading.activation_kind,
        required=True,
        key=f"{key}_kind",
        format_func=lambda kind: WORDS[kind],
        persist_state="session",
    )
    return str(chosen) if chosen in reading.kinds else reading.activation_kind


def layer_names(layers: Sequence[LayerReading]) -> list[str]:
    """A short name for each layer of one kind: its number, or the kind where there is one only."""
    return [layers[0].kind] if len(layers) == 1 else [f"{x.kind} {i + 1}" for i, x in enumerate(layers)]


def _stds(names: Sequence[str], stds: Sequence[float]) -> str:
    return ", ".join(f"{name} has standard deviation {std:.2g}" for name, std in zip(names, stds, strict=True))


def _layer_table(layers: Sequence[LayerReading], names: Sequence[str]) -> None:
    kind = layers[0].kind
    table: dict[str, list[Any]] = {
        "layer": list(names),
        "mean": [x.activations.mean for x in layers],
        "std": [x.activations.std for x in layers],
    }
    if kind in FLAT_WORDS:
        called = "one-hot rows" if kind == "attention" else "saturated" if kind == "tanh" else "flat"
        table[f"{called}: {FLAT_WORDS[kind]}"] = [100 * (x.saturated_share or 0.0) for x in layers]
    if layers[0].dead_units is not None:
        table["neurons flat for all"] = [x.dead_units for x in layers]
    table["gradient std"] = [x.gradients.std for x in layers]
    formats: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.3f") for name in ("mean", "std")}
    formats |= {n: st.column_config.NumberColumn(format="%.2f %%") for n in table if ": " in n}
    formats["gradient std"] = st.column_config.NumberColumn(format="%.2e")
    st.dataframe(table, hide_index=True, column_config=formats)
    if any(x.activations.finite_share < 1 or x.gradients.finite_share < 1 for x in layers):
        st.warning("Some of these numbers overflowed: they are not drawn.", icon=":material/warning:")


def _saturation_map(layers: Sequence[LayerReading], names: Sequence[str], key: str, examples: Sequence[str]) -> None:
    """Examples by neurons, white where the activation is flat; a click opens that neuron's arithmetic."""
    rows, columns = layers[0].saturation.shape
    st.markdown(
        f"**Saturation map**: the first {rows} examples down, neurons across ({columns} of each layer); white is a "
        f"neuron that passes less than {FLAT:.1%} of a gradient back ({FLAT_WORDS[layers[0].kind]}). A column that is white "
        "throughout is a dead neuron."
    )
    container = f"{key}_map"
    st.html(
        f"<style>.st-key-{container} * {{ --st-chart-sequential-colors: {_BLACK_TO_WHITE} !important }}</style>",
    )
    labels = list(examples[:rows]) if len(examples) >= rows else []
    with st.container(key=container):
        cell = matrix(
            [
                Matrix(
                    x.saturation.astype(float),
                    title=f"{name}: {x.saturated_share or 0.0:.2%} of all",
                    row_labels=labels,
                    low=0.0,
                    high=1.0,
                )
                for name, x in zip(names, layers, strict=True)
            ],
            key=f"{key}_saturation",
            alt=f"Saturated neurons of {len(layers)} layers, {rows} examples each",
            row_axis="example",
            column_axis="neuron",
            value_format=0,
            max_cell=8,
        )
    if cell is not None:
        layer = layers[cell.matrix]
        example = f"“{labels[cell.row]}”" if labels else str(cell.row)
        heading = f"{names[cell.matrix]}, neuron {cell.column}, example {example}"
        show_arithmetic(open_neuron(layer, cell.row, cell.column, heading), key=f"{key}_cell")


def show_ratios(reading: Diagnosis, key: str) -> None:
    """The gradient:data ratio of every weight matrix and table."""
    names = parameter_names([p.name for p in reading.matrices])
    ratios = np.array([p.ratio for p in reading.matrices])
    st.markdown(
        "**Gradient : data** of each weight matrix, the spread of its gradient over the spread of its numbers. Times the "
        "learning rate, it is how far one step of plain gradient descent moves it."
    )
    said = ", ".join(f"{name} {ratio:.1e}" for name, ratio in zip(names, ratios.tolist(), strict=True))
    st.echarts_chart(
        ratio_chart(names, ratios),
        height=ratio_height(len(names)),
        key=f"{key}_ratios",
        alt=f"Gradient to data ratios: {said}",
    )


def parameter_names(names: Sequence[str]) -> list[str]:
    """Parameters as a reader knows them: of an MLP “hidden 1” … “output”, of others their own names."""
    plain = [name.removesuffix(".weight") for name in names]
    network = [name for name in plain if name.startswith("network.")]
    if not network or network != plain[1:]:
        return plain
    known = {name: f"hidden {i + 1}" for i, name in enumerate(network[:-1])} | {network[-1]: "output"}
    return [known.get(name, name) for name in plain]


EXAMPLES = 512  # predictions that a checkpoint is read on, in windows of its context length


def show_checkpoint(shown: dict[str, Any]) -> None:
    """The same diagnostics of any shipped model, on held-out text."""
    names = checkpoint_names()
    if not names:
        frame.problem("There are no trained weights in checkpoints/; `python -m explorer train` makes some.")
        return
    name = st.selectbox("Checkpoint: the trained model", names, key="bn_checkpoint", format_func=shown_name, **KEPT)
    with frame.problems_in_place():
        loaded = resources.checkpoint(name)
        corpus = _corpus_for(loaded.card)
        has_batchnorm = bool(batchnorm_names(loaded.model))
        of_batch = has_batchnorm and st.toggle(
            "BatchNorm with the batch’s statistics, as in training", True, key="bn_checkpoint_batch", **KEPT
        )
        reading = _checkpoint_reading(name, find_card(name).stat().st_mtime_ns, corpus, bool(of_batch))
        shown["checkpoint"] = reading
        st.caption(
            literal(
                f"Architecture {loaded.card['architecture']}, {loaded.model.parameter_count():,} learned numbers. Read on "
                f"{reading.examples} predictions of the held-out part of “{CORPORA[corpus].title}”: loss "
                f"{reading.loss:.3f} nats; guessing evenly costs {reading.uniform_loss:.3f}."
            )
        )
        show_diagnosis(reading, "bn_shipped")


def _corpus_for(card: dict[str, Any]) -> str:
    """The corpus it was trained on where that is on this machine, else a shipped one of the same kind."""
    trained_on = str(card.get("corpus", {}).get("name", ""))
    if trained_on in CORPORA and is_local(trained_on):
        return trained_on
    is_items = trained_on in CORPORA and CORPORA[trained_on].kind == "items"
    return "given-names" if is_items else "drama"


@st.cache_resource(max_entries=8, show_spinner="One pass forward and back…")
def _checkpoint_reading(name: str, changed: int, corpus: str, batch_statistics: bool) -> Diagnosis:  # noqa: ARG001
    loaded = resources.checkpoint(name)
    context_length = 1 if loaded.model.reads_windows else loaded.model.config.context_length
    batch_size = max(2, EXAMPLES // context_length)
    batch = sample_text(loaded.model, loaded.tokenizer, resources.corpus(corpus), batch_size=batch_size, seed=1)
    return diagnose(loaded.model, *batch, batch_statistics=batch_statistics)


def layer_rows(reading: Diagnosis) -> list[tuple[Any, ...]]:
    """For a download: a row a layer."""
    return [
        (x.name, x.kind, x.activations.mean, x.activations.std, x.saturated_share, x.dead_units, x.gradients.std)
        for x in reading.layers
    ]


LAYER_COLUMNS = ("layer", "kind", "mean", "std", "saturated share", "dead units", "gradient std")
