"""Before attention: a sequence squeezed through one vector, and Bahdanau's way out of it, trained side by side."""

from __future__ import annotations

from functools import partial

from explorer.ui import frame
from explorer.ui.sections.seq2seq import show_seq2seq
from explorer.ui.sections.seq2seq_tables import accuracy_rows, alignment_rows, loss_rows

frame.header(
    "Before attention",
    "Can one vector hold a whole sequence, or must the writer be allowed to look back?",
    [
        r"\text{fixed vector:}\quad c = [\overrightarrow{h}_S;\ \overleftarrow{h}_1]",
        r"\text{attention:}\quad c_i = \sum_j \alpha_{ij} h_j",
        r"\alpha_i = \text{softmax}_j\big(v \cdot \tanh(W s_{i-1} + U h_j)\big)",
    ],
    "The networks before this read a fixed window. A recurrent network reads a sequence of any length, but hands on a "
    "state of fixed size. Translation in 2014 went through that one vector; in 2015 Bahdanau, Cho and Bengio let the "
    "writer choose, at every step, what to fetch. Here both learn to rewrite letters, with everything else alike.",
)
frame.predict_first(
    "before",
    "Both models learn to reverse up to 20 letters, 1,000 batches each. How many of 100 new sequences of 20 letters will "
    "the one with the fixed vector get wholly right?",
    ["none", "about 20", "about 50", "about 95"],
    "none",
    "Measured: 0 %, and 98.5 % with attention (200 sequences, seed 1). At 2 letters both are at 100 %; the fixed vector "
    "has fallen to 31 % at 8 letters and to 4.5 % at 11. Press Train and see.",
)
shown = frame.shown("before")
show_seq2seq(shown)

RUN = {"before_length": 20, "before_hidden": 64, "before_steps": 1000, "before_rate": 0.005}
frame.try_this(
    "before",
    [
        frame.Experiment(
            "Sort instead of reverse",
            "Press Train: now the fixed vector keeps up. Measured at 20 letters, 85.5 % each. Sorted letters depend only on "
            "how often each occurs, and one vector can hold 26 counts; it is the order that it cannot hold.",
            {**RUN, "before_task": "sort"},
        ),
        frame.Experiment(
            "Nothing to align: one letter",
            "Press Train: both models are right at 1 letter, at once, and the alignment says nothing, for there is "
            "nowhere else to look. Longer words of your own fail: no batch ever held one.",
            {**RUN, "before_task": "reverse", "before_length": 1, "before_steps": 300, "before_typed": "ab"},
        ),
        frame.Experiment(
            "Longer than it was trained on",
            "Press Train: at 20 letters attention is right, and your 30 letters come out wrong from both models. At 23 "
            "letters it still got 42 % right, at 26 less than 1 %: the alignment is learned for lengths seen.",
            {**RUN, "before_task": "reverse", "before_typed": "abcdefghijklmnopqrstuvwxyzabcd"},
        ),
        frame.Experiment(
            "A million hidden units",
            "The page says what that would take before anything is allocated, and Train rests.",
            {**RUN, "before_task": "reverse", "before_hidden": 1_000_000},
        ),
    ],
)
frame.code(
    "explorer.models.seq2seq.gru_update",
    "explorer.models.seq2seq.Seq2Seq",
    "explorer.core.additive_attention.additive_scores",
    "explorer.core.additive_attention.AdditiveAttention",
    "explorer.training.seq2seq.draw_length",
    "explorer.training.seq2seq.train_seq2seq",
)
frame.data_out(
    "before",
    {
        "alignment": (
            ("run step", "writing step", "written", "place", "read", "score", "share"),
            partial(alignment_rows, shown),
        ),
        "accuracy_by_length": (
            ("run step", "letters", "tested", "fixed vector", "attention"),
            partial(accuracy_rows, shown),
        ),
        "losses": (("step", "letters", "fixed vector", "attention"), partial(loss_rows, shown)),
    },
)
