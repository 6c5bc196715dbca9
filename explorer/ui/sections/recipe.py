"""What each idea of the better recipe bought, as it was measured; part of the page Train."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.recipe import changes_chart
from explorer.models.recipe import RecipeReading, read_recipe
from explorer.ui import frame


def show_recipe(shown: dict[str, Any]) -> None:
    """The recipe of shakespeare-modern taken apart: one idea taken back at a time, the rest left in place."""
    st.subheader("What the better recipe is made of", anchor=False)
    with frame.problems_in_place():
        reading = shown["recipe"] = read_recipe()
        st.markdown(
            f"The preset `speedrun` is a small decoder with what came after GPT-2. It was trained on {reading.tokens:,} "
            f"characters of Tiny Shakespeare, {len(reading.seeds)} times from other seeds, and then again with **one idea "
            f"taken back at a time**. Whole, it reaches {reading.whole.loss:.3f} nats; a bar says how much worse it "
            "becomes without the idea. A bar to the left: at this size and so few characters it does better without."
        )
        changes, differences = reading.changes, _differences(reading)
        titles = [reading.change.title for reading in changes]
        st.echarts_chart(
            changes_chart(titles, differences),
            height=60 + 30 * len(changes),
            key="train_recipe",
            alt="Rise of the loss: "
            + ", ".join(f"{t} {d:+.3f}" for t, d in zip(titles, differences.mean(axis=1), strict=True)),
        )
        with st.expander("The same as a table, with sources and times"):
            st.dataframe(_table(reading), hide_index=True)


def _differences(reading: RecipeReading) -> np.ndarray:
    """(N, S): each change's losses minus the whole recipe's with the same seed."""
    return np.array([change.losses for change in reading.changes]) - np.array(reading.whole.losses)


def _table(reading: RecipeReading) -> dict[str, list[str]]:
    rows = (reading.whole, *reading.changes)
    return {
        "recipe": [row.change.title for row in rows],
        "held-out loss": [f"{row.loss:.4f}" for row in rows],
        "against the whole": [f"{row.loss - reading.whole.loss:+.4f}" for row in rows],
        "time, of the whole's": [f"{row.seconds / reading.whole.seconds:.2f}" for row in rows],
        "learned numbers": [f"{row.parameters:,}" for row in rows],
        "whose idea": [row.change.source for row in rows],
    }


def recipe_rows(shown: dict[str, Any]) -> list[tuple[str, int, float, int]]:
    """One row a change and seed."""
    reading: RecipeReading | None = shown.get("recipe")
    if reading is None:
        return []
    return [
        (row.change.title, seed, loss, row.parameters)
        for row in (reading.whole, *reading.changes)
        for seed, loss in zip(reading.seeds, row.losses, strict=True)
    ]
