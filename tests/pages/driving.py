"""Opens pages in Streamlit's AppTest and reads back what they would draw, as numbers."""

from __future__ import annotations

import ast
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


def pages_of_the_app() -> list[str]:
    """The page files that app.py names, in the order of its navigation."""
    calls = [node for node in ast.walk(ast.parse((ROOT / "app.py").read_text())) if isinstance(node, ast.Call)]
    return [str(ast.literal_eval(c.args[0])) for c in calls if ast.unparse(c.func) == "st.Page"]


def open_page(page: str, address: dict[str, str] | None = None, **controls: Any) -> AppTest:
    """The page after its first run, with an address's parameters and controls set before."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    for name, value in (address or {}).items():
        at.query_params[name] = value
    for name, value in controls.items():
        at.session_state[name] = value
    return go(at.switch_page(page))


def go(at: AppTest) -> AppTest:
    """Run, and hold that nothing was raised."""
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click()
    return go(at)


def problems(at: AppTest) -> list[str]:
    """What the page says is wrong, as a reader sees it: without Markdown's backslashes."""
    return [as_shown(str(error.value)) for error in at.error]


def as_shown(markdown: str) -> str:
    """Escaped Markdown as it is read."""
    return "".join(c for i, c in enumerate(markdown) if not (c == "\\" and (i == 0 or markdown[i - 1] != "\\")))


def words(at: AppTest) -> str:
    """All Markdown, captions and notices of the page."""
    return "\n".join(str(e.value) for kind in (at.markdown, at.caption, at.info, at.warning, at.error) for e in kind)


@dataclass(frozen=True)
class Drawn:
    """One matrix that a page sends to the canvas: values (R, C), NaN where masked."""

    title: str
    values: np.ndarray
    row_labels: list[str]
    column_labels: list[str]


def component(at: AppTest, key: str) -> dict[str, Any]:
    """The data of a component, as the browser receives them."""
    found = [c for c in at.get("bidi_component") if c.proto.id.endswith(f"-{key}")]
    assert len(found) == 1, f"expected one component {key}, got {len(found)}"
    data: dict[str, Any] = json.loads(found[0].proto.json)
    return data


def matrices(at: AppTest, key: str) -> list[Drawn]:
    """The matrices of a `matrix` component. One byte a cell is read back through its ramp, so it is a little coarse."""
    data = component(at, key)
    block = np.frombuffer(base64.b64decode(data["values"]), "<f4" if data["exact"] else np.uint8)
    drawn, begin = [], 0
    for one in data["matrices"]:
        R, C = one["rows"], one["columns"]
        values = block[begin : begin + R * C].reshape(R, C).astype(float)
        begin += R * C
        if not data["exact"]:
            share = np.where(values == 255, np.nan, values / 254)
            values = one["low"] + (one["high"] - one["low"]) * share ** one["gamma"]
        rows, columns = (
            data["labels"][one[axis]] if one[axis] is not None else [] for axis in ("rowLabels", "columnLabels")
        )
        drawn.append(Drawn(one["title"], values, rows, columns))
    return drawn


def chart(at: AppTest, key: str) -> dict[str, Any]:
    """The ECharts option of a chart."""
    found = [c for c in at.get("echarts_chart") if c.proto.id.endswith(f"-{key}")]
    assert len(found) == 1, f"expected one chart {key}, got {len(found)}"
    spec: dict[str, Any] = json.loads(found[0].proto.spec)
    return spec


def bars(series: dict[str, Any]) -> np.ndarray:
    """The values of a bar series; NaN where there is no bar."""
    return np.array([np.nan if item["value"] == "-" else item["value"] for item in series["data"]])


def choose(at: AppTest, key: str, matrix: int, row: int, column: int) -> AppTest:
    """As a click on a cell does: the script says with it which cell the page had passed when it was clicked."""
    passed = component(at, key)["selected"]
    at.session_state[key] = {"cell": {"matrix": matrix, "row": row, "column": column, "of": passed}}
    return go(at)
