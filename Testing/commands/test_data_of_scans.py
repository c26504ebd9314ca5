"""`ribfrac evaluate` on scans of which the data set says that they are simulated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.evaluation_data import write_ins2cls, write_rois

BOX = (2, 3, 4, 8, 9, 9)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Results of one scan in `run`, its ground truth in `truth`."""
    write_ins2cls(tmp_path / "truth", "a", [BOX])
    write_rois(tmp_path / "run", "a", [(BOX, 0.9)])
    return tmp_path


def write_split_file(root: Path) -> Path:
    path = root / "truth" / "dataset.json"
    path.write_text(json.dumps({"training": [], "test": ["a"], "data": "simulated"}))
    return path


def split_file(root: Path) -> tuple[Path, str]:
    path = write_split_file(root)
    return path, f"the split file {path}"


def split_file_in_its_folder(root: Path) -> tuple[Path, str]:
    path = write_split_file(root)
    return path.parent, f"the split file {path}"


def record(root: Path) -> tuple[Path, str]:
    path = root / "truth" / "a_simulation.json"
    path.write_text("{}")
    return path.parent, f"the record {path}"


def split_file_without_data_and_record(root: Path) -> tuple[Path, str]:
    _, source = record(root)
    path = root / "truth" / "dataset.json"
    path.write_text(json.dumps({"training": [], "test": ["a"]}))
    return path, source


@pytest.mark.parametrize(
    "says_simulated", [split_file, split_file_in_its_folder, record, split_file_without_data_and_record]
)
def test_simulated_scans_cannot_be_called_real(says_simulated, root: Path) -> None:
    truth, source = says_simulated(root)
    out = root / "out"
    options = ["--metric", "center", "--bootstrap", "5", "--output", out]
    done = ribfrac("evaluate", root / "run", truth, *options, "--data", "real")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"--data real: {source} says that its scans are simulated; leave --data out" in line
    assert not out.exists()


def test_simulated_scans_are_told_as_such_without_the_option(root: Path) -> None:
    truth, _ = record(root)
    out = root / "out"
    options = ["--metric", "center", "--bootstrap", "5", "--output", out]
    done = ribfrac("evaluate", root / "run", truth, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "threshold_table.json").read_text())["measured_on"]["data"] == "simulated"
    assert "simulated" in (out / "report.html").read_text()
