"""From a key press on a slider to the new figure on the screen, in Chromium; all figures timed in one run.

    python -m benchmarks.slider_to_figure [--n 25]     about a minute
    python -m benchmarks.slider_to_figure --smoke      three presses of each

Three pages with the same slider take turns: one only rewrites a line of text; one redraws a 27 × 27 matrix with values
in its cells; one redraws every head of the shipped checkpoint on 64 tokens as one layer × head grid. A press is
timed from the key event to the new figure in the page plus two animation frames. Prints medians and 95th percentiles
and the ratios to the line of text, which should be at most 1.5.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.first_paint import FLAGS, ROOT, wait_for_health

FIGURES = {"text": "a line of text", "letters": "27 × 27 with values", "wall": "all heads, one grid"}
TARGET = 1.5

# Finds a label through shadow roots; resolves with the milliseconds since the key press.
WATCH = """(label) => {
  const seen = (root) => [...root.querySelectorAll('*')].some((element) =>
    element.getAttribute('aria-label') === label || (element.shadowRoot && seen(element.shadowRoot)));
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


def press(page: Page, key: str, value: int) -> float:
    """Move the slider one step to `value`; milliseconds until its figure has been painted."""
    page.evaluate(WATCH, f"figure {value}")
    page.keyboard.press(key)
    return float(page.evaluate("window.__waiting"))


def measure(pages: dict[str, Page], n: int) -> dict[str, list[float]]:
    """n presses of each page, taking turns; the slider goes up and down between 0 and 7."""
    taken: dict[str, list[float]] = {figure: [] for figure in pages}
    path = [*range(1, 8), *range(6, -1, -1)]
    before = 0
    for i in range(n + 2):
        value = path[i % len(path)]
        key = "ArrowRight" if value > before else "ArrowLeft"
        for figure, page in pages.items():
            page.bring_to_front()
            page.get_by_role("slider").focus()
            milliseconds = press(page, key, value)
            if i >= 2:  # the first two warm the caches
                taken[figure].append(milliseconds)
        before = value
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description="Slider to figure, in Chromium.")
    options.add_argument("--n", type=int, default=25, help="presses of each figure")
    options.add_argument("--smoke", action="store_true", help="three presses of each")
    options.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to drive")
    chosen = options.parse_args()
    if not Path(chosen.chromium).exists():
        print(f"skipped: no browser at {chosen.chromium}; install Debian's chromium or say --chromium PATH")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = ROOT / "benchmarks" / "_slider_page.py"
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    try:
        wait_for_health(port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
            pages = {figure: browser.new_page() for figure in FIGURES}
            for figure, page in pages.items():
                page.set_default_timeout(120_000)
                page.goto(f"http://127.0.0.1:{port}/?figure={figure}")
                page.locator('[aria-label="figure 0"]').first.wait_for(state="attached")
            report(measure(pages, 3 if chosen.smoke else chosen.n))
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


def report(taken: dict[str, list[float]]) -> None:
    floor = statistics.median(taken["text"])
    for figure, name in FIGURES.items():
        values = sorted(taken[figure])
        median, late = statistics.median(values), values[min(len(values) - 1, round(0.95 * len(values)))]
        told = "" if figure == "text" else f"   ratio to the text {median / floor:.2f} (target at most {TARGET})"
        print(f"{name:22} median {median:5.0f} ms, 95th percentile {late:5.0f} ms{told}")


if __name__ == "__main__":
    main()
