"""The MLP page while it trains, in Chromium: its steps per second, and what it costs another visitor.

    python -m benchmarks.live_training            three rounds, about a minute and a half
    python -m benchmarks.live_training --smoke    one short round

Every round, in one run on one machine: with the page's run paused, the very same loop (`train_mlp`) is timed in this
process, and a second visitor moves the smoothing slider of the bigram page; then the page's run goes on, and both are
measured again. Prints the page's share of the loop's steps per second (target: at least 60 %) and the slider's median
while training against its median while the run rests (target: under 2).
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.first_paint import FLAGS, ROOT, wait_for_health
from explorer.training.mlp import MLPProgress, MLPSpec, train_mlp

SPEC = MLPSpec("given-names", steps=200_000)
SHARE, SLOWDOWN = 0.6, 2.0

# Resolves with the milliseconds from the key press to a changed loss of the table, painted.
WATCH = """() => {
  const told = () => [...document.querySelectorAll('[data-testid=stMain] p')]
    .map((p) => p.textContent).find((text) => text.includes('Loss of this table'));
  const before = told();
  window.__waiting = new Promise((resolve) => {
    window.addEventListener('keydown', () => {
      const started = performance.now();
      const look = () => told() !== before
        ? requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - started)))
        : requestAnimationFrame(look);
      look();
    }, { once: true, capture: true });
  });
}"""


def loop_pace(loop: Iterator[MLPProgress], seconds: float) -> float:
    """Steps per second of the loop, outside the app."""
    began, first = time.perf_counter(), next(loop).step
    for progress in loop:
        taken = time.perf_counter() - began
        if taken >= seconds:
            return (progress.step - first) / taken
    raise RuntimeError("The loop came to its end; give it more steps.")


def step_now(page: Page, besides: int = -1) -> tuple[float, int]:
    """The time and the step, as soon as the page tells another step than `besides`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = re.search(r"Step ([\d,]+) of", page.get_by_test_id("stProgress").first.inner_text())
        step = int(told[1].replace(",", "")) if told else besides
        if step != besides:
            return time.perf_counter(), step
        page.wait_for_timeout(20)
    raise RuntimeError("The page's run did not move for a minute.")


def page_pace(page: Page, seconds: float) -> float:
    """Steps per second as the page tells them, from one of its updates to a later one."""
    page.bring_to_front()
    began, first = step_now(page, step_now(page)[1])
    page.wait_for_timeout(1000 * seconds)
    ended, last = step_now(page, step_now(page)[1])
    return (last - first) / (ended - began)


def slider(page: Page, presses: int) -> list[float]:
    """Milliseconds of each press: up, and down again."""
    page.bring_to_front()
    page.get_by_role("slider", name="Smoothing").focus()
    taken = []
    for i in range(presses):
        page.evaluate(WATCH)
        page.keyboard.press("ArrowLeft" if i % 2 else "ArrowRight")
        taken.append(float(page.evaluate("window.__waiting")))
    return taken


def press(page: Page, name: str, then: str) -> None:
    """Press a button of the training panel and wait until the page says what it has come to."""
    page.bring_to_front()
    page.locator(".st-key-mlp_buttons").get_by_role("button", name=name, exact=True).click()
    page.locator("p[role=status]").first.filter(has_text=then).wait_for()


def measure(browser: Browser, address: str, rounds: int, seconds: float, presses: int) -> None:
    """All rounds, and the report."""
    trainer, other = browser.new_context().new_page(), browser.new_context().new_page()
    for page, path in ((trainer, f"mlp?mlp_corpus={SPEC.corpus}&mlp_steps={SPEC.steps}"), (other, "bigram")):
        page.set_default_timeout(120_000)
        page.goto(f"{address}/{path}")
        page.get_by_text("Take it with you").wait_for()
    press(trainer, "Train", "Training")
    step_now(trainer)
    slider(other, 4)  # warms the caches
    loop = train_mlp(SPEC)
    paces: tuple[list[float], list[float]] = ([], [])
    times: tuple[list[float], list[float]] = ([], [])
    loop_pace(loop, 0.5)
    for _ in range(rounds):
        press(trainer, "Pause", "Paused")
        paces[0].append(loop_pace(loop, seconds))
        times[0].extend(slider(other, presses))
        press(trainer, "Resume", "Training")
        paces[1].append(page_pace(trainer, seconds))
        times[1].extend(slider(other, presses))
    outside, inside = map(statistics.median, paces)
    idle, busy = map(statistics.median, times)
    print(f"the loop outside the app   {outside:7,.0f} steps/s")
    print(
        f"live on the page           {inside:7,.0f} steps/s   {inside / outside:.0%} of it (target at least {SHARE:.0%})"
    )
    print(f"another visitor's slider   {idle:7,.0f} ms while the run rests")
    print(f"    while it trains        {busy:7,.0f} ms   {busy / idle:.2f} times that (target under {SLOWDOWN:g})")


def main() -> None:
    options = argparse.ArgumentParser(description="Live training of the MLP page, in Chromium.")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=5.0, help="of each measurement of steps per second")
    options.add_argument("--presses", type=int, default=12, help="of the slider, in each state of each round")
    options.add_argument("--smoke", action="store_true", help="one short round")
    options.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to drive")
    chosen = options.parse_args()
    if not Path(chosen.chromium).exists():
        print(f"skipped: no browser at {chosen.chromium}; install Debian's chromium or say --chromium PATH")
        return
    if chosen.smoke:
        chosen.rounds, chosen.seconds, chosen.presses = 1, 1.0, 2
    torch.set_num_threads(1)  # as the app's runs compute
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    try:
        wait_for_health(port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
            measure(browser, f"http://127.0.0.1:{port}", chosen.rounds, chosen.seconds, chosen.presses)
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
