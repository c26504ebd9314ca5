"""A training whose steps are counted ends in mid-epoch like any other."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from ribfrac_testing.training_runs import (
    callback,
    checkpoint,
    decisive,
    differences,
    shared_data,
    train_here,
)
from RibFracTrainingLib.training.loop.records import Table
from RibFracTrainingLib.training.loop.stopping import TrainingInterruptedError

TABLES = ("train.csv", "validation.csv")


def common(tiny: Path, steps: int) -> list[str]:
    """Seven steps are an epoch; the schedule does not depend on how many there are in all."""
    constant = "schedule={_delete_: true, name: constant}"
    return [*shared_data(tiny), "loop.epochs=null", f"loop.max_steps={steps}", constant]


def test_an_interrupted_last_validation_is_made_up_for(tiny: Path, tmp_path: Path) -> None:
    overrides = [*common(tiny, 3), "validation.every_epochs=5"]
    whole, folder = tmp_path / "whole", tmp_path / "stopped"
    train_here(tiny, whole, *overrides)
    with pytest.raises(TrainingInterruptedError):
        train_here(tiny, folder, *overrides, callback("SignalAt", step=3))
    assert not Table(folder / "validation.csv").rows()
    train_here(tiny, folder, *overrides, resume="auto")
    for table in TABLES:
        assert (folder / table).read_text() == (whole / table).read_text()
    assert not differences(
        *(decisive(checkpoint(path / "best_mAP_epoch_1.pth"))["state_dict"] for path in (whole, folder))
    )
    # Nothing is left to do now.
    kept = {path: path.read_bytes() for path in folder.glob("*.pth")}
    train_here(tiny, folder, *overrides, resume="auto")
    assert {path: path.read_bytes() for path in folder.glob("*.pth")} == kept
    assert len(Table(folder / "validation.csv").rows()) == 1


@pytest.mark.slow
def test_more_steps_go_on_in_the_epoch_that_was_begun(tiny: Path, tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "raised"
    every = "validation.every_epochs=1"
    train_here(tiny, whole, *common(tiny, 9), every)
    train_here(tiny, folder, *common(tiny, 3), every)
    train_here(tiny, folder, *common(tiny, 9), every, resume="auto")
    contents = [decisive(checkpoint(path / "latest.pth")) for path in (whole, folder)]
    assert not differences(*contents)
    for table in TABLES:
        assert (folder / table).read_text() == (whole / table).read_text()


def test_the_last_step_is_logged(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path, *common(tiny, 3), "loop.log_every=10")
    (row,) = Table(tmp_path / "train.csv").rows()
    assert row["step"] == "3"
    with (tmp_path / "epochs.csv").open(newline="") as file:
        assert [epoch["loss"] for epoch in csv.DictReader(file)] == [row["loss"]]
