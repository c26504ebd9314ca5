"""Paths of the command line that lead nowhere safe, and a process without its standard streams."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.batch_data import write_scans
from ribfrac_testing.command_line import SMALL, command, environment, files_of, ribfrac
from RibFracDetectorLib.cli import main
from RibFracDetectorLib.commands.detect import names_of_weights

LATIN_1 = os.fsdecode("Müller".encode("latin-1"))
needs_bytes_as_names = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The line with which `ribfrac` refuses wrong input, the last one."""
    assert main([str(argument) for argument in arguments]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    return line


@needs_bytes_as_names
@pytest.mark.parametrize("option", ["--output", "--weights", "--preset"])
def test_a_name_that_is_written_must_be_utf8(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (scan,) = write_scans(tmp_path, ["a"])
    named = {"--output": tmp_path / "out", "--weights": tmp_path / "none.pth", option: tmp_path / LATIN_1}
    line = refused(capsys, "detect", scan, *(word for pair in named.items() for word in pair))
    assert "not UTF-8" in line
    assert files_of(tmp_path) == ["a.nii.gz"]


@needs_bytes_as_names
def test_a_name_that_is_not_utf8_does_not_end_a_batch(busy_weights: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    paths = write_scans(scans, ["a", "b", "c"])
    paths[1].rename(scans / f"{LATIN_1}.nii.gz")
    run = ribfrac("detect", scans, "--output", tmp_path / "out", "--weights", busy_weights, *SMALL)
    assert run.returncode == 2, run.stderr
    assert "M\\udcfcller.nii.gz: the name is not UTF-8" in run.stderr
    assert "3 scans: 2 detected in" in run.stdout


@pytest.mark.parametrize("place", ["input", "output", "predictions", "ground truth"])
def test_an_empty_path_is_not_the_current_directory(
    place: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scan,) = write_scans(tmp_path, ["a"])
    monkeypatch.chdir(tmp_path)
    arguments = {
        "input": ["detect", "", "--output", "out"],
        "output": ["detect", scan, "--output", ""],
        "predictions": ["evaluate", "", ".", "--metric", "center", "--output", "out"],
        "ground truth": ["evaluate", ".", "", "--metric", "center", "--output", "out"],
    }[place]
    assert "empty path" in refused(capsys, *arguments)
    assert files_of(tmp_path) == ["a.nii.gz"]


@pytest.mark.parametrize("command_of", ["detect", "evaluate", "info"])
def test_a_name_longer_than_any_file_system_takes(
    command_of: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = tmp_path / f"{'x' * 300}.nii.gz"
    arguments = {
        "detect": ["detect", name, "--output", tmp_path],
        "evaluate": ["evaluate", name, tmp_path, "--metric", "center", "--output", tmp_path],
        "info": ["info", name],
    }[command_of]
    assert "cannot be looked at" in refused(capsys, *arguments)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_without_standard_streams(closed: str, tmp_path: Path) -> None:
    line = shlex.join(command("detect", tmp_path / "none.nii", "--output", tmp_path / "out"))
    run = subprocess.run(
        ["sh", "-c", f"{line} {closed}"], env=environment(), capture_output=True, check=False
    )
    assert run.returncode == 2, run.stderr
    told = run.stderr.decode().splitlines()
    assert told == [] if "2>&-" in closed else len(told) == 1


def test_a_weights_file_may_have_commas_in_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "Doe, Jane"
    folder.mkdir()
    weights = folder / "fold0,1.pth"
    weights.touch()
    assert names_of_weights(str(weights)) == [str(weights)]
    assert names_of_weights(f"{tmp_path / 'a.pth'},b") == [str(tmp_path / "a.pth"), "b"]
    assert names_of_weights("a" * 300 + ",b") == ["a" * 300, "b"]
    assert names_of_weights(None) == [None]
