"""Real Chromium for the journeys: a browser, a server of a script, and pages that remember what went wrong.

Skipped with a reason where there is no browser to drive.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 90

Serve = Callable[..., str]


@dataclass
class Visit:
    """A page in a context of its own. errors: console errors and uncaught exceptions. foreign: addresses asked of any
    host but the server."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


OpenPage = Callable[..., Visit]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; install Debian's chromium or set CHROMIUM to one")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """`serve(script, env)` runs the script on a free port with the repository's settings and gives its address."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(script: Path, env: dict[str, str] | None = None) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        servers.append(
            subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": paths} | (env or {}),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        url = f"http://127.0.0.1:{port}"
        _wait_for_health(url, servers[-1])
        return url

    yield start
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_for_health(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"The server at {url} did not start within {START_SECONDS} s (exit status {server.poll()}).")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`open_page(url, dark=False, width=1280, **context_options)` opens the address in a fresh context and watches it.

    `context_options` go to playwright's `new_context`: `has_touch=True`, `device_scale_factor=2`.
    """
    contexts = []

    def visit(url: str, *, dark: bool = False, width: int = 1280, height: int = 900, **context_options: Any) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **context_options
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        seen = Visit(context.new_page())
        host = url.split("/")[2]

        def note_request(request: Request) -> None:
            if request.url.split(":")[0] in ("http", "https", "ws", "wss") and request.url.split("/")[2] != host:
                seen.foreign.append(request.url)

        def note_message(message: ConsoleMessage) -> None:
            if message.type == "error":
                seen.errors.append(f"{message.text} {message.location.get('url', '')}".strip())

        seen.page.on("request", note_request)
        seen.page.on("console", note_message)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.goto(url)
        return seen

    yield visit
    for context in contexts:
        context.close()
