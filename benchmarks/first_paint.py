"""From `streamlit run` to the first paint of Overview, against an empty Streamlit app; both timed in one run.

    python -m benchmarks.first_paint            5 starts of each, taking turns
    python -m benchmarks.first_paint --smoke    1 start of each

A start is a fresh server process and a fresh browser context; it ends when the page's title is on the screen. Prints
the medians and their ratio. The target is at most 1.5: torch must not be imported before the first paint.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
EMPTY = 'import streamlit as st\n\nst.title("Empty")\n'
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def seconds_to_paint(browser: Browser, script: Path) -> float:
    """Start a server on the script, open it, and wait for its title; the server is stopped again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    started = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_health(port)
        page = browser.new_context().new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("h1", state="visible")
        seconds = time.perf_counter() - started
        page.context.close()
        return seconds
    finally:
        server.terminate()
        server.wait(20)


def wait_for_health(port: int, limit: float = 60) -> None:
    """Return once the server on the port answers; raises RuntimeError after `limit` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"The server on port {port} did not answer within {limit:.0f} s.")


def main() -> None:
    options = argparse.ArgumentParser(description="First paint of Overview against an empty app.")
    options.add_argument("--smoke", action="store_true", help="one start of each")
    options.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to drive")
    chosen = options.parse_args()
    if not Path(chosen.chromium).exists():
        print(f"skipped: no browser at {chosen.chromium}; install Debian's chromium or say --chromium PATH")
        return
    starts = 1 if chosen.smoke else 5
    times: dict[str, list[float]] = {"empty app": [], "Overview": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
        for _ in range(starts):
            times["empty app"].append(seconds_to_paint(browser, empty))
            times["Overview"].append(seconds_to_paint(browser, ROOT / "app.py"))
        browser.close()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name}: median {median:.2f} s of {starts}")
    print(f"ratio Overview / empty app: {medians['Overview'] / medians['empty app']:.2f} (target at most 1.5)")


if __name__ == "__main__":
    main()
