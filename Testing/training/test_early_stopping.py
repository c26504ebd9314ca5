"""A training that ends by itself ends at the same epoch, however often it was interrupted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.training_runs import PARTS, checkpoint, shared_data, train_here
from RibFracTrainingLib.training.loop.records import Table
from RibFracTrainingLib.training.loop.stopping import TrainingInterruptedError


def common(tiny: Path, *more: str, patience: int = 2) -> list[str]:
    """No rise is as large as two, so that the first mAP stays the best."""
    stopping = f"{{name: early_stopping, patience: {patience}, min_delta: 2.0}}"
    callbacks = f"callbacks=[{', '.join([stopping, *more])}]"
    return [*shared_data(tiny), "loop.epochs=9", "validation.every_epochs=1", callbacks]


def last_epoch(folder: Path) -> int:
    return checkpoint(folder / "latest.pth")["meta"]["epoch"]


def signal_at(step: int) -> str:
    return f"{{name: '{PARTS}:SignalAt', step: {step}}}"


@pytest.mark.slow
@pytest.mark.parametrize("step", [14, 15])  # in the validation of the second epoch, and after it
def test_patience_counts_across_interruptions(tiny: Path, tmp_path: Path, step: int) -> None:
    with pytest.raises(TrainingInterruptedError):
        train_here(tiny, tmp_path, *common(tiny, signal_at(step)))
    train_here(tiny, tmp_path, *common(tiny), resume="auto")
    assert last_epoch(tmp_path) == 3


def test_what_has_stopped_stays_stopped_until_more_patience_is_asked_for(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path, *common(tiny, patience=1))
    train_here(tiny, tmp_path, *common(tiny, patience=1), resume="auto")
    assert last_epoch(tmp_path) == 2
    assert "stopped this training early" in (tmp_path / "train.log").read_text()
    train_here(tiny, tmp_path, *common(tiny, patience=2), resume="auto")
    assert last_epoch(tmp_path) == 3


def test_a_last_validation_made_up_for_may_end_the_training(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingInterruptedError):
        train_here(tiny, tmp_path, *common(tiny, signal_at(14), patience=1))
    for _ in range(2):
        train_here(tiny, tmp_path, *common(tiny, patience=1), resume="auto")
        assert last_epoch(tmp_path) == 2
        assert len(Table(tmp_path / "validation.csv").rows()) == 2


def test_scans_without_a_fracture_tell_why_nothing_is_the_best(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(tiny.parent / "first" / "data", tmp_path / "data"))
    for case_id in json.loads((data / "dataset.json").read_text())["test"]:
        case = data / "cache" / case_id
        content = json.loads((case / "case.json").read_text())
        (case / "case.json").write_text(json.dumps({**content, "lesions": []}))
        np.save(case / "lesion_voxels.npy", np.zeros((0, 4), np.uint16))
    free = ["data.simulated=null", f"data.folder={data}"]
    train_here(tiny, tmp_path / "run", *common(tiny)[2:], *free, "loop.epochs=2")
    assert last_epoch(tmp_path / "run") == 2
    assert "no fracture in the 2 scans of the validation: mAP will be NaN" in capsys.readouterr().err
