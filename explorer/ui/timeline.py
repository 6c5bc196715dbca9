"""The strip of steps from 1943 to 2017: each names its year, its idea and its paper, and leads to the page that shows it.

from explorer.ui import timeline
timeline.show(current="pages/energy.py")
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st
from streamlit.errors import StreamlitAPIException


@dataclass(frozen=True)
class Step:
    """One step of the history.

    year: of the paper. name: the idea's, two or three words. line: what it brought, in one short line. page: the file
    of the page that shows it, as `st.Page` was given it. paper: authors and title.
    """

    year: int
    name: str
    line: str
    page: str
    paper: str


STEPS = (
    Step(
        1943,
        "Threshold unit",
        "A cell as a yes or no: logic out of neurons.",
        "pages/first_neurons.py",
        "Warren McCulloch and Walter Pitts, “A logical calculus of the ideas immanent in nervous activity”",
    ),
    Step(
        1948,
        "Bigram",
        "Text from the odds of the next letter.",
        "pages/bigram.py",
        "Claude Shannon, “A mathematical theory of communication”",
    ),
    Step(
        1949,
        "Hebb’s rule",
        "What fires together grows together.",
        "pages/first_neurons.py",
        "Donald Hebb, “The organization of behavior”",
    ),
    Step(
        1958,
        "Perceptron",
        "A unit that learns from its mistakes.",
        "pages/first_neurons.py",
        "Frank Rosenblatt, “The perceptron: a probabilistic model for information storage and organization in the brain”",
    ),
    Step(
        1982,
        "Hopfield network",
        "Memories as valleys of an energy.",
        "pages/energy.py",
        "John Hopfield, “Neural networks and physical systems with emergent collective computational abilities”",
    ),
    Step(
        1985,
        "Boltzmann machine",
        "Units that learn a distribution.",
        "pages/energy.py",
        "David Ackley, Geoffrey Hinton and Terrence Sejnowski, “A learning algorithm for Boltzmann machines”",
    ),
    Step(
        1986,
        "Backpropagation",
        "The chain rule trains hidden units.",
        "pages/autograd.py",
        "David Rumelhart, Geoffrey Hinton and Ronald Williams, “Learning representations by back-propagating errors”",
    ),
    Step(
        2002,
        "Contrastive divergence",
        "A short cut that makes energy models quick.",
        "pages/energy.py",
        "Geoffrey Hinton, “Training products of experts by minimizing contrastive divergence”",
    ),
    Step(
        2006,
        "Deep belief network",
        "Layers learned one upon the other.",
        "pages/energy.py",
        "Geoffrey Hinton, Simon Osindero and Yee-Whye Teh, “A fast learning algorithm for deep belief nets”",
    ),
    Step(
        2017,
        "Transformer",
        "Attention alone, and the road to GPT.",
        "pages/gpt_inside.py",
        "Ashish Vaswani and seven others, “Attention is all you need”",
    ),
)

# One row of time from left to right; five steps a row where there is room, sideways scrolling where there is not.
# A step of this page has a filled mark, a heavier rule and three words; nothing is said by colour.
_STYLE = """<style>
.st-key-timeline { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .9rem .75rem;
  padding-top: 8px; }
.st-key-timeline > div { width: auto; min-width: 0; }
.st-key-timeline [class*="st-key-timeline_step"] { gap: 0; }
.timeline-year { position: relative; padding-top: .5rem; font-size: .85rem; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.timeline-year::before { content: ""; position: absolute; top: -6px; left: 0; width: 10px; height: 10px;
  box-sizing: border-box; border-radius: 50%; border: 2px solid currentColor; }
.timeline-year::after { content: ""; position: absolute; top: -2px; left: 14px; right: 0; height: 2px;
  background: currentColor; opacity: .25; }
.timeline-here::before { background: currentColor; }
.timeline-here::after { top: -3px; height: 4px; opacity: .8; }
.timeline-name { padding: .15rem 0; font-size: .95rem; line-height: 1.35; }
.timeline-here-name { font-weight: 700; }
.timeline-papers { font-size: .85rem; }
.timeline-papers summary { cursor: pointer; opacity: .8; }
.timeline-line { font-size: .85rem; line-height: 1.3; opacity: .8; }
.st-key-timeline [data-testid="stPageLink-NavLink"] p { font-size: .95rem; line-height: 1.35; }
.st-key-timeline [data-testid="stPageLink-NavLink"] { padding: .52rem 0; min-height: 0;
  text-decoration: underline; text-underline-offset: .2em; }
@media (max-width: 640px) {
  .st-key-timeline { grid-template-columns: repeat(10, 9.5rem); overflow-x: auto; padding-bottom: .5rem;
    scroll-snap-type: x proximity; }
  .st-key-timeline > div { scroll-snap-align: start; }
}
</style>"""


def show(current: str) -> None:
    """Draw the strip. current: the file of the page that draws it, such as "pages/energy.py".

    A step whose page the running app does not have is shown without a link, so that none leads nowhere.
    """
    st.html(_STYLE)
    with st.container(key="timeline"):
        for number, step in enumerate(STEPS):
            with st.container(key=f"timeline_step_{number}"):
                _show_step(step, here=step.page == current)
    papers = "".join(f"<li>{step.year} {escape(step.name)}: {escape(step.paper)}</li>" for step in STEPS)
    st.html(
        f'<details class="timeline-papers"><summary>The papers behind these steps</summary><ul>{papers}</ul></details>'
    )


def _show_step(step: Step, *, here: bool) -> None:
    mark, words = (" timeline-here", " · on this page") if here else ("", "")
    st.html(f'<div class="timeline-year{mark}"><strong>{step.year}{words}</strong></div>')
    linked = not here and _linked(step)
    name = f'<div class="timeline-name{" timeline-here-name" if here else ""}">{escape(step.name)}</div>'
    st.html(f'{"" if linked else name}<div class="timeline-line">{escape(step.line)}</div>')


def _linked(step: Step) -> bool:
    """Draw the step's name as a link; False, and nothing drawn, where the running app has no such page."""
    try:
        st.page_link(step.page, label=step.name, help=step.paper)
    except StreamlitAPIException:  # the page is not written yet, or runs alone in a test
        return False
    return True
