"""The stream over depth: how long vectors grow, how much gradient comes back, how alike the tokens become."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from explorer.figures.block import depth_chart
from explorer.inspection.block import DepthReading, FadingReading, read_depth, read_fading
from explorer.models.decoder import DecoderConfig
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model
from explorer.training.block import BlockSpec
from explorer.ui.sections.block_setting import NORMS, Setting, fresh_model

YOURS, FLIPPED, WHOLE = "yours", "yours, residual paths {}", "the whole block"
DEPTHS = (1, 2, 4, 8, 16)


def show_depth(setting: Setting, shown: dict[str, Any]) -> None:
    """Three charts over depth, then the gradient that is left at growing depth."""
    readings = shown["depth"] = _readings(setting)
    yours = readings[YOURS]
    st.markdown(
        "One pass forward and one back over your prompt, each character predicting the next. Left, how long a token's "
        "vector is; middle, how strongly the loss answers to a change of the vectors at that depth (∂loss/∂stream); right, "
        "how alike the vectors of different tokens are: at 1 they all point the same way, and no later part can tell the "
        "tokens apart."
    )
    drawn = (
        ("activation", "length of a vector", {n: r.activation for n, r in readings.items()}, True),
        ("gradient", "length of the gradient", {n: r.gradient for n, r in readings.items()}, True),
        ("likeness", "cosine between tokens", {n: r.likeness for n, r in readings.items()}, False),
    )
    for column, (name, y, lines, logarithmic) in zip(st.columns(3), drawn, strict=True):
        with column:
            ends = f"yours goes from {lines[YOURS][0]:.3g} to {lines[YOURS][-1]:.3g}"
            st.echarts_chart(
                depth_chart(lines, y, logarithmic=logarithmic),
                height=330,
                key=f"block_depth_{name}",
                alt=f"The {y} over depth: {ends}",
            )
    st.markdown(
        f"In yours, the gradient before the first block is **{yours.kept:.3g} times** that after the last. Above 1 it has "
        "grown on its way back, below 1 it has faded."
    )
    if setting.spec is not None:
        _show_fading(setting.spec, setting.prompt.ids, setting, shown)


def _readings(setting: Setting) -> dict[str, DepthReading]:
    """Yours first; of fresh weights the same with the residual switch turned, and the whole block."""
    ids = setting.prompt.ids
    readings = {YOURS: read_depth(setting.model, ids)}
    if setting.spec is None:
        return readings
    V = setting.model.config.vocab_size
    flipped = replace(setting.spec, residual=not setting.spec.residual)
    name = FLIPPED.format("on" if flipped.residual else "off")
    readings[name] = read_depth(fresh_model(flipped, V), ids)
    if not setting.spec.is_whole and setting.spec.whole() != flipped:
        readings[WHOLE] = read_depth(fresh_model(setting.spec.whole(), V), ids)
    return readings


@st.cache_resource(max_entries=32, show_spinner="Measuring at five depths…")
def _fading(options: tuple[tuple[str, Any], ...], seed: int, ids: tuple[int, ...]) -> FadingReading:
    config = DecoderConfig(**dict(options))

    def build(depth: int, residual: bool) -> LanguageModel:
        return build_model("decoder", replace(config, n_layers=depth, residual=residual), seed=seed)

    return read_fading(build, ids, DEPTHS)


def _show_fading(spec: BlockSpec, ids: tuple[int, ...], setting: Setting, shown: dict[str, Any]) -> None:
    """The same at depths from 1 to 16, with residual paths and without."""
    reading = shown["fading"] = _fading(tuple(asdict(setting.model.config).items()), spec.seed, ids)
    st.markdown(
        f"**At growing depth** (LayerNorm {NORMS[spec.norm]}, fresh weights): gradient before the first block ÷ after the "
        "last, and how alike the tokens are after the last"
    )
    st.dataframe(
        {
            "blocks": list(reading.depths),
            "gradient kept, residual on": [f"{v:.3g}" for v in reading.kept_with],
            "gradient kept, residual off": [f"{v:.3g}" for v in reading.kept_without],
            "likeness, residual on": [f"{v:.3f}" for v in reading.likeness_with],
            "likeness, residual off": [f"{v:.3f}" for v in reading.likeness_without],
        },
        hide_index=True,
    )
    st.caption(
        "Without residual paths and without LayerNorm the gradient fades with every block. LayerNorm rescales it, so its "
        "length survives; the tokens still become alike, which no rescaling undoes (Dong et al., 2021)."
    )


def depth_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a stack and depth."""
    return [
        (name, i, float(r.activation[i]), float(r.gradient[i]), float(r.likeness[i]))
        for name, r in shown.get("depth", {}).items()
        for i in range(len(r.activation))
    ]
