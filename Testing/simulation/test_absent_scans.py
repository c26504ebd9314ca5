"""What campaigns and benchmarks tell at their start of real scans that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.command_line import environment
from ribfrac_testing.reference import REPOSITORY

TESTING = REPOSITORY / "Testing"


def run(script: str, shared: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script below `Testing` with another folder of real scans."""
    surroundings = environment() | {"RIBFRAC_SHARED_DATA": str(shared)}
    surroundings["PYTHONPATH"] += f"{os.pathsep}{TESTING}"
    return subprocess.run(
        [sys.executable, TESTING / script, *arguments],
        env=surroundings,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(("parts", "needing"), [((), "real, shams, fidelity"), (("shams",), "shams")])
def test_accuracy_is_not_begun(parts: tuple[str, ...], needing: str, tmp_path: Path) -> None:
    asked = ["--parts", *parts] if parts else []
    done = run("Campaigns/accuracy.py", tmp_path / "shared", "--output", tmp_path / "out", *asked)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "shared" / "ct") in line
    assert f"expected for {needing};" in line
    assert "--parts validation held-out bodies" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_benchmark_tells_what_it_leaves_out(tmp_path: Path) -> None:
    options = ("--output", tmp_path / "out", "--parts", "old", "original")
    done = run("Benchmarks/detection.py", tmp_path / "shared", *options)
    assert done.returncode == 0, done.stderr
    scan = tmp_path / "shared" / "ct" / "chest_ct_a.nii.gz"
    told = "left out are the windows of the original's procedure and of MONAI's, mode original in full"
    assert f"{scan}: no such scan; {told}; name one with --scan" in done.stderr
