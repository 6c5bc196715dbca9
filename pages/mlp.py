"""MLP: letters become points in a plane, and a hidden layer reads several of them at once."""

import streamlit as st

from explorer.ui import frame
from explorer.ui.sections.learning_rate_finder import show_finder
from explorer.ui.sections.mlp import show_network
from explorer.ui.sections.mlp_settings import choose_corpus, choose_settings
from explorer.ui.sections.mlp_training import show_training

frame.header(
    "MLP",
    "How can a model read several letters at once, without a table of every combination?",
    [
        r"x = [E_{c_1}; E_{c_2}; \dots; E_{c_n}]",
        r"h = \tanh(W_1 x + b_1)",
        r"P(\text{next}) = \text{softmax}(W_2 h + b_2)",
    ],
    "The bigram table sees one letter. A table for three letters before the next would have 27⁴ = 531,441 cells, most of "
    "them never seen. Here each letter becomes a few learned numbers, its embedding, and a small network reads them; "
    "letters that behave alike can then share what was learned (Bengio et al., 2003).",
)
frame.predict_first(
    "mlp",
    "The points of the letters start at random places. After training on names, what lies nearest to a vowel?",
    ["other vowels", "its neighbours in the alphabet", "the letters that often follow it", "nothing in particular"],
    "other vowels",
    "They do alike: much the same letters come before and after them. On makemore’s names, in two dimensions and with "
    "seeds 1 to 4, from 55 to 90 % of the nearest neighbours of vowels were vowels; chance gives 15 %. The number for "
    "your own run stands under its scatter.",
)
shown = frame.shown("mlp")
shown.clear()

corpus = choose_corpus()
if corpus is not None:
    spec = choose_settings(corpus)
    record = show_training(spec)
    st.divider()
    show_finder(spec)
    st.divider()
    show_network(spec, record)

_START = {
    "mlp_embedding": 2,
    "mlp_context": 3,
    "mlp_hidden": 100,
    "mlp_steps": 5000,
    "mlp_batch": 64,
    "mlp_rate": 0.01,
    "mlp_optimizer": "adamw",
    "mlp_schedule": "cosine",
    "mlp_parts": "80 / 10 / 10",
    "mlp_share": 100.0,
    "mlp_patience": 0,
}
frame.try_this(
    "mlp",
    [
        frame.Experiment(
            "Watch the vowels gather",
            "Press Train, then drag the snapshot slider when it is done. Vowels end up near vowels far more often than "
            "chance. “.”, which begins and ends every name, moves away from them, and so do a few others, often the rare "
            "q or þ. The numbers stand under the scatter.",
            _START,
        ),
        frame.Experiment(
            "A tiny text and a big net",
            "Press Train: the training loss keeps falling, while the validation loss turns early and rises, far above "
            "where it was. The network learns its few names by heart.",
            _START | {"mlp_share": 1.0, "mlp_embedding": 10, "mlp_hidden": 300, "mlp_steps": 2000},
        ),
        frame.Experiment(
            "The same, stopped in time",
            "Press Train: the rule ends the run soon after the validation loss has turned, and the network of its "
            "lowest loss is kept.",
            _START | {"mlp_share": 1.0, "mlp_embedding": 10, "mlp_hidden": 300, "mlp_steps": 2000, "mlp_patience": 4},
        ),
        frame.Experiment(
            "A learning rate far too high",
            "Press Train: the loss shoots up to hundreds of nats and the run is stopped with the reason. The network "
            "below is the best one before that.",
            _START | {"mlp_rate": 100.0, "mlp_optimizer": "sgd", "mlp_schedule": "constant", "mlp_steps": 1000},
        ),
        frame.Experiment(
            "The lecture's size: 10 dimensions, 200 neurons",
            "Press Train: with 27 symbols these are 11,897 numbers, and the loss ends lower than in two dimensions. "
            "But “.” no longer lies apart; its number under the scatter is near 1.",
            _START | {"mlp_embedding": 10, "mlp_hidden": 200},
        ),
    ],
)
frame.code(
    "explorer.models.mlp.MLP",
    "explorer.training.mlp.train_on",
    "explorer.training.learning_rate_finder.find_learning_rate",
    "explorer.inspection.mlp.gathering",
)


def next_rows() -> list[tuple[str, float, float]]:
    if "reading" not in shown:
        return []
    reading = shown["reading"]
    return list(zip(reading.labels, reading.logits.tolist(), reading.probabilities.tolist(), strict=True))


def table_rows() -> list[tuple[int, str, int, float]]:
    if "table" not in shown:
        return []
    labels, table = shown["labels"], shown["table"].tolist()
    return [(shown["step"], labels[i], k, x) for i, row in enumerate(table) for k, x in enumerate(row, 1)]


frame.data_out(
    "mlp",
    {
        "next_letter": (("symbol", "logit", "probability"), next_rows),
        "embedding": (("step", "symbol", "dimension", "value"), table_rows),
        "losses": (
            ("step", "training part", "validation part"),
            lambda: [(one.step, one.train, one.validation) for one in shown.get("evaluations", ())],
        ),
        "sweep": (
            ("rate", "loss", "running mean"),
            lambda: [(point.rate, point.loss, point.smoothed) for point in shown.get("sweep", ())],
        ),
    },
)
