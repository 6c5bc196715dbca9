"""Transformer block: what each part adds, what it is good for, and what leaving it out costs."""

from __future__ import annotations

from functools import partial

from explorer.ui import frame
from explorer.ui.sections.block import show_block
from explorer.ui.sections.block_activations import activation_rows
from explorer.ui.sections.block_depth import depth_rows
from explorer.ui.sections.block_ladder import ladder_rows
from explorer.ui.sections.block_norms import norm_rows
from explorer.ui.sections.block_stream import stream_rows

frame.header(
    "Transformer block",
    "Attention fetches. What else must a block have, so that many of them can be stacked and trained?",
    [
        r"x \leftarrow x + \text{attention}(\text{norm}(x))",
        r"x \leftarrow x + \text{feed-forward}(\text{norm}(x))",
    ],
    "Attention alone only averages what is there, and a stack of it is hard to train. A block adds a small network for each "
    "place, a path that carries everything past both, and a norm that keeps numbers of one size.",
)
frame.predict_first(
    "block",
    "Eight fresh blocks have neither residual paths nor LayerNorm. Of the gradient that leaves the last block, how much "
    "arrives before the first?",
    ["all of it", "about a half", "about a tenth", "less than a hundredth"],
    "less than a hundredth",
    "Switch both off with 8 blocks and open part 2: with seed 1 it is about a thousandth. "
    "With residual paths it is above 1.",
)
shown = frame.shown("block")
show_block(shown)

START = {
    "block_source": "fresh weights",
    "block_prompt": "the cat sat on the mat",
    "block_norm": "pre",
    "block_residual": True,
    "block_activation": "gelu",
    "block_feed_forward": True,
    "block_dropout": 0.0,
    "block_depth": 8,
    "block_width": 32,
    "block_heads": 4,
    "block_context": 32,
    "block_seed": 1,
    "block_corpus": "drama",
    "block_steps": 300,
    "block_rate": 0.003,
    "block_batch": 16,
}
frame.try_this(
    "block",
    [
        frame.Experiment(
            "No residual, no norm, depth 8",
            "The gradient before the first block is about a thousandth of that after the last: the early blocks hardly hear "
            "of the loss. The table below the charts: at 16 blocks it is about a hundred-thousandth.",
            {**START, "block_part": "2 Depth", "block_residual": False, "block_norm": "none"},
        ),
        frame.Experiment(
            "No residual, but a norm",
            "LayerNorm gives the gradient back its length; but look right: after eight blocks all tokens' vectors point the "
            "same way (likeness 1.0). Press Train: after 300 steps these blocks stand "
            "at 3.33 nats, what counting single characters gives; whole ones reach 2.58.",
            {**START, "block_part": "2 Depth", "block_residual": False},
        ),
        frame.Experiment(
            "Post-norm, deep, at a high rate",
            "Press Train: after 300 steps they stand at 3.33 nats, what counting single characters gives; whole ones reach "
            "2.58 at the same rate. At a third of the rate post-norm stands at 3.33 still, and whole ones reach 2.89.",
            {**START, "block_part": "1 Residual stream", "block_norm": "post"},
        ),
        frame.Experiment(
            "Old parts under post-norm",
            "Every norm scales the whole sum down, so what the first block wrote is short at the end. Set LayerNorm to pre "
            "and it keeps the length it was written with.",
            {**START, "block_part": "1 Residual stream", "block_norm": "post", "block_token": 4},
        ),
        frame.Experiment(
            "Where GELU bends back",
            "Left of −0.75 GELU rises again towards 0 and its slope is negative, where ReLU's is 0 and passes no gradient "
            "at all. To the right its slope exceeds 1.",
            {"block_part": "4 Activations", "block_x": -1.5, "block_curves": ["GELU", "ReLU"]},
        ),
        frame.Experiment(
            "Five heads for 32 channels",
            "The channels are shared out equally, and 32 does not divide by 5. The page says so, with the numbers that do.",
            {**START, "block_heads": 5},
        ),
    ],
)
frame.code(
    "explorer.models.decoder.Block",
    "explorer.core.layers.LayerNorm",
    "explorer.core.layers.BatchNorm1d",
    "explorer.core.layers.GELU",
    "explorer.inspection.block.read_stream",
    "explorer.inspection.block.read_depth",
    "explorer.training.block.train_on",
    "explorer.models.block_ladder.BlockRung",
)
frame.data_out(
    "block",
    {
        "block_stream": (("after", "part", "length", "along the stream", "share"), partial(stream_rows, shown)),
        "block_depth": (("stack", "blocks", "length", "gradient", "likeness"), partial(depth_rows, shown)),
        "block_norms": (
            ("token", "label", "channel", "x", "LayerNorm", "BatchNorm"),
            partial(norm_rows, shown),
        ),
        "block_activations": (("activation", "x", "value", "slope"), partial(activation_rows, shown)),
        "block_ladder": (
            ("rung", "held-out loss", "training loss", "parameters", "lecture"),
            partial(ladder_rows, shown),
        ),
    },
)
