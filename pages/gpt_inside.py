"""GPT inside: every head and every number on the visitor's own prompt, each opened to its arithmetic."""

from __future__ import annotations

from functools import partial

from explorer.ui import frame
from explorer.ui.components.matrix import Cell
from explorer.ui.sections.gpt import DEFAULT, LEARNING, behaviour_rows, explore, next_rows, pattern_rows, step_rows
from explorer.ui.sections.gpt_learning import COLUMNS, learning_rows

frame.header(
    "GPT inside",
    "Where does each head of a trained Transformer look while it reads your words, and what does it do with it?",
    [
        r"\text{pattern} = \text{softmax}\!\left(\frac{QK^\top}{\sqrt d} + \text{mask}\right)",
        r"\text{head} = \text{pattern}\cdot V",
    ],
    "A bigram sees one character. Here every token asks all earlier ones at once: its query is compared with their "
    "keys, and what it finds fitting, it fetches as values. Each layer has several heads that do this side by side.",
)
frame.predict_first(
    "gpt",
    "In an attention map, row 3 is the fourth token. How many cells of that row can be above zero?",
    ["1", "3", "4", "all of them"],
    "4",
    "A token may look at itself and at what came before, never ahead: the mask leaves the lower triangle.",
)
shown = frame.shown("gpt")
explore(shown)

HEADS = {"gpt_part": "1 Heads"}
frame.try_this(
    "gpt",
    [
        frame.Experiment(
            "A head with one job",
            "The head that looks most at the token just before is opened; under its map stands how much. Near 100 % it "
            "does so whatever the token is: a line beside the diagonal. From there on the model knows a token and the "
            "one before it at once.",
            {**HEADS, "checkpoint": "shakespeare-gpt", "prompt": DEFAULT, "_gpt_find": "previous"},
        ),
        frame.Experiment(
            "Repeat yourself",
            "An induction head looks at what followed the same letters before: on this prompt, a second diagonal. The head "
            "nearest to it is opened. Near 100 % on random tokens said twice it is one; near 0 % this model has none.",
            {
                **HEADS,
                "checkpoint": "shakespeare-gpt",
                "prompt": "the king and the king and the king and",
                "_gpt_find": "induction",
            },
        ),
        frame.Experiment(
            "One token only",
            "With nothing before it, every head of every layer puts all its attention on the one token: 1.000.",
            {**HEADS, "prompt": "R"},
        ),
        frame.Experiment(
            "A character it never saw",
            "The model cannot read it, so the page says which it is and offers to drop it; your text stays.",
            {**HEADS, "checkpoint": "shakespeare-gpt", "prompt": "To be or not to be €?"},
        ),
        frame.Experiment(
            "One number to its end",
            "The last step is open: each logit is the last vector of its token · the row of one next token. Click any cell, "
            "of any step: the arithmetic gives the number again.",
            {
                "gpt_part": "3 Values",
                "checkpoint": "shakespeare-gpt",
                "prompt": DEFAULT,
                "_gpt_step": Cell(-1, 0, 0),
            },
        ),
        frame.Experiment(
            "Without its first layer",
            "Both sublayers of the first layer are silent: the loss on this prompt rises beyond that of guessing evenly, "
            "ln 65 = 4.17 nats. Switch them on again one at a time: the feed-forward layer is the one that matters.",
            {"gpt_part": "4 Switch off", "checkpoint": "shakespeare-gpt", "prompt": DEFAULT, "gpt_off": "0.a 0.f"},
        ),
        frame.Experiment(
            "Watch a head being born",
            "Move the slider from 845 to 1,501: the second saying of random tokens falls from 4.16 to 1.10 nats while heads "
            "1.2 and 1.3 grow a second diagonal; head 0.0 has looked at the token before since step 357.",
            {
                "gpt_part": LEARNING,
                "gpt_learning_source": "a run that was kept",
                "gpt_learning_run": "echo-gpt",
            },
        ),
    ],
)
frame.code(
    "explorer.models.gpt.CausalSelfAttention",
    "explorer.core.attention.attention_pattern",
    "explorer.inspection.gpt_heads.read_heads",
    "explorer.inspection.head_behaviour.measure_behaviours",
    "explorer.inspection.head_behaviour.measure_induction",
    "explorer.inspection.attention.head_stages",
    "explorer.inspection.head_writing.read_writing",
    "explorer.inspection.gpt_pipeline.read_pipeline",
    "explorer.inspection.ablation_ranking.rank_parts",
    "explorer.inspection.logit_lens.read_lens",
    "explorer.inspection.logit_attribution.attribute_logit",
    "explorer.inspection.learning.read_snapshot",
)
PLACE = ("layer", "head")
frame.data_out(
    "gpt",
    {
        "attention": ((*PLACE, "row", "looks", "column", "at", "attention"), partial(pattern_rows, shown)),
        "heads": (
            (*PLACE, "previous", "two back", "first", "self", "induction", "induction on the prompt"),
            partial(behaviour_rows, shown),
        ),
        "next_tokens": (("token", "probability"), partial(next_rows, shown)),
        "learning": (COLUMNS, partial(learning_rows, shown)),
        "step": (("step", "row", "token", "column", "value"), partial(step_rows, shown)),
    },
)
