"""An interrupted and resumed training is, bit for bit, the training that nobody interrupted."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.training_runs import (
    callback,
    checkpoint,
    decisive,
    differences,
    environment,
    shared_data,
    train_command,
    train_here,
    trained,
    write_tiny_configuration,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.training.loop.records import Table
from RibFracTrainingLib.training.loop.stopping import TrainingInterruptedError

WAYS = {
    "plain": "",
    "accumulating": "loop.accumulate=2",
    "ema": "averaging={name: ema, decay: 0.9}",
    "swa": "averaging={name: swa, start: 0.3}",
    "sgd": "optimizer={_delete_: true, name: sgd, lr: 0.01}",
}
TABLES = ("train.csv", "validation.csv")
OWN_OPTIMIZER = """
from torch.optim import SGD

class Counting(SGD):
    def __init__(self, parameters, lr: float):
        super().__init__(parameters, lr=lr)
        self.param_groups[0]["count"] = 0

    def step(self, closure=None):
        self.param_groups[0]["count"] += 1
        return super().step(closure)
"""


def interrupted_then_resumed(tiny: Path, folder: Path, step: int, *overrides: str) -> None:
    """Stop after a step, then go on to the end."""
    common = [*shared_data(tiny), *overrides]
    with pytest.raises(TrainingInterruptedError, match=r"--resume auto goes on"):
        train_here(tiny, folder, *common, callback("SignalAt", step=step))
    assert checkpoint(folder / "latest.pth")["global_step"] == step
    train_here(tiny, folder, *common, resume="auto")


def losses_of_epochs(folder: Path) -> list[str]:
    """Means over whole epochs, not over what was left of one."""
    return [row["loss"] for row in Table(folder / "epochs.csv").rows()]


@pytest.mark.parametrize(
    "way",
    ["plain", "ema", *(pytest.param(way, marks=pytest.mark.slow) for way in ("accumulating", "swa", "sgd"))],
)
def test_resumed_equals_uninterrupted(tiny: Path, tmp_path: Path, way: str) -> None:
    overrides = ["loop.epochs=2", *([WAYS[way]] if WAYS[way] else [])]
    whole = tmp_path / "whole"
    train_here(tiny, whole, *shared_data(tiny), *overrides)
    content = decisive(checkpoint(whole / "latest.pth"))
    per_epoch = content["global_step"] // 2
    # In mid-epoch, at its end, in the second.
    for step in (2, per_epoch, per_epoch + 2) if way == "plain" else (per_epoch + 2,):
        folder = tmp_path / f"stopped_after_{step}"
        interrupted_then_resumed(tiny, folder, step, *overrides)
        assert not differences(content, decisive(checkpoint(folder / "latest.pth")))
        assert (folder / "train.csv").read_text() == (whole / "train.csv").read_text()
        assert losses_of_epochs(folder) == losses_of_epochs(whole)


@pytest.mark.parametrize("epoch", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_interrupted_validation_is_made_up_for(tiny: Path, tmp_path: Path, epoch: int) -> None:
    overrides = [*shared_data(tiny), "loop.epochs=2", "validation.every_epochs=1"]
    whole, folder = tmp_path / "whole", tmp_path / "stopped"
    train_here(tiny, whole, *overrides)
    per_epoch = checkpoint(whole / "latest.pth")["global_step"] // 2
    # The signal comes with the last step of an epoch, so that validation is what it stops.
    with pytest.raises(TrainingInterruptedError):
        train_here(tiny, folder, *overrides, callback("SignalAt", step=epoch * per_epoch))
    assert len(Table(folder / "validation.csv").rows()) == epoch - 1
    train_here(tiny, folder, *overrides, resume="auto")
    for table in TABLES:
        assert (folder / table).read_text() == (whole / table).read_text()


@pytest.mark.parametrize("schedule", ["{_delete_: true, name: constant}", "{warmup_steps: 4}"])
def test_a_lower_rate_counts_from_the_step_that_is_resumed(tiny: Path, tmp_path: Path, schedule: str) -> None:
    """As after a divergence; the rates are those of a run that had the lower one from the start."""
    common = [*shared_data(tiny), "loop.epochs=2", f"schedule={schedule}"]
    train_here(tiny, tmp_path / "lower", *common, "optimizer.lr=0.001")
    folder = tmp_path / "resumed"
    with pytest.raises(TrainingInterruptedError):
        train_here(tiny, folder, *common, callback("SignalAt", step=3))
    train_here(tiny, folder, *common, "optimizer={lr: 0.001, weight_decay: 0.25}", resume="auto")
    rates = [[row["lr"] for row in Table(path / "train.csv").rows()] for path in (folder, tmp_path / "lower")]
    assert rates[0][3:] == rates[1][3:]
    (group,) = checkpoint(folder / "latest.pth")["optimizer_states"][0]["param_groups"]
    assert (group["initial_lr"], group["weight_decay"]) == (0.001, 0.25)


def test_what_an_optimizer_of_ones_own_keeps_is_restored(tiny: Path, tmp_path: Path) -> None:
    """Some keep it among the hyper-parameters."""
    own = tmp_path / "own.py"
    own.write_text(OWN_OPTIMIZER)
    optimizer = f"optimizer={{_delete_: true, name: '{own}:Counting', lr: 0.01}}"
    interrupted_then_resumed(tiny, tmp_path / "run", 3, "loop.epochs=1", optimizer)
    content = checkpoint(tmp_path / "run" / "latest.pth")
    assert content["optimizer_states"][0]["param_groups"][0]["count"] == content["global_step"] > 3


def test_a_run_is_not_overwritten(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"holds a run already.*--resume auto"):
        train_here(tiny, tiny.parent / "first")


def test_resume_of_nothing_starts(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path / "new", *shared_data(tiny), "loop.epochs=1", resume="auto")
    assert checkpoint(tmp_path / "new" / "latest.pth")["meta"]["epoch"] == 1


def test_a_damaged_newest_checkpoint_is_passed_over(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train_here(tiny, folder, *shared_data(tiny), "loop.epochs=1")
    # Another name of the same file must not be damaged with it.
    content = (folder / "latest.pth").read_bytes()
    (folder / "latest.pth").unlink()
    (folder / "latest.pth").write_bytes(content[: len(content) // 2])
    train_here(tiny, folder, *shared_data(tiny), "loop.epochs=2", resume="auto")
    assert checkpoint(folder / "latest.pth")["meta"]["epoch"] == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer={_delete_: true, name: sgd}", "was trained with optimizer adamw"),
        ("network={_delete_: true, name: retina_unet}", "is of another network"),
    ],
)
def test_resume_of_another_training_is_refused(
    tiny: Path, tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train_here(tiny, tmp_path, *shared_data(tiny), override, resume=str(tiny.parent / "first/latest.pth"))


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    configuration = write_tiny_configuration(tmp_path)
    overrides = ["checkpoints.every_steps=2", "loop.epochs=4", "validation.every_epochs=2"]
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    began = time.monotonic()
    trained(configuration, "--output", whole, *overrides)
    longest = time.monotonic() - began
    final = decisive(checkpoint(whole / "latest.pth"))
    generator = np.random.default_rng()
    for _ in range(10):
        before = _saved_step(folder)
        command = train_command(configuration, "--output", folder, "--resume", "auto", *overrides)
        process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=float(generator.uniform(0.3, 0.9)) * longest)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
        for path in folder.glob("[!.]*.pth"):
            checkpoint(path)
        assert _saved_step(folder) >= before
    trained(configuration, "--output", folder, "--resume", "auto", *overrides)
    assert not differences(final, decisive(checkpoint(folder / "latest.pth")))
    for table in TABLES:
        assert (folder / table).read_text() == (whole / table).read_text()
    assert not list(folder.glob(".*.pth"))


def _saved_step(folder: Path) -> int:
    latest = folder / "latest.pth"
    return checkpoint(latest)["global_step"] if latest.exists() else 0
