"""One run at a time works on the folder of a data set; one that was killed does not keep the next out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ribfrac_testing.command_line import environment, ribfrac
from ribfrac_testing.training_data import some_scans, write_seed

AT_WORK = """
import sys
from pathlib import Path
from RibFracDetectorLib.case.file_lock import only_run_in
with only_run_in(Path(sys.argv[1])):
    print("at work", flush=True)
    sys.stdin.read()
"""
COARSE = ("--part", "left", "--heights", "-10", "10", "--spacing", "5", "--slices", "5", "--fractures", "0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "set"


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that works on `folder` until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, folder],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(params=[("simulate", ".partial-1"), ("prepare", "cache/.case.partial")], ids=lambda of: of[0])
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A command, and what its runs leave in a data set when they are killed."""
    return request.param


@pytest.fixture
def run(kind: tuple[str, str], tmp_path: Path, folder: Path) -> list[str | Path]:
    """The command line of a run that makes a data set in `folder`."""
    if kind[0] == "simulate":
        return ["simulate", folder, "--layout", "cache", *COARSE]
    scans = {name: scan for name, scan in some_scans().items() if name in ("RibFrac1", "RibFrac3")}
    source = write_seed(tmp_path / "source", scans, test=["RibFrac3"])
    return ["prepare", source, "--output", folder]


def test_a_second_run_is_refused_and_takes_nothing_away(
    run: list[str | Path], kind: tuple[str, str], folder: Path, other: subprocess.Popen[str]
) -> None:
    under_way = folder / kind[1]
    under_way.mkdir(parents=True)
    refused = ribfrac(*run)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith(
        f"another run is at work in {folder}; wait for its end or choose another folder"
    )
    assert under_way.is_dir()
    other.kill()
    other.communicate()
    assert (folder / ".run.lock").exists()
    assert ribfrac(*run).returncode == 0
    assert not list(folder.rglob(".*"))


def test_a_run_that_ends_well_leaves_no_lock(folder: Path, other: subprocess.Popen[str]) -> None:
    other.communicate()
    assert not folder.exists()
