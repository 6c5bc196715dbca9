"""A model in the shape of GPT-2 small with random weights, saved as a checkpoint, and the app served with it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.first_paint import ROOT, wait_for_health
from explorer.models.checkpoints import save_checkpoint
from explorer.models.gpt import GPT, GPTConfig
from explorer.text.tokenizers import CharTokenizer

NAME = "gpt2-shaped"
PARTS = ("1 Heads", "2 One head", "3 Values")
CONFIG = GPTConfig(vocab_size=50_257, context_length=1024, n_layers=12, n_heads=12, d_model=768)
SMALL = GPTConfig(vocab_size=512, context_length=64, n_layers=3, n_heads=4, d_model=32)
# Streamlit runs the app in its own process, so what is set here before it starts, the app sees.
SERVE = """
import sys
from pathlib import Path
from explorer.models import cards
cards.FOLDER = Path(sys.argv.pop(1))
from streamlit.web.cli import main
main()
"""


def save_gpt2_shaped(folder: Path, *, small: bool = False) -> GPT:
    """A GPT of 12 × 12 heads, 768 channels, 50,257 one-character tokens and 1,024 positions; written to `folder`."""
    config = SMALL if small else CONFIG
    model = GPT(config).eval()
    readable = [chr(i) for i in range(32, 0x11000) if chr(i).isprintable() and not 0xD800 <= i < 0xE000]
    tokenizer = CharTokenizer.from_text("".join(readable[: config.vocab_size]))
    save_checkpoint(folder / NAME, model, tokenizer, architecture="gpt", facts={}, dtype="float16")
    return model


@contextmanager
def served_from(folder: Path) -> Iterator[str]:
    """The app on a free port with the checkpoints of `folder`; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SERVE, str(folder), "run", str(ROOT / "app.py"), "--server.port", str(port)]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
    try:
        wait_for_health(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def read_memory(name: str) -> float:
    """VmRSS or VmHWM of this process in MB."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return float(found[1]) / 1024 if found else float("nan")


def peak_of_a_visit(folder: Path, tokens: int) -> float:
    """MB that a visit with a prompt of so many tokens takes at most, beyond what a visit with two tokens left behind."""
    from streamlit.testing.v1 import AppTest

    from explorer.models import cards

    cards.FOLDER = folder
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
    at.query_params["prompt"] = "Hi"
    at.switch_page("pages/gpt_inside.py").run()
    for part in PARTS:
        at.session_state["gpt_part"] = part
        at.run()
    before = read_memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    at.text_area(key="prompt").set_value("A rose is a rose. " * (tokens // 18) + "abcdefghijklmnopqr"[: tokens % 18])
    for part in PARTS:
        at.session_state["gpt_part"] = part
        at.run()
        if at.exception or at.error:
            raise RuntimeError(f"The visit failed: {[*at.exception, *at.error][0].value}")
    return read_memory("VmHWM") - before


if __name__ == "__main__":
    print(peak_of_a_visit(Path(sys.argv[1]), int(sys.argv[2])))
