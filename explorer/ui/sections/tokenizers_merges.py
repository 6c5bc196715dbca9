"""The tokenizers page's second part: which pair is merged next, why, and what the text looks like before and after."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.inspection.merges import Candidate, MergeStep, Share, next_step, shares_of
from explorer.inspection.tokenizers import CutText, Token, cut_into_bytes
from explorer.text.bpe_merges import to_bytes
from explorer.training.bpe import Vocabularies
from explorer.ui.components.coloured_tokens import DrawnToken, TokenPanel, coloured_tokens
from explorer.ui.components.merge_candidates import CandidateBar, CountSum, merge_candidates
from explorer.ui.sections.tokenizers_drawing import MOST_DRAWN, drawn, shown_bytes
from explorer.ui.state import KEPT
from explorer.ui.words import literal

TYPED, LEARNED_FROM = "the text typed above", "the text learned from"
MOST_PIECES, LONGEST_PIECE = 6, 40  # that a count is opened to; characters of one
EXCERPT = 90  # characters of the text learned from, around the place where the pair stands


def work_out(learned: Vocabularies, made: int) -> tuple[MergeStep | None, list[Share]]:
    """The next merge and where its count comes from. Apart from the drawing, because what is drawn without a pause
    between its parts is laid out by the browser once."""
    step = next_step(learned.byte_pair, made)
    return step, [] if step is None else shares_of(step.tokenizer, learned.pieces, (step.merge.left, step.merge.right))


def show_step(learned: Vocabularies, made: int, typed: str, step: MergeStep | None, shares: list[Share]) -> None:
    """The next merge: its pair among its rivals, where the count comes from, the text before and after it."""
    if step is None:
        st.info(_at_the_end(learned, made))
        return
    merge = step.merge
    left, right, new = (shown_bytes(learned.byte_pair.token_bytes(i)) for i in (merge.left, merge.right, merge.new))
    st.markdown(
        f"Merge {made + 1:,} of {len(learned.byte_pair.merges):,} will join “{literal(left)}” (id {merge.left}) and "
        f"“{literal(right)}” (id {merge.right}), which stand beside each other **{merge.count:,}** times, into "
        f"“{literal(new)}”, **id {merge.new}**."
    )
    bars = [CandidateBar(_pair_label(step, candidate), candidate.count) for candidate in step.candidates]
    merge_candidates(
        bars,
        lambda i: _open_count(learned, step, i, shares),
        key="tokenizers_pairs",
        alt=f"The most frequent pairs: {bars[0].label} {bars[0].count:,} times, which is merged next, and its rivals",
    )
    _show_before_after(learned, step, typed, shares)


def _at_the_end(learned: Vocabularies, made: int) -> str:
    """What to say where there is no next merge."""
    if not learned.byte_pair.merges:
        return "There is nothing to merge: no two tokens of this text stand beside each other."
    return f"All {made:,} merges that were learned are made. Move the slider back to see one being chosen."


def _pair_label(step: MergeStep, candidate: Candidate) -> str:
    left, right = (shown_bytes(step.tokenizer.token_bytes(i)) for i in (candidate.left, candidate.right))
    return f"{left} + {right}"


def _open_count(learned: Vocabularies, step: MergeStep, number: int, shares: list[Share]) -> CountSum:
    """The count of a candidate as a sum over the pieces of the text; `shares` are those of the first."""
    candidate = step.candidates[number]
    if number:
        shares = shares_of(step.tokenizer, learned.pieces, (candidate.left, candidate.right))
    rows: list[tuple[str, str, str, str]] = []
    running = 0
    for share in shares[:MOST_PIECES]:
        running += share.times * share.inside
        piece = shown_bytes(to_bytes(share.piece))[:LONGEST_PIECE]
        rows.append((piece, f"{share.times:,}", str(share.inside), f"{running:,}"))
    total = sum(share.times * share.inside for share in shares)
    if len(shares) > MOST_PIECES:
        rows.append((f"{len(shares) - MOST_PIECES:,} further pieces", "", "", f"{total:,}"))
    terms = [f"{share.times:,} × {share.inside}" for share in shares[:3]]
    dots = " + …" if len(shares) > 3 else ""
    verdict = "the same" if total == candidate.count else "NOT the same"
    return CountSum(
        f"How often {_pair_label(step, candidate)} stands in the text",
        f"{total:,} = {' + '.join(terms) or 0}{dots}",
        rows,
        f"In the bar: {candidate.count:,}, kept up to date from merge to merge. Counted afresh from the pieces: "
        f"{total:,}, {verdict}.",
    )


def _show_before_after(learned: Vocabularies, step: MergeStep, typed: str, shares: list[Share]) -> None:
    """An excerpt cut before and after the merge; what is new stands out."""
    source = st.segmented_control(
        "Show it on", [LEARNED_FROM, TYPED], default=LEARNED_FROM, required=True, key="tokenizers_on", **KEPT
    )
    text = typed[: 2 * EXCERPT] if source == TYPED else _excerpt(learned.text, shares)
    before = cut_into_bytes(step.tokenizer, text)
    after = cut_into_bytes(learned.byte_pair.with_merges(step.made + 1), text)
    merged = sum(token.id == step.merge.new for token in after.tokens)
    panels = [
        _panel(f"Before: {step.made:,} merges", before, frozenset()),
        _panel(f"After: {step.made + 1:,} merges", after, frozenset({step.merge.new})),
    ]
    coloured_tokens(
        panels,
        key="tokenizers_before_after",
        alt=f"An excerpt before and after merge {step.made + 1:,}, which joins {merged} pairs of it",
    )
    if not merged:
        st.caption("The pair does not stand in this text: this merge changes nothing here.")


def _panel(title: str, cut: CutText, new: frozenset[int]) -> TokenPanel:
    tokens = [_marked(drawn(token, i, True), token, new) for i, token in enumerate(cut.tokens[:MOST_DRAWN])]
    return TokenPanel(title, f"{len(cut.tokens):,} tokens · {cut.bytes_per_token:.2f} bytes per token", tokens)


def _marked(one: DrawnToken, token: Token, new: frozenset[int]) -> DrawnToken:
    return replace(one, kind="new", spoken=f"New: {one.spoken}") if token.id in new else one


def _excerpt(text: str, shares: list[Share]) -> str:
    """The text learned from around the first place of the piece in which the pair stands most often."""
    at = text.find(shares[0].piece) if shares else 0
    begin = max(0, at - EXCERPT // 3)
    return text[begin : begin + EXCERPT]
