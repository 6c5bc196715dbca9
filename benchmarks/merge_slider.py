"""From a key press on the merge slider of the Tokenizers page to the page redrawn, in Chromium, against a slider that
only rewrites a line of text; both timed in one run.

    python -m benchmarks.merge_slider [--n 25]     about a minute
    python -m benchmarks.merge_slider --smoke      three presses of each

The page is the app's own with its first text and corpus. A press is timed from the key event until the last thing that
depends on it, the excerpt after the next merge, is in the page, plus two animation frames. Prints medians, 95th
percentiles and their ratio, which should be at most 1.5; and when the server has heard of the press, as the address tells,
which the page redraws nothing for: it waits until the slider has rested a quarter of a second. The next press comes after
that.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.first_paint import FLAGS, ROOT, wait_for_health

TARGET = 1.5
FIRST_MERGES = 256
SLIDERS = {"text": "slider", "merges": "Merges made"}  # their labels

# Finds the beginning of a label through shadow roots; resolves with the milliseconds since the key press.
WATCH = """(label) => {
  const seen = (root) => [...root.querySelectorAll('*')].some((element) =>
    (element.getAttribute('aria-label') ?? '').startsWith(label) || (element.shadowRoot && seen(element.shadowRoot)));
  window.__waiting = new Promise((resolve) => {
    window.addEventListener('keydown', () => {
      const started = performance.now();
      const look = () => seen(document.querySelector('[data-testid=stMain]'))
        ? requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - started)))
        : requestAnimationFrame(look);
      look();
    }, { once: true, capture: true });
  });
}"""

# Resolves with the milliseconds from the key press until the server has put the number of merges into the address.
HEARD = """([merges, first]) => {
  const told = () => Number(new URL(location).searchParams.get('tokenizers_merges') ?? first);
  window.__heard = new Promise((resolve) => {
    window.addEventListener('keydown', () => {
      const started = performance.now();
      const look = () => told() === merges ? resolve(performance.now() - started) : setTimeout(look, 5);
      look();
    }, { once: true, capture: true });
  });
}"""


def label_of(figure: str, value: int) -> str:
    """How the label begins that is there once the slider, moved `value` steps from where it stood, is answered."""
    return f"figure {value}" if figure == "text" else f"An excerpt before and after merge {FIRST_MERGES + value + 1:,},"


@contextmanager
def served(script: Path) -> Iterator[str]:
    """The script on a free port; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
    try:
        wait_for_health(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def measure(pages: dict[str, Page], n: int) -> dict[str, list[float]]:
    """n presses of each page, taking turns; the slider goes seven steps up and down again. Under "server": when it had
    heard of the merges."""
    taken: dict[str, list[float]] = {figure: [] for figure in (*pages, "server")}
    path = [*range(1, 8), *range(6, -1, -1)]
    before = 0
    for i in range(n + 2):
        value = path[i % len(path)]
        for figure, page in pages.items():
            page.bring_to_front()
            page.get_by_role("slider", name=SLIDERS[figure]).focus()
            page.evaluate(WATCH, label_of(figure, value))
            if figure == "merges":
                page.evaluate(HEARD, [FIRST_MERGES + value, FIRST_MERGES])
            page.keyboard.press("ArrowRight" if value > before else "ArrowLeft")
            milliseconds = {figure: float(page.evaluate("window.__waiting"))}
            if figure == "merges":
                milliseconds["server"] = float(page.evaluate("window.__heard"))
            if i >= 2:  # the first two warm the caches
                for name, one in milliseconds.items():
                    taken[name].append(one)
        before = value
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description="Merge slider to the page redrawn, in Chromium.")
    options.add_argument("--n", type=int, default=25, help="presses of each slider")
    options.add_argument("--smoke", action="store_true", help="three presses of each")
    options.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to drive")
    chosen = options.parse_args()
    if not Path(chosen.chromium).exists():
        print(f"skipped: no browser at {chosen.chromium}; install Debian's chromium or say --chromium PATH")
        return
    with (
        served(ROOT / "benchmarks" / "_slider_page.py") as text,
        served(ROOT / "app.py") as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
        pages = {}
        for figure, address in {"text": f"{text}/?figure=text", "merges": f"{app}/tokenizers"}.items():
            page = pages[figure] = browser.new_page()
            page.set_default_timeout(120_000)
            page.goto(address)
            page.locator(f'[aria-label^="{label_of(figure, 0)}"]').first.wait_for(state="attached")
        pages["merges"].get_by_role("heading", name="Take it with you").wait_for()
        report(measure(pages, 3 if chosen.smoke else chosen.n))
        browser.close()


def report(taken: dict[str, list[float]]) -> None:
    """Print medians, 95th percentiles, and the ratio of the medians."""
    floor = statistics.median(taken["text"])
    names = {"text": "a line of text", "merges": "the merges of a text", "server": "  heard by the server"}
    for figure, name in names.items():
        values = sorted(taken[figure])
        median, late = statistics.median(values), values[min(len(values) - 1, round(0.95 * len(values)))]
        told = f"   ratio to the text {median / floor:.2f} (target at most {TARGET})" if figure == "merges" else ""
        print(f"{name:22} median {median:5.0f} ms, 95th percentile {late:5.0f} ms{told}")


if __name__ == "__main__":
    main()
