"""`ribfrac evaluate` as a process: exit status, one-line messages, files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.evaluation_data import write_simulated_runs
from ribfrac_testing.reference import REPOSITORY


def ribfrac(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "RibFracDetectorLib", *map(str, arguments)]
    return subprocess.run(
        command, cwd=REPOSITORY / "RibFracDetector", capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_simulated_runs(tmp_path_factory.mktemp("folders"), 4)


@pytest.mark.slow
def test_metrics_repeated_or_in_a_list(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for number, options in enumerate((["--metric", "center,map"], ["--metric", "center", "--metric", "map"])):
        output = tmp_path / str(number)
        done = ribfrac("evaluate", *folders, *options, "--output", output, "--bootstrap", 20)
        assert done.returncode == 0, done.stderr
        assert {"center.json", "map.json", "report.html"} <= {path.name for path in output.iterdir()}
        mean = json.loads((output / "center.json").read_text())["det"]["froc"]["mean"]
        assert f"{mean:.4f}" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "accuracy"], "unknown"),
        (["--metric", "center", "--classes", "one"], "--classes"),
        (["--metric", "center", "--bootstrap", "-1"], "--bootstrap"),
        (["--metric", "map", "--compare", "x"], "--compare"),
        (["--metric", "center", "--compare", "nowhere"], "no folder"),
        (["--metric", "ribfrac"], "no instance mask"),
    ],
)
def test_wrong_input_is_status_2_and_one_line(
    folders: tuple[Path, Path], tmp_path: Path, options: list[str], message: str
) -> None:
    done = ribfrac("evaluate", *folders, *options, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("second", ["second/run", "third=second/run"])
def test_two_runs_of_one_name_are_not_compared(
    second: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """Both would be one line in the report; another name makes them two."""
    other, _ = write_simulated_runs(tmp_path / "second", 4, seed=5)
    name, separator, _ = second.partition("=")
    compared = f"{name}={other}" if separator else other
    options = ["--metric", "center", "--bootstrap", 5, "--compare", compared, "--output", tmp_path / "out"]
    done = ribfrac("evaluate", *folders, *options)
    if separator:
        assert done.returncode == 0, done.stderr
        assert "det, third" in (tmp_path / "out" / "report.html").read_text()
    else:
        assert done.returncode == 2
        assert "two runs are named run" in done.stderr
        assert f"--compare second={other}" in done.stderr


def test_a_missing_folder_is_status_2(folders: tuple[Path, Path], tmp_path: Path) -> None:
    folder, output = tmp_path / "none", tmp_path / "out"
    done = ribfrac("evaluate", folder, folders[1], "--metric", "center", "--output", output)
    assert done.returncode == 2
    assert "is no folder" in done.stderr
    assert not output.exists()


def test_center_and_ribfrac_need_no_torch(folders: tuple[Path, Path], tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['torch'] = sys.modules['monai'] = None;"
        "from RibFracDetectorLib.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["evaluate", *folders, "--metric", "center", "--output", tmp_path / "out", "--bootstrap", 5]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=REPOSITORY / "RibFracDetector",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
