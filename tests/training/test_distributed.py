"""Several processes share each batch: the curve of one, one voice, and a lost process ends all of them, resumably.

The processes are real ones that talk through gloo; one test goes through `torchrun` itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.models.registry import build_config, build_model
from explorer.training.distributed import ALONE, Team, joined, launched_team
from explorer.training.runs import load_run
from explorer.training.trainer import Trainer
from tests.training.test_trainer import CONFIG, LETTERS, SPLITS, make_trainer

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "scripts" / "ranks.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
_SHAPE = "--corpus tale --layers 1 --heads 2 --width 8 --context-length 8 --batch-size 8"
_RUN = f"{_SHAPE} --out made --device cpu --optimizer muon --average 0.9"
EXACT = f"{_RUN} --steps 6 --set evaluate_every=3 --dropout 0".split()
LONG = f"{_RUN} --steps 24 --set evaluate_every=12 --dropout 0.2 --save-every 1".split()


def run_jobs(folder: Path, *jobs: dict[str, Any]) -> list[list[tuple[int, str]]]:
    """For each job, exit status and standard error of each process."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        input=json.dumps(jobs),
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results: list[list[tuple[int, str]]] = json.loads(done.stdout)
    return results


def job(processes: int, name: str, options: list[str], *more: str, ask_when: str = "") -> dict[str, Any]:
    return {"processes": processes, "arguments": ["train", *options, "--name", name, *more], "ask_when": ask_when}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one process and two trained on the same batches, and two were asked to end and then went on."""
    if not os.environ.get("EXPLORER_TORCHRUN"):
        pytest.skip("jobs of several processes once hung here in a full run; EXPLORER_TORCHRUN=1 runs them")
    folder = tmp_path_factory.mktemp("team")
    results = run_jobs(
        folder,
        job(1, "one", EXACT),
        job(2, "two", EXACT),
        job(2, "whole", LONG),
        job(2, "asked", LONG, ask_when="runs/asked.safetensors"),
        job(2, "asked", LONG, "--resume"),
        job(2, "one", EXACT, "--seed", "2", "--resume"),
    )
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def results_of(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())


def card(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "made" / f"{name}.json").read_text())
    return found


def test_two_processes_have_the_loss_curve_and_the_weights_of_one_with_the_same_batch(folder: Path) -> None:
    curves = [dict(card(folder, name)["losses"]["curve"]) for name in ("one", "two")]
    assert list(curves[0]) == [3, 6]
    assert curves[1] == pytest.approx(curves[0], abs=2e-4)
    one, two = (load_run(folder / "runs" / f"{name}.safetensors")[0] for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in one.keys() - {"progress"}:
        torch.testing.assert_close(two[name], one[name], atol=2e-4, rtol=1e-3)
    assert torch.equal(one["generator"], two["generator"])
    assert card(folder, "two")["tokens"] == card(folder, "one")["tokens"] == 6 * 8 * 8


def test_one_process_speaks_and_writes_for_both(folder: Path) -> None:
    (first, second) = results_of(folder)[1]
    assert [first[0], second[0]] == [0, 0]
    assert first[1].count("Wrote made/two.json.") == 1
    assert second[1].strip() == ""
    assert card(folder, "two")["hardware"]["processes"] == 2
    assert card(folder, "two")["command"].startswith("torchrun --nproc-per-node 2 -m explorer train --corpus tale")
    assert sorted(path.name for path in (folder / "runs").iterdir() if path.suffix != ".safetensors") == []


def test_a_signal_to_one_process_saves_the_run_and_ends_both_and_going_on_equals_never_having_stopped(
    folder: Path,
) -> None:
    _, _, whole, asked, resumed, _ = results_of(folder)
    assert [status for status, _ in asked] == [128 + signal.SIGTERM] * 2
    assert "Stopped; the same command with --resume goes on from step" in asked[0][1]
    assert [status for status, _ in (*whole, *resumed)] == [0] * 4
    assert card(folder, "asked")["weights"] == card(folder, "whole")["weights"]
    assert card(folder, "asked")["losses"] == card(folder, "whole")["losses"]


def test_a_mistake_that_all_processes_make_is_said_once(folder: Path) -> None:
    (first, second) = results_of(folder)[5]
    assert [first[0], second[0]] == [1, 1]
    assert first[1].count("error:") == 1
    assert "seed was 1 and is 2" in first[1]


@contextmanager
def torchrun(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Two processes under `torchrun`; whatever is left of them at the end is killed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "explorer"]
    agent = subprocess.Popen(
        [*command, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield agent
    finally:
        for process in (*workers_of(agent.pid).values(), agent.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def workers_of(agent: int) -> dict[str, int]:
    """The processes that an agent started, by rank."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            variables = (entry / "environ").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if parent == str(agent):
            found |= {v[5:].decode(): int(entry.name) for v in variables if v.startswith(b"RANK=")}
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of torchrun in /proc")
def test_a_killed_process_ends_the_job_with_one_sentence_and_the_state_goes_on_as_if_nothing_had_happened(
    folder: Path,
) -> None:
    state = folder / "runs" / "lost.safetensors"
    with torchrun(folder, "train", *LONG, "--name", "lost") as agent:
        workers: dict[str, int] = {}
        while len(workers) < 2 or not state.exists():
            assert agent.poll() is None, agent.communicate()[1][-3000:]
            workers = workers if len(workers) == 2 else workers_of(agent.pid)
            time.sleep(0.005)
        os.kill(workers["1"], signal.SIGKILL)
        said = agent.communicate(timeout=300)[1]
    assert agent.returncode != 0
    assert said.count("error: ") == 1
    assert "error: Another process of this run ended, or cannot be reached any more. " in said
    step = int(load_run(state)[0]["progress"][0])
    assert 0 < step < 24
    assert f"the same command with --resume goes on from step {step}." in said

    run_jobs(folder, job(2, "lost", LONG, "--resume"))
    assert card(folder, "lost")["weights"] == card(folder, "whole")["weights"]
    assert card(folder, "lost")["losses"] == card(folder, "whole")["losses"]


