"""The page GPT inside: a prompt typed until all maps are redrawn, and a model in the shape of GPT-2 small.

    python -m benchmarks.gpt_inside [--n 15]     about four minutes
    python -m benchmarks.gpt_inside --smoke      a few presses; a small model in place of GPT-2's shape, without part 3

1. On the shipped checkpoint, in Chromium: from the key that sends a new prompt to the wall of all heads redrawn, plus two
   animation frames, against a slider that only rewrites a line of text; the two take turns. At most 1.8 times.
2. Random weights in the shape of GPT-2 small at 256 tokens: the reading that the page makes (maps, scores, loss) against one
   forward pass of `transformers` in the same shape with `output_attentions`; in turns. At most 1.5 times.
3. The same model in Chromium: two prompts that have been read take turns, so that what is timed is everything beyond the
   forward pass: 144 maps shrunk, sent and drawn. Under 3 times the line of text.
4. The same model in a process of its own: the most memory that a visit with 1,024 tokens to the first three parts takes
   beyond the weights. Under 600 MB.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import Page, sync_playwright

from benchmarks._gpt2_shape import NAME, save_gpt2_shaped, served_from
from benchmarks._timing import interleaved_medians
from benchmarks.first_paint import FLAGS, ROOT
from benchmarks.merge_slider import WATCH, served
from explorer.inspection.gpt_heads import read_heads
from explorer.models.gpt import GPT
from explorer.text.corpora import load_corpus
from explorer.ui.sections.gpt_wall import wall_side

TYPED = 64  # tokens of a prompt on the shipped checkpoint
LONG, LONGEST = 256, 1024

# As WATCH of `merge_slider`, from the Enter that sends the prompt until the wall's label ends as expected.
WATCH_WALL = """(ending) => {
  const seen = (root) => [...root.querySelectorAll('*')].some((element) =>
    (element.getAttribute('aria-label') ?? '').endsWith(ending) || (element.shadowRoot && seen(element.shadowRoot)));
  window.__waiting = new Promise((resolve) => {
    const begin = (event) => {
      if (event.key !== 'Enter') return;
      window.removeEventListener('keydown', begin, true);
      const started = performance.now();
      const look = () => seen(document.querySelector('[data-testid=stMain]'))
        ? requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - started)))
        : requestAnimationFrame(look);
      look();
    };
    window.addEventListener('keydown', begin, true);
  });
}"""


def send_prompt(page: Page, prompt: str) -> float:
    """Fill the box and send it; milliseconds until the wall of that prompt has been painted."""
    page.bring_to_front()
    box = page.get_by_role("textbox", name="Prompt: type anything")
    box.fill(prompt)
    page.evaluate(WATCH_WALL, f"on {len(prompt)} tokens: rows look at columns")
    box.press("Control+Enter")
    return float(page.evaluate("window.__waiting"))


def press_slider(page: Page, step: int) -> float:
    """Move the slider of the line of text; milliseconds until it has been rewritten."""
    path = [*range(1, 8), *range(6, -1, -1)]
    now, before = path[step % 14], path[(step - 1) % 14] if step else 0
    page.bring_to_front()
    page.get_by_role("slider").first.focus()
    page.evaluate(WATCH, f"figure {now}")
    page.keyboard.press("ArrowRight" if now > before else "ArrowLeft")
    return float(page.evaluate("window.__waiting"))


def measure(text: Page, page: Page, prompts: list[str]) -> tuple[list[float], list[float]]:
    """Each prompt in turn with a press of the slider; the first two turns warm the caches."""
    both = [(press_slider(text, i), send_prompt(page, prompt)) for i, prompt in enumerate(prompts)]
    return [slider for slider, _ in both[2:]], [wall for _, wall in both[2:]]


def report(name: str, taken: tuple[list[float], list[float]], target: float) -> None:
    """Medians of both, their ratio and what it should be."""
    floor, wall = (statistics.median(values) for values in taken)
    late = sorted(taken[1])[min(len(taken[1]) - 1, round(0.95 * len(taken[1])))]
    print(
        f"{name}: median {wall:.0f} ms, 95th percentile {late:.0f} ms; a line of text {floor:.0f} ms; "
        f"ratio {wall / floor:.2f} (target at most {target})",
        flush=True,
    )


def excerpts(n: int, length: int) -> list[str]:
    """n different pieces of the verse drama, of two lengths by turns, one line each."""
    text = " ".join(load_corpus("drama").text.split())
    text = "".join(c for c in text if c.isascii() and (c.isalpha() or c in " ,.;!?'"))
    return [text[1000 + 300 * i :][: length - i % 2] for i in range(n)]


def in_chromium(folder: Path, n: int, long: int, chromium: str, smoke: bool) -> None:
    with (
        served(ROOT / "benchmarks" / "_slider_page.py") as text,
        served(ROOT / "app.py") as app,
        served_from(folder) as large,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        pages = []
        addresses = (f"{text}/?figure=text", f"{app}/gpt_inside", f"{large}/gpt_inside?checkpoint={NAME}&prompt=Hello")
        for address in addresses:
            pages.append(browser.new_page())
            pages[-1].set_default_timeout(180_000)
            pages[-1].goto(address)
        pages[0].locator('[aria-label="figure 0"]').first.wait_for(state="attached")
        for page in pages[1:]:
            page.locator(".st-key-gpt_out button").first.wait_for()
            page.locator(".st-key-gpt_wall canvas.ink").wait_for()
        report("1. shipped, prompt to maps", measure(pages[0], pages[1], excerpts(n + 2, TYPED)), 1.8)
        two = excerpts(2, long)
        turns = [two[i % 2] for i in range(n + 2)]
        if smoke:
            browser.close()
            return
        report(f"3. {NAME}, {long} tokens, beyond the pass", measure(pages[0], pages[2], turns), 3)
        browser.close()


def against_transformers(model: GPT, length: int, repeats: int) -> None:
    """The page's reading and one pass of transformers in the same shape, in turns."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = model.config
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.context_length,
            n_embd=config.d_model,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            attn_implementation="eager",
        )
    ).eval()
    ids = torch.randint(0, config.vocab_size, (length,), generator=torch.Generator().manual_seed(1)).tolist()

    def plain() -> None:
        with torch.no_grad():
            theirs(torch.tensor([ids]), output_attentions=True)

    ours, their = interleaved_medians(lambda: read_heads(model, ids, wall_side(config.n_heads)), plain, repeats)
    print(
        f"2. trace of {length} tokens {ours:.2f} s, transformers with output_attentions {their:.2f} s; "
        f"ratio {ours / their:.2f} (target at most 1.5)",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description="The page GPT inside, in figures.")
    options.add_argument("--n", type=int, default=15, help="prompts sent to each page")
    options.add_argument("--smoke", action="store_true", help="three prompts, a small model")
    options.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to drive")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        model = save_gpt2_shaped(folder, small=chosen.smoke)
        length, longest = (32, 64) if chosen.smoke else (LONG, LONGEST)
        against_transformers(model, length, 2 if chosen.smoke else 5)
        del model
        command = [sys.executable, "-m", "benchmarks._gpt2_shape", str(folder), str(longest)]
        peak = float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()[-1])
        print(f"4. a visit of {longest} tokens: {peak:.0f} MB beyond the weights (target under 600)", flush=True)
        if not Path(chosen.chromium).exists():
            print(f"skipped: no browser at {chosen.chromium}; install Debian's chromium or say --chromium PATH")
            return
        in_chromium(folder, 3 if chosen.smoke else chosen.n, length, chosen.chromium, chosen.smoke)


if __name__ == "__main__":
    main()
