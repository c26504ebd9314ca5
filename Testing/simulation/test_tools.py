"""The tools of the simulation refuse what they cannot use in one line, before they draw anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.training_runs import environment
from ribfrac_testing.volumes import Stored


def tool(name: str, *arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder."""
    return subprocess.run(
        [sys.executable, REPOSITORY / "tools" / f"{name}.py", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sheet.png", "--ct", "missing.nii.gz"], "missing.nii.gz"),
        (["sheet.png", "--each", "0"], "--each 0: at least 1 is expected"),
        (["sheet.png", "--ct", "air.nii.gz"], "air.nii.gz: "),
        (["sheet"], "the output is sheet; expected NAME.png"),
    ],
)
def test_a_sheet_that_cannot_be_drawn(tmp_path: Path, arguments: list[str], told: str) -> None:
    Stored(np.full((40, 40, 40), -1000, np.int16), (5.0, 5.0, 5.0)).write(tmp_path / "air.nii.gz")
    run = tool("fracture_sheet", *arguments, folder=tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith("fracture_sheet: ")
    assert told in run.stderr
    assert run.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["air.nii.gz"]


def test_help_makes_no_sample_case(tmp_path: Path) -> None:
    run = tool("make_sample_case", "--help", folder=tmp_path)
    assert run.returncode == 0
    assert "[folder]" in run.stdout
    assert not list(tmp_path.iterdir())
