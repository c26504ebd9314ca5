"""The tool that prints what was found beside what is known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ribfrac_testing.evaluation_data import (
    RESULT_COLUMNS,
    labels_of_boxes,
    write_findings_file,
    write_ins2cls,
    write_rois,
    write_rows,
    write_volume,
)
from ribfrac_testing.reference import REPOSITORY

FRACTURES = [(10, 10, 10, 30, 30, 20), (100, 50, 40, 120, 70, 52)]
NEAR_THE_FIRST, ELSEWHERE = (12, 11, 9, 31, 29, 19), (200, 200, 60, 210, 210, 70)


def beside_truth(results: Path, truth: Path) -> subprocess.CompletedProcess[str]:
    """Run it as `make detect` does."""
    command = [sys.executable, REPOSITORY / "tools" / "beside_truth.py", results, truth]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


def test_found_missed_and_invented(tmp_path: Path) -> None:
    write_ins2cls(tmp_path / "truth", "chest", FRACTURES, [1, 3])
    write_findings_file(tmp_path / "results", "chest", [(NEAR_THE_FIRST, 0.82), (ELSEWHERE, 0.31)])
    run = beside_truth(tmp_path / "results", tmp_path / "truth")
    first, _, displaced, buckle, elsewhere = run.stdout.splitlines()
    assert first == "chest: 1 of 2 known fractures found, 1 findings elsewhere"
    assert displaced.split() == ["1", "displaced", "20,", "20,", "15", "20", "×", "20", "×", "10", "0.82"]
    assert buckle.split() == ["2", "buckle", "110,", "60,", "46", "20", "×", "20", "×", "12", "not", "found"]
    assert elsewhere.split() == ["elsewhere:", "scores", "0.31"]


def test_what_the_model_hides_does_not_count(tmp_path: Path) -> None:
    write_ins2cls(tmp_path / "truth", "chest", FRACTURES)
    scored = [(NEAR_THE_FIRST, 0.82), (ELSEWHERE, 0.5), (FRACTURES[1], 0.49)]
    write_findings_file(tmp_path / "results", "chest", scored, threshold=0.5)
    run = beside_truth(tmp_path / "results", tmp_path / "truth")
    assert run.stdout.startswith("chest: 1 of 2 known fractures found, 1 findings elsewhere")


def boxes_alone(results: Path) -> None:
    write_rois(results, "chest", [(ELSEWHERE, 0.31)])


def submission(results: Path) -> None:
    write_volume(results / "chest.nii.gz", labels_of_boxes((40, 40, 30), [NEAR_THE_FIRST]))
    write_rows(results / "pred.csv", RESULT_COLUMNS, [["chest", 1, 0.9, 1]])


@pytest.mark.parametrize("write", [boxes_alone, submission])
def test_results_without_findings(write: Callable[[Path], None], tmp_path: Path) -> None:
    write_ins2cls(tmp_path / "truth", "chest", FRACTURES)
    write(tmp_path / "results")
    run = beside_truth(tmp_path / "results", tmp_path / "truth")
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert "no chest_findings.json" in run.stderr


def test_no_common_case(tmp_path: Path) -> None:
    write_ins2cls(tmp_path / "truth", "chest", FRACTURES)
    write_findings_file(tmp_path / "results", "another", [(ELSEWHERE, 0.31)])
    run = beside_truth(tmp_path / "results", tmp_path / "truth")
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert "expected a common one" in run.stderr