@pytest.mark.parametrize(("batch", "size", "near"), [(12, 5, 10), (3, 4, 4), (1, 2, 2), (100, 8, 96)])
def test_a_batch_that_does_not_divide_is_refused_with_one_that_does(batch: int, size: int, near: int) -> None:
    with pytest.raises(ValueError, match=f"batch of {batch} windows cannot be shared evenly by {size}.*such as {near}"):
        Team(0, size).check_batch(batch)


def test_shares_are_all_rows_once_and_weigh_as_many_targets_as_they_have() -> None:
    targets = torch.tensor([[1, 2, -1], [3, -1, -1], [1, 1, 1], [2, 2, 2]])
    shares = [Team(rank, 2).share(targets) for rank in range(2)]
    assert torch.equal(torch.cat([targets[rows] for rows, _ in shares]), targets)
    assert [share for _, share in shares] == [3 / 9, 6 / 9]
    assert ALONE.share(targets) == (slice(None), 1.0)


def test_each_process_has_dropout_masks_of_its_own_and_new_ones_at_each_step() -> None:
    seeds = {Team(rank, 2).mask_seed(seed, step) for rank in range(2) for seed in (-1, 1) for step in range(3)}
    assert len(seeds) == 12


def test_the_team_is_what_torchrun_says_and_alone_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "3")  # some clusters set this for reasons of their own
    assert launched_team() == ALONE
    for name, value in (("WORLD_SIZE", "4"), ("LOCAL_RANK", "1"), ("MASTER_ADDR", "here"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    assert launched_team() == Team(3, 4, 1)


@pytest.mark.parametrize(("device", "said"), [("mps", "give --device cpu"), ("cuda", "at most one process a GPU")])
def test_a_device_that_cannot_be_shared_is_refused_before_anyone_waits(device: str, said: str) -> None:
    if device == "cuda" and torch.cuda.device_count() > 7:
        pytest.skip("this machine has a GPU for every process")
    with pytest.raises(ValueError, match=said), joined(Team(0, 8, 7), device):
        pass


def test_alone_nothing_is_shared_and_a_trainer_refuses_a_batch_that_its_team_cannot_share() -> None:
    assert ALONE.total(0.1) == 0.1
    assert ALONE.first_does(lambda: "done") == "done"
    model = make_trainer().model
    with pytest.raises(ValueError, match="cannot be shared evenly by 3 processes"):
        Trainer(model, LETTERS, SPLITS, CONFIG, team=Team(0, 3))


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bigram": {},
    "mlp": {"context_length": 3, "d_embedding": 4, "d_hidden": 8, "batch_norm": True},
    "wavenet": {"context_length": 4, "d_embedding": 4, "d_hidden": 8},
    "decoder": {"context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 8, "feed_forward": False},
    "gpt": {"context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 8},
    "modern": {"context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 8},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_takes_part_in_the_loss_so_that_gradients_can_be_shared_as_they_come(architecture: str) -> None:
    config = build_config(architecture, {"vocab_size": LETTERS.vocab_size, **ARCHITECTURES[architecture]})
    trainer = Trainer(build_model(architecture, config), LETTERS, SPLITS, CONFIG)
    next(iter(trainer))
    assert [name for name, p in trainer.model.named_parameters() if p.grad is None] == []
