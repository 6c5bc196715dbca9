"""The text of the page Generate: written all at once or step by step, coloured by surprise, with its branches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.inspection.branches import WrittenToken, log_probability, shared_length
from explorer.text.pieces import cut_into_pieces
from explorer.ui.components.events import has_event
from explorer.ui.components.surprise_text import SurpriseToken, TextPanel, surprise_text
from explorer.ui.sections.generation_manuscript import Manuscript
from explorer.ui.state import KEPT

ALL_AT_ONCE, STEP_BY_STEP = "All at once", "Step by step"
PACE_KEY, TEXT_KEY, BRANCHES_KEY = "pace", "generate_text", "generate_branches"
LONGEST = 2000  # tokens in one text: bounds what one visitor asks of the server
PAUSE_SECONDS = 0.25  # between two turns of writing
SOME = 10  # tokens of a longer step
SHOWN_OF_BRANCH = 80  # tokens after the fork
SHARED_SHOWN = 12  # tokens before it


def show_pace() -> str:
    """Whether the text is written all at once or step by step."""
    pace = st.segmented_control(
        "How to write",
        [ALL_AT_ONCE, STEP_BY_STEP],
        default=ALL_AT_ONCE,
        required=True,
        key=PACE_KEY,
        help="All at once: the whole length, anew for every setting. Step by step: what is written stays, and the "
        "settings hold for what comes.",
        **KEPT,
    )
    return pace or ALL_AT_ONCE


def by_hand(manuscript: Manuscript) -> None:
    """From now on the text is made step by step: somebody has had a hand in it."""
    manuscript.all_at_once = False
    st.session_state[PACE_KEY] = STEP_BY_STEP


def show_text(manuscript: Manuscript, buttons: DeltaGenerator) -> None:
    """The text, its buttons in a row of their own, and its branches.

    Streamlit lets a run of a fragment end before it answers another control. So each run writes for a moment only, and
    a timer runs the next: Stop and all other controls answer between two turns.
    """
    manuscript.write_on()
    with buttons:
        _show_buttons(manuscript)
    was_writing, is_drawn = manuscript.is_writing, False

    def draw() -> None:
        nonlocal is_drawn
        if was_writing and has_event(TEXT_KEY):
            st.rerun()  # a token was clicked while the text grows: the whole page must hear of it
        if is_drawn:  # called by the timer: the next turn
            manuscript.write_on()
        is_drawn = True
        if was_writing and not manuscript.is_writing:
            st.rerun()  # of the whole page: only that stops the timer
        _draw_text(manuscript)

    with st.container(key="generate_written"):
        if was_writing:
            st.fragment(draw, run_every=PAUSE_SECONDS)()
        else:
            draw()
    _show_branches(manuscript)


def _show_buttons(manuscript: Manuscript) -> None:
    """What can be done to the text now."""
    length = manuscript.request.length if manuscript.request is not None else 0
    written = len(manuscript.line)
    if manuscript.is_writing:
        st.button("Stop", key="generate_stop", on_click=manuscript.stop, icon=":material/stop:")
        return
    if manuscript.all_at_once:
        return
    for label, key, goal, tip in (
        ("Step", "generate_step", min(LONGEST, written + 1), "Draw the next token."),
        (f"{SOME} steps", "generate_steps", min(LONGEST, written + SOME), f"Draw the next {SOME} tokens."),
        ("To the end", "generate_to_end", length, "Draw tokens up to the length set above."),
    ):
        st.button(label, key=key, on_click=manuscript.write_to, args=(goal,), disabled=goal <= written, help=tip)
    st.button(
        "Back one",
        key="generate_back",
        on_click=manuscript.rewind,
        args=(max(0, written - 1),),
        disabled=not written,
    )
    st.button("Back to the prompt", key="generate_rewind", on_click=manuscript.rewind, args=(0,), disabled=not written)


def _draw_text(manuscript: Manuscript) -> None:
    surprise_text(
        [TextPanel(coloured(manuscript, manuscript.line))],
        key=TEXT_KEY,
        region="Prompt and generated text",
        alt="The prompt and what the model wrote after it, each token coloured by how much it surprised the model",
        hint="Hover, tap or focus a token to read its surprise. Click it, or press Enter, to go back to the moment "
        "before it was written.",
        follow=not manuscript.all_at_once,
    )
    st.html(f'<p role="status" style="margin:0;min-height:1.5em">{_progress_in_words(manuscript)}</p>')


def coloured(manuscript: Manuscript, line: Sequence[WrittenToken]) -> list[SurpriseToken]:
    """The prompt and a continuation as tokens with their surprise."""
    tokenizer, reading = manuscript.checkpoint.tokenizer, manuscript.prompt()
    pieces = cut_into_pieces(tokenizer, [*manuscript.ids, *(token.token for token in line)])
    prompt, rest = pieces[: len(manuscript.ids)], pieces[len(manuscript.ids) :]
    return [
        SurpriseToken(
            piece.text,
            None if math.isnan(reading.surprises[i]) else float(reading.surprises[i]),
            "prompt" if i >= reading.start else "unread",
            whole=piece.whole,
        )
        for i, piece in enumerate(prompt)
    ] + [
        SurpriseToken(
            piece.text, token.surprise, "chosen" if token.chosen else "drawn", f"token {i + 1}", whole=piece.whole
        )
        for i, (piece, token) in enumerate(zip(rest, line, strict=True))
    ]


def _progress_in_words(manuscript: Manuscript) -> str:
    done, goal = len(manuscript.line), manuscript.goal
    if manuscript.is_writing:
        return f"{done:,} of {goal:,} tokens, {manuscript.seconds_left:.0f} s left"
    length = manuscript.request.length if manuscript.request is not None else 0
    verb = "Stopped" if manuscript.all_at_once and done < length else "Written"
    return f"{verb}: {count_of_tokens(done)}. {line_in_words(manuscript.line)}"


def count_of_tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count:,} tokens"


def line_in_words(line: Sequence[WrittenToken]) -> str:
    """How probable the model finds a line."""
    if not line:
        return ""
    total = log_probability(line)
    bits = -total / len(line) / math.log(2)
    return (
        f"Mean surprise {bits:.2f} bits; ln p of all of it {total:.2f}, {total / len(line):.3f} nats a token.".replace(
            "-", "−"
        )
    )


def _show_branches(manuscript: Manuscript) -> None:
    """The line being written and those that were left, from where they part."""
    branches = manuscript.branches
    if not branches.kept:
        return
    st.subheader("Branches", anchor=False)
    panels = [_branch_panel(manuscript, branches.name, manuscript.line, is_current=True)]
    panels += [_branch_panel(manuscript, name, line) for name, line in branches.kept.items()]
    surprise_text(
        panels,
        key=BRANCHES_KEY,
        region="Branch",
        alt="The branches of the text beside each other, from a few tokens before they part",
        hint=f"Click a branch to go on with it. Up to {branches.most} are kept beside the current one; one more takes the "
        "place of the oldest.",
        height=8.0,
        legend=False,
    )
    with st.container(horizontal=True, key="generate_branch_buttons"):
        for name in branches.kept:
            st.button(f"Return to {name}", key=f"generate_open_{name}", on_click=_open, args=(manuscript, name))
            st.button(f"Forget {name}", key=f"generate_forget_{name}", on_click=branches.forget, args=(name,))


def _open(manuscript: Manuscript, name: str) -> None:
    manuscript.open(name)
    by_hand(manuscript)


def _branch_panel(
    manuscript: Manuscript, name: str, line: Sequence[WrittenToken], *, is_current: bool = False
) -> TextPanel:
    others = manuscript.branches.kept.values() if is_current else [manuscript.line]
    fork = min((shared_length(line, other) for other in others), default=0)
    begin = max(0, len(manuscript.ids) + fork - SHARED_SHOWN)
    end = len(manuscript.ids) + fork + SHOWN_OF_BRANCH
    tokens = coloured(manuscript, line)[begin:end]
    return TextPanel(
        tokens,
        title=f"Branch {name}{', being written' if is_current else ''}",
        counts=f"{count_of_tokens(len(line))}, parts after {fork}. {line_in_words(line)}",
    )
