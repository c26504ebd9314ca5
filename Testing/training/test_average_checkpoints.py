"""The tool that averages the weights of trainings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.training_runs import write_training_checkpoint
from RibFracDetectorLib.engine.weights import load_weights
from RibFracTrainingLib.training.publish import publish


def average(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, REPOSITORY / "tools" / "average_checkpoints.py", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


def trained(path: Path, shift: float, kind: str = "simulated", architecture: str = "S") -> Path:
    """A checkpoint of a training, all of whose weights are moved by a number."""
    state = {key: tensor + shift for key, tensor in seeded_state_dict(architecture).items()}
    return write_training_checkpoint(path, f"ribfrac_{architecture.lower()}", state, kind, epoch=round(shift))


def test_every_weight_is_the_mean_and_can_be_published(tmp_path: Path) -> None:
    checkpoints = [trained(tmp_path / f"{shift}.pth", shift) for shift in (0.0, 1.0, 5.0)]
    run = average(tmp_path / "mean.pth", *checkpoints)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"mean of 3 checkpoints in {tmp_path / 'mean.pth'}\n"
    mean = load_weights(tmp_path / "mean.pth").state_dict
    for key, tensor in seeded_state_dict("S").items():
        torch.testing.assert_close(mean[key], tensor + 2)
    published = publish(tmp_path / "mean.pth", tmp_path / "model.pth", half=True, training_data=None)
    assert load_weights(published.file).meta["epoch"] == 5


def configured(path: Path, override: str) -> Path:
    """A checkpoint of a training with one setting of its own."""
    state = seeded_state_dict("S")
    return write_training_checkpoint(path, "ribfrac_s", state, "simulated", overrides=[override])


UNFIT: dict[str, Callable[[Path], list[Path]]] = {
    "one alone": lambda _: [],
    "missing": lambda folder: [folder / "missing.pth"],
    "another network": lambda folder: [trained(folder / "d.pth", 0.0, architecture="D")],
    "other data": lambda folder: [trained(folder / "real.pth", 0.0, kind="real")],
    "other inference": lambda folder: [configured(folder / "b.pth", "inference.overlap=0.5")],
    "other classes": lambda folder: [configured(folder / "b.pth", "data.label_map={1: 0, 2: 0, 3: null}")],
    "the same file": lambda folder: [folder / "a.pth"],
    "a copy": lambda folder: [Path(shutil.copy(folder / "a.pth", folder / "copy.pth"))],
}


@pytest.mark.parametrize("what", UNFIT)
def test_unfit_checkpoints_are_refused_in_one_line(what: str, tmp_path: Path) -> None:
    run = average(tmp_path / "mean.pth", trained(tmp_path / "a.pth", 0.0), *UNFIT[what](tmp_path))
    assert run.returncode == 2
    assert run.stderr.startswith("average_checkpoints: ")
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "mean.pth").exists()


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    kept = trained(tmp_path / "mean.pth", 1.0)
    before = kept.read_bytes()
    run = average(kept, trained(tmp_path / "a.pth", 0.0), trained(tmp_path / "b.pth", 2.0))
    assert run.returncode == 2
    assert "exists" in run.stderr
    assert kept.read_bytes() == before


@pytest.mark.parametrize("output", ["mean", "missing/mean.pth"])
def test_the_output_is_a_new_file_in_a_folder_that_exists(output: str, tmp_path: Path) -> None:
    run = average(tmp_path / output, tmp_path / "a.pth", tmp_path / "b.pth")
    assert run.returncode == 2
    assert run.stderr == (
        f"average_checkpoints: the output is {tmp_path / output}; expected NAME.pth in a folder that exists\n"
    )
