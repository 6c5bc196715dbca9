"""What a run of the workbench is started from: bounded before anything is allocated, kept by JSON, compared by settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from explorer.inspection.workbench import differences
from explorer.training.config import TrainingConfig
from explorer.training.workbench_spec import StopRule, TextSource, WorkbenchSpec, check_spec, settings

SHAPE = (("context_length", 8), ("n_layers", 2), ("n_heads", 2), ("d_model", 16), ("dropout", 0.2))
TRAINING = TrainingConfig(steps=20, batch_size=4)


@pytest.fixture
def spec() -> WorkbenchSpec:
    return WorkbenchSpec(TextSource("tale", "text"), "gpt", SHAPE, TRAINING, seed=3)


@pytest.mark.parametrize(
    ("changes", "vocabulary", "said"),
    [
        ({"options": (("d_model", 1200),)}, 65, "This model would learn"),
        ({}, 5000, "5,000 different characters; one token each is too many here"),
        ({"options": (*SHAPE[1:], ("context_length", 4096))}, 65, "a context may have 1,024 tokens"),
        ({"training": replace(TRAINING, batch_size=10**6)}, 65, "of memory; here a run may take"),
    ],
)
def test_what_is_too_much_for_a_shared_server_is_refused_before_anything_is_allocated(
    spec: WorkbenchSpec, changes: dict[str, Any], vocabulary: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check_spec(replace(spec, **changes), vocabulary)


def test_a_spec_outlives_json_and_a_run_is_not_taken_up_by_one_of_another_version(spec: WorkbenchSpec) -> None:
    tuned = replace(spec, parent="/x/mine.json", old=spec.text, stop=StopRule(patience=3))
    assert WorkbenchSpec.from_json(tuned.to_json(), spec.folder) == tuned
    with pytest.raises(ValueError, match="saved by another version of the program"):
        WorkbenchSpec.from_json({**spec.to_json(), "training": {"stepps": 3}})
    assert differences({"a": settings(spec), "b": settings(replace(spec, seed=9))}) == {"seed": [3, 9]}
