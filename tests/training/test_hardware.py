"""Where a run computes: what is left open is what helps on the machine; what is not there is refused by name."""

from __future__ import annotations

import shutil

import pytest
import torch

from explorer.training.hardware import Hardware, choose_hardware


def machine(
    patch: pytest.MonkeyPatch, *, cuda: bool = False, mps: bool = False, bf16: bool = True, gcc: bool = True
) -> None:
    """Pretend that torch finds these here."""
    patch.setattr(torch.cuda, "is_available", lambda: cuda)
    patch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    patch.setattr(torch.backends.mps, "is_available", lambda: mps)
    patch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if gcc else None)


@pytest.mark.parametrize(
    ("here", "chosen"),
    [
        ({}, Hardware("cpu", "float32", False)),
        ({"mps": True}, Hardware("mps", "float32", False)),
        ({"cuda": True}, Hardware("cuda", "bfloat16", True)),
        ({"cuda": True, "mps": True}, Hardware("cuda", "bfloat16", True)),
        ({"cuda": True, "bf16": False}, Hardware("cuda", "float32", True)),
    ],
    ids=str,
)
def test_what_is_left_open_is_what_helps_here(
    monkeypatch: pytest.MonkeyPatch, here: dict[str, bool], chosen: Hardware
) -> None:
    machine(monkeypatch, **here)
    assert choose_hardware() == chosen


def test_what_is_asked_for_is_kept_whatever_else_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cuda=True)
    assert choose_hardware("cpu") == Hardware("cpu", "float32", False)
    assert choose_hardware("cuda", "float32", False) == Hardware("cuda", "float32", False)
    assert choose_hardware("cpu", "bfloat16", True) == Hardware("cpu", "bfloat16", True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("cuda",), "This machine has no device 'cuda' that torch can use; it has cpu, mps."),
        (("tpu",), "Expected a device among auto, cpu, cuda, mps, got 'tpu'."),
        (("cpu", "float16"), "Expected a precision among auto, float32, bfloat16, got 'float16'."),
        (("cpu", "auto", True), "Compiling on the CPU needs a C\\+\\+ compiler"),
    ],
)
def test_what_cannot_be_is_one_sentence(monkeypatch: pytest.MonkeyPatch, asked: tuple[str], said: str) -> None:
    machine(monkeypatch, mps=True, gcc=False)
    with pytest.raises(ValueError, match=said):
        choose_hardware(*asked)
