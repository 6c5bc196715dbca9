"""The import rule and the house rules that a machine can see, checked on the source, not by running it.

The rule: core <- text <- models <- training <- inspection (right may import left); figures import only
figures; ui anything; app.py and pages/ everything but core. Imports inside functions count too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LAYERS = ("core", "text", "models", "training", "inspection")
ROOMS = {*LAYERS, "figures", "ui", "command_line"}
# Who may import which room of the package. explorer/__main__.py belongs to the command line.
MAY_IMPORT = {
    **{layer: set(LAYERS[: i + 1]) for i, layer in enumerate(LAYERS)},
    "figures": {"figures"},
    "ui": ROOMS - {"command_line"},
    "command_line": {*LAYERS, "command_line"},
    "app": ROOMS - {"core", "command_line"},
    "pages": ROOMS - {"core", "command_line"},
}
# Libraries with a home: nobody else imports them.
HOMES = {
    "streamlit": {"ui", "app", "pages"},
    "plotly": {"figures"},
    "torch": {*LAYERS, "ui", "command_line"},
    "sklearn": {*LAYERS},
    "numpy": {*LAYERS, "ui", "command_line", "figures"},
}
FIGURES_USE = {"explorer", "numpy", "plotly", *sys.stdlib_module_names}
# What the first paint of the app must not wait for, and the files that run before it.
HEAVY = ("torch", "sklearn", "plotly", "pooch", "faker")
FIRST_PAINT = ("app.py", "pages/overview.py")


@dataclass(frozen=True)
class Import:
    """`target` is dotted down to the imported name; `eager` says whether importing the file runs it."""

    line: int
    target: str
    eager: bool


def sources(root: Path, *folders: str) -> list[Path]:
    files = [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]
    return [root / "app.py", *files] if (root / "app.py").is_file() else files


def room(relative: Path) -> str:
    if relative.parts[0] == "explorer":
        return relative.parts[1] if len(relative.parts) > 2 else "command_line"
    return relative.parts[0].removesuffix(".py")


def statements(node: ast.AST, eager: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below `node`, with whether it runs when the module is imported."""
    for child in ast.iter_child_nodes(node):
        runs = eager and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            runs = False
        yield child, runs
        yield from statements(child, runs)


def imports(file: Path, root: Path) -> list[Import]:
    package = file.relative_to(root).with_suffix("").parts[:-1]
    found = []
    for node, eager in statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name, eager) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [Import(node.lineno, f"{module}.{alias.name}", eager) for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "import_module",
            "__import__",
        ):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.append(Import(node.lineno, first.value, eager))
    return found


def breaches(root: Path) -> list[str]:
    """One sentence for every import that the rule forbids."""
    found = []
    for file in sources(root, "explorer", "pages"):
        relative = file.relative_to(root)
        here = room(relative)
        for one in imports(file, root):
            library, *inner = one.target.split(".")
            if library == "explorer":
                allowed = not inner or inner[0] in MAY_IMPORT.get(here, set())
            else:
                allowed = here in HOMES.get(library, {here}) and library not in ("app", "pages")
                allowed = allowed and (here != "figures" or library in FIGURES_USE)
            if not allowed:
                found.append(f"{relative}:{one.line}: {here} may not import {one.target}")
    return found


def eagerly_reached(root: Path, start: str) -> dict[str, str]:
    """Every library that importing `start` imports, through our own modules too, and the file that does."""
    reached: dict[str, str] = {}
    waiting, seen = [root / start], set[Path]()
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        for one in imports(file, root):
            parts = one.target.split(".")
            if one.eager and parts[0] == "explorer":
                for length in range(1, len(parts) + 1):
                    module = root.joinpath(*parts[:length])
                    waiting += [module.with_suffix(".py"), module / "__init__.py"]
            elif one.eager:
                reached.setdefault(parts[0], f"{file.relative_to(root)}:{one.line}")
    return reached


def test_every_import_keeps_the_rule() -> None:
    assert breaches(ROOT) == []


def test_the_first_paint_waits_for_nothing_heavy() -> None:
    assert [start for start in FIRST_PAINT if not (ROOT / start).is_file()] == []
    waits = {start: eagerly_reached(ROOT, start) for start in FIRST_PAINT}
    assert [(start, at[name]) for start, at in waits.items() for name in HEAVY if name in at] == []


