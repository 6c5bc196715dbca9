"""What the corpus tests share: a server of their own and an empty cache. Nothing leaves this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from explorer.text import sources


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder instead of the user's, and no EXPLORER_DATA."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(sources, "cache_folder", lambda: folder)
    monkeypatch.delenv("EXPLORER_DATA", raising=False)
    return folder


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], str]]:
    """`serve(body)` starts a server on 127.0.0.1 and returns an address that answers with `body`.

    Addresses below `/missing` answer 404.
    """
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = not self.path.startswith("/missing")
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body) if found else 0))
                self.end_headers()
                self.wfile.write(body if found else b"")

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: requests are not the tests' output."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/file"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
