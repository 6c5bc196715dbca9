"""Reads the HTML, CSS and JavaScript files that lie beside the components."""

from pathlib import Path

_HERE = Path(__file__).parent


def read_assets(*names: str) -> str:
    """Return the files `names` of this folder as one string, in the order given.

    The scripts of a component share one module scope: the last file holds the only `export default`.
    Raises FileNotFoundError where a file is missing (an incomplete installation).
    """
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