@pytest.mark.parametrize(
    ("file", "line", "breach"),
    [
        (
            "explorer/core/a.py",
            "from explorer.models.gpt import GPT",
            "core may not import explorer.models.gpt.GPT",
        ),
        ("explorer/text/a.py", "from explorer import training", "text may not import explorer.training"),
        (
            "explorer/models/a.py",
            "from ..inspection import capture",
            "models may not import explorer.inspection",
        ),
        (
            "explorer/training/a.py",
            "def f():\n    import streamlit as st",
            "training may not import streamlit",
        ),
        ("explorer/inspection/a.py", "import plotly.graph_objects as go", "inspection may not import plotly"),
        (
            "explorer/figures/a.py",
            "from explorer.core import sampling",
            "figures may not import explorer.core",
        ),
        ("explorer/figures/a.py", "import torch", "figures may not import torch"),
        ("explorer/figures/a.py", "import safetensors", "figures may not import safetensors"),
        ("explorer/ui/a.py", "import plotly", "ui may not import plotly"),
        ("explorer/__main__.py", "from explorer.ui import frame", "command_line may not import explorer.ui"),
        ("pages/a.py", "import numpy as np", "pages may not import numpy"),
        ("pages/a.py", "from explorer.core.sampling import top_k", "pages may not import explorer.core"),
        ("app.py", "import importlib\nimportlib.import_module('torch')", "app may not import torch"),
        ("explorer/ui/a.py", "import pages.bigram", "ui may not import pages.bigram"),
    ],
)
def test_a_breach_is_found_and_named(tmp_path: Path, file: str, line: str, breach: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(line + "\n")
    (found,) = breaches(tmp_path)
    assert found.startswith(f"{file}:")
    assert breach in found


def test_imports_that_keep_the_rule_are_left_alone(tmp_path: Path) -> None:
    for file, line in {
        "explorer/inspection/a.py": "import torch\nfrom explorer.core import attention\nfrom . import b",
        "explorer/figures/a.py": "import math\nimport numpy\nimport plotly\nimport explorer.figures.theme",
        "pages/a.py": "import streamlit as st\nfrom explorer.ui.frame import page\nimport explorer.text",
        "explorer/ui/a.py": "def f():\n    from explorer.core import attention\n    import torch",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(line + "\n")
    assert breaches(tmp_path) == []


def test_a_heavy_import_reached_through_another_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "explorer" / "ui").mkdir(parents=True)
    (tmp_path / "app.py").write_text("from explorer.ui import frame\n")
    (tmp_path / "explorer/ui/frame.py").write_text("def late():\n    import plotly\nfrom explorer.ui.jobs import Job\n")
    (tmp_path / "explorer/ui/jobs.py").write_text("try:\n    import torch\nexcept ImportError:\n    pass\n")
    assert eagerly_reached(tmp_path, "app.py") == {"torch": "explorer/ui/jobs.py:2"}


EVERYWHERE = ("explorer", "pages", "tests", "benchmarks")


def test_every_file_is_one_room() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources(ROOT, *EVERYWHERE)
    }
    assert {name: lines for name, lines in lengths.items() if lines > 320} == {}
    assert [name for name in lengths if Path(name).name == "utils.py"] == []


def unsafe_calls(file: Path) -> list[str]:
    """Calls that run code found in data: eval, exec, and torch.load of anything but plain weights."""
    found = []
    for node, _ in statements(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        pickled = name == "torch.load" and keywords.get("weights_only") != "True"
        if pickled or name in ("eval", "exec", "builtins.eval", "builtins.exec"):
            found.append(f"{file.name}:{node.lineno}: {name}")
    return found


def test_nothing_runs_code_found_in_data() -> None:
    assert [call for file in sources(ROOT, *EVERYWHERE) for call in unsafe_calls(file)] == []


def test_a_call_that_runs_code_found_in_data_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("torch.load(f)\ntorch.load(f, weights_only=True)\nmodel.eval()\neval('1')\n")
    assert unsafe_calls(file) == ["a.py:1: torch.load", "a.py:4: eval"]
