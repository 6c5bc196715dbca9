"""Attention: from a plain average to many heads, every cell open to its arithmetic, on the visitor's own prompt."""

from __future__ import annotations

from functools import partial

from explorer.ui import frame
from explorer.ui.sections.attention import show_attention
from explorer.ui.sections.attention_averaging import averaging_rows
from explorer.ui.sections.attention_head import scale_rows, step_rows
from explorer.ui.sections.attention_variants import cost_rows

frame.header(
    "Attention",
    "How can a token fetch what it needs from the tokens before it?",
    [
        r"\text{pattern} = \text{softmax}\!\left(\frac{QK^\top}{\sqrt d} + \text{mask}\right)",
        r"\text{fetched} = \text{pattern}\cdot V",
    ],
    "The networks before this look at a fixed window, each place through weights of its own. Here every token decides "
    "for itself, by comparing vectors, which of the earlier ones matter.",
)
frame.predict_first(
    "attention",
    "Queries and keys of random numbers: a head grows from 4 to 64 channels. What happens to the variance of q · k?",
    ["it stays", "twice as large", "4 times as large", "16 times as large"],
    "16 times as large",
    "Each channel adds a random term of its own, and variances add up: d terms give d times the variance of one. Part 3 "
    "measures it, and shows what softmax makes of it without the division by √d.",
)
shown = frame.shown("attention")
show_attention(shown)

frame.try_this(
    "attention",
    [
        frame.Experiment(
            "Take the scale away",
            "Without the division by √256 = 16 the largest weight of a row is 0.88 on average; with it, 0.26. Softmax has "
            "become nearly one-hot before anything was learned. Switch the scale on and off and watch the last map.",
            {
                "attention_source": "fresh weights",
                "attention_part": "3 Q, K, V",
                "attention_prompt": "the cat sat on the mat",
                "attention_seed": 1,
                "attention_width": 32,
                "attention_head_size": 256,
                "attention_mask": True,
                "attention_scale": False,
            },
        ),
        frame.Experiment(
            "Divide instead of softmax",
            "Over a third of the weights are negative, and row 11 sums to 0.13, nearly nothing: divided by it, one "
            "weight is 25. Softmax of the same scores gives shares between 0 and 1.",
            {
                "attention_source": "fresh weights",
                "attention_part": "2 Without weights",
                "attention_prompt": "the cat sat on the mat",
                "attention_seed": 1,
                "attention_width": 32,
                "attention_mask": True,
                "attention_scale": True,
            },
        ),
        frame.Experiment(
            "A trained head with one job",
            "Layer 0, head 1 of shakespeare-gpt looks at the token just before, whatever it is: a window of 2 compares a "
            "sixth of the pairs and keeps 99.8 % of its attention. Head 0 of layer 5 would lose most of what it looks at.",
            {
                "attention_source": "a checkpoint",
                "attention_checkpoint": "shakespeare-gpt",
                "attention_part": "5 Sparse masks",
                "attention_prompt": "the cat sat on the mat",
                "attention_layer": 0,
                "attention_head": 1,
                "attention_window": 2,
            },
        ),
        frame.Experiment(
            "Five heads for 32 channels",
            "The channels are shared out equally, and 32 does not divide by 5. The page says so, with the numbers that do.",
            {
                "attention_source": "fresh weights",
                "attention_part": "4 Many heads",
                "attention_width": 32,
                "attention_heads": 5,
            },
        ),
    ],
)
frame.code(
    "explorer.core.attention.average_by_loop",
    "explorer.core.attention.averaging_weights",
    "explorer.core.attention.divide_by_sum",
    "explorer.core.attention.attention_pattern",
    "explorer.core.attention.multi_head_attention",
    "explorer.core.attention_masks.strided_mask",
    "explorer.inspection.attention_steps.take_steps",
    "explorer.training.attention.train_on",
)
PAIR = ("row", "looks", "column", "at")
frame.data_out(
    "attention",
    {
        "attention_steps": ((*PAIR, "dot", "scaled", "allowed", "pattern"), partial(step_rows, shown)),
        "attention_averages": ((*PAIR, "loop", "triangle", "softmax of zeros", "qk"), partial(averaging_rows, shown)),
        "attention_scale": (
            ("head size", "scores", "variance", "largest weight", "entropy"),
            partial(scale_rows, shown),
        ),
        "attention_costs": (
            ("mask", "pairs", "multiply-adds", "attention kept", "seen by the last"),
            partial(cost_rows, shown),
        ),
    },
)
