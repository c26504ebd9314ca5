"""Which checkpoints a run folder keeps, also on a disk whose files have one name each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from RibFracTrainingLib.training.checkpoints import CheckpointFolder


@pytest.fixture(params=["names", "copies"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder on a disk with further names of a file, or without."""
    if request.param == "copies":

        def refuse(*_: object) -> None:
            raise OSError("not supported")

        monkeypatch.setattr(os, "link", refuse)
    return tmp_path


def save(checkpoints: CheckpointFolder, text: str) -> None:
    """Replace the latest checkpoint, as the loop does."""

    def write(path: Path) -> None:
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").replace(path)

    checkpoints.save_latest(write)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_every_so_many_epochs_and_the_last_are_kept_no_more_than_wanted(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder, every_epochs=2, keep=3)
    for epoch in range(1, 10):
        save(checkpoints, str(epoch))
        checkpoints.mark_epoch(epoch, is_last=epoch == 9)
    assert contents(folder) == {"latest.pth": "9", "epoch_6.pth": "6", "epoch_8.pth": "8", "epoch_9.pth": "9"}


def test_the_best_is_one_and_stays_what_it_was(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder, every_epochs=1, keep=1)
    for epoch in (2, 10):
        save(checkpoints, str(epoch))
        checkpoints.mark_best(epoch)
    save(checkpoints, "11")
    assert contents(folder) == {"latest.pth": "11", "best_mAP_epoch_10.pth": "10"}


def test_the_epochs_are_ordered_by_number_and_foreign_files_left_alone(tmp_path: Path) -> None:
    for name in ("epoch_10.pth", "epoch_9.pth", "my_epoch_3.pth", "epoch_4.pth.bak"):
        (tmp_path / name).write_text(name)
    checkpoints = CheckpointFolder(tmp_path, every_epochs=1, keep=1)
    assert list(checkpoints.epoch_files()) == [9, 10]
    save(checkpoints, "11")
    checkpoints.mark_epoch(11, is_last=False)
    assert set(contents(tmp_path)) == {"latest.pth", "epoch_11.pth", "my_epoch_3.pth", "epoch_4.pth.bak"}


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    for name in (".123-latest.pth", ".4-best_mAP_epoch_2.pth", "latest.pth", ".hidden.pth", ".5-train.csv"):
        (tmp_path / name).write_text(name)
    CheckpointFolder(tmp_path, every_epochs=1, keep=1).remove_unfinished()
    assert set(contents(tmp_path)) == {"latest.pth", ".hidden.pth", ".5-train.csv"}
