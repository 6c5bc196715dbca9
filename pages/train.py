"""Train: any model on any text, watched while it learns, compared with other runs, and kept."""

import streamlit as st

from explorer.training.workbench_spec import settings
from explorer.ui import frame
from explorer.ui.sections.train_keeping import show_keeping
from explorer.ui.sections.train_run import record_of, show_run
from explorer.ui.sections.train_runs import saved_runs, show_runs
from explorer.ui.sections.train_settings import FRESH, TUNED, choose_settings, choose_start, preset_controls
from explorer.ui.sections.train_size import show_plan, tell_size
from explorer.ui.sections.train_text import CORPUS, choose_text
from explorer.ui.workspace import MOST_RUNS

frame.header(
    "Train",
    "How does a model of your own come out of a text of your own?",
    [
        r"L(\theta) = -\frac{1}{n} \sum_{t=1}^{n} \ln P_\theta(x_t \mid x_{<t})",
        r"\theta \leftarrow \theta - \eta \cdot \text{direction}(\nabla_\theta L)",
    ],
    "The pages before this one look at models that were trained elsewhere. Here every model of the explorer learns before "
    "your eyes, from any text: its weights θ move a little at every step, by the learning rate η, against the gradient of "
    "the loss L on a batch of n tokens.",
)
frame.predict_first(
    "train",
    "A model that has learned English verse drama learns on from Spanish poems. What happens to its loss on the drama?",
    ["it falls as well", "it stays about the same", "it rises"],
    "it rises",
    "Every weight is free to move, and nothing asks it to remember. The experiment “Fine-tune the drama on Spanish poems” "
    "draws both losses on one chart.",
)
shown = frame.shown("train")
shown.clear()

left, right = st.columns(2, gap="medium")
with left:
    parent = choose_start()
with right:
    text = choose_text()
spec = None
if text is not None and (parent is not None or st.session_state.get("train_begin", FRESH) == FRESH):
    spec = choose_settings(text, parent)
    spec = tell_size(spec) if spec is not None else None
runs = saved_runs()
if len(runs) >= MOST_RUNS and spec is not None:
    frame.problem(f"{MOST_RUNS} runs of yours are kept, which is the most; pin some below and delete them.")
    spec = None
job = show_run(spec)
if job is None and spec is not None:
    show_plan(spec)
st.divider()
record = record_of(job)
show_runs(runs, record.run if job is not None and job.alive and record is not None else None)
show_keeping(runs)
if spec is not None:
    shown["settings"] = settings(spec)

_START = preset_controls("gpt-tiny") | {"train_begin": FRESH, "train_source": CORPUS, "train_preset": "gpt-tiny"}
_START |= {"train_share": 100.0, "train_patience": 0, "train_corpus": "drama"}
_SMALL = _START | {"train_gpt_context_length": 32, "train_gpt_n_layers": 2, "train_gpt_d_model": 32, "train_steps": 300}
frame.try_this(
    "train",
    [
        frame.Experiment(
            "A small model, to begin with",
            "Press Train: 28,512 numbers, and after 300 steps a held-out loss near 2.41 nats. No preference would cost "
            "ln 63 = 4.14. What it writes has the layout of a play, but hardly a word.",
            _SMALL,
        ),
        frame.Experiment(
            "A rate a hundred times as high",
            "Press Train: the loss falls for some fifty steps, then rises, and is stuck above 3 nats (3.15 at the end in "
            "our run, against 2.41 at the rate of 0.003). Pin both runs to see them on one axis. Ten times as high, 0.03, "
            "is not too much for a model this small: 2.27.",
            _SMALL | {"train_learning_rate": 0.3},
        ),
        frame.Experiment(
            "Overfit a tiny text",
            "Press Train: single batches fall to about 0.2 nats, learned by heart, while the held-out loss turns near step "
            "75 (2.80 in our run) and climbs to 4.51, more than no preference costs. A patience of 3 would have ended it.",
            _START | {"train_corpus": "poemas", "train_share": 0.5, "train_steps": 250, "train_evaluate_every": 25},
        ),
        frame.Experiment(
            "Fine-tune the drama on Spanish poems",
            "Press Train: in our run the loss on the poems fell from 3.84 to 2.28 nats in these 60 steps, and that on the "
            "drama rose from 1.62 to 2.58, most of it within the first 30. 15 letters were added to its vocabulary.",
            _START
            | {"train_begin": TUNED, "train_parent": "drama-gpt", "train_corpus": "poemas", "train_steps": 60}
            | {"train_learning_rate": 3e-4, "train_warmup": 20, "train_evaluate_every": 10},
        ),
    ],
)
frame.code(
    "explorer.training.trainer.Trainer",
    "explorer.training.workbench.train_workbench",
    "explorer.models.vocabulary_growth.grow_vocabulary",
    "explorer.training.fine_tuning.begin_from",
)


def difference_rows() -> list[list[object]]:
    titles, rows = shown.get("differences", ((), {}))
    return [
        [setting, title, value] for setting, values in rows.items() for title, value in zip(titles, values, strict=True)
    ]


frame.data_out(
    "train",
    {
        "settings": (("setting", "value"), lambda: list(shown.get("settings", {}).items())),
        "updates": (
            ("step", "loss", "learning rate", "gradient norm", "tokens per second"),
            lambda: [tuple(point) for point in shown.get("points", ())],
        ),
        "held_out": (
            ("step", "held out", "old text held out"),
            lambda: [tuple(one) for one in shown.get("evaluations", ())],
        ),
        "differences": (("setting", "run", "value"), difference_rows),
    },
)
