"""A disk that becomes full while weights are written is told in one line; what was there stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.training_runs import (
    callback,
    checkpoint,
    environment,
    shared_data,
    train_here,
    write_training_checkpoint,
)
from RibFracTrainingLib.training.loop.records import RunRecords
from RibFracTrainingLib.training.module import TrainingDivergedError

resource = pytest.importorskip("resource", reason="no limits of file sizes on this system")


def refusal(limit: int, *command: object) -> str:
    """What a command says that may write no file larger than `limit` bytes."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 2, done.stderr
    said = done.stderr.splitlines()[-1]
    assert "cannot be written whole; check that the disk is not full" in said
    return said


def test_training_keeps_the_last_checkpoint(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path, *shared_data(tiny), "loop.epochs=1")
    latest = tmp_path / "latest.pth"
    options = [tiny, *shared_data(tiny), "loop.epochs=2", "--output", tmp_path, "--resume", "auto"]
    said = refusal(latest.stat().st_size // 2, "-m", "RibFracDetectorLib", "train", *options)
    assert str(latest) in said
    assert checkpoint(latest)["meta"]["epoch"] == 1
    assert not list(tmp_path.glob(".*"))


def test_weights_are_published_and_averaged_whole_or_not_at_all(tmp_path: Path) -> None:
    state = seeded_state_dict("S")
    sources = [
        write_training_checkpoint(tmp_path / name, "ribfrac_s", state, "simulated")
        for name in ("a.pth", "b.pth")
    ]
    output = tmp_path / "out" / "new.pth"
    output.parent.mkdir()
    tool = REPOSITORY / "tools" / "average_checkpoints.py"
    for command in (["-m", "RibFracDetectorLib", "publish", sources[0], output], [tool, output, *sources]):
        assert str(output) in refusal(sources[0].stat().st_size // 2, *command)
        assert not list(output.parent.iterdir())


def test_what_ended_a_run_is_told_rather_than_what_its_closing_met(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(_self: RunRecords) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunRecords, "close", close)
    poison = callback("PoisonAt", first=1, last=99)
    with pytest.raises(TrainingDivergedError):
        train_here(tiny, tmp_path, *shared_data(tiny), poison, "loop.nonfinite_limit=1")
