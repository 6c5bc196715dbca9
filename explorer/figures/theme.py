"""What all charts share: sizes, quiet axes, and how a reading is formatted.

Colours are not here: charts take them from the palette in `.streamlit/config.toml`, so that a theme flip recolours
them without a rerun. Series are told apart by that palette's order and by a pattern (`decal`), never by colour
alone.
"""

from __future__ import annotations

from typing import Any

# The palette's grey, readable on both backgrounds: for what is out of play.
MUTED = "#8b95a3"


def category_axis(labels: list[str], name: str = "", *, show_labels: bool = True, position: int = 0) -> dict[str, Any]:
    """A category axis that thins its labels where they would collide."""
    return {
        "type": "category",
        "data": labels,
        "name": name,
        "nameLocation": "middle",
        "nameGap": 28,
        "gridIndex": position,
        "axisTick": {"show": False},
        "axisLabel": {"show": show_labels, "interval": "auto", "hideOverlap": True},
    }


def value_axis(name: str, *, position: int = 0, **limits: Any) -> dict[str, Any]:
    """A value axis titled at its end; `limits` are ECharts' own `min`, `max`, `interval`."""
    return {
        "type": "value",
        "name": name,
        "nameLocation": "end",
        "nameTextStyle": {"align": "left"},
        "gridIndex": position,
        "splitNumber": 3,
        "axisLabel": {"hideOverlap": True},
        **limits,
    }


def base_option() -> dict[str, Any]:
    """No animation (figures are redrawn while things move), tooltips by axis, a button that saves the picture."""
    return {
        "animation": False,
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "toolbox": {"right": 0, "feature": {"saveAsImage": {"title": "Save as PNG", "pixelRatio": 2}}},
    }


# Marks what was chosen with stripes, so that it can be told without colour.
STRIPES = {"symbol": "rect", "dashArrayX": [1, 0], "dashArrayY": [3, 3], "rotation": -0.8}
