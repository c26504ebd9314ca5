"""The table that ends `ribfrac detect`."""

from __future__ import annotations

from pathlib import Path

import pytest
from ribfrac_testing.evaluation_data import write_findings_file
from RibFracDetectorLib.case.findings_file import read_findings
from RibFracDetectorLib.commands.findings_table import print_findings

BOX = (10, 10, 10, 30, 30, 20)


def told(folder: Path, scores: list[float], threshold: float, capsys: pytest.CaptureFixture[str]) -> str:
    path = write_findings_file(folder, "chest", [(BOX, score) for score in scores], threshold=threshold)
    print_findings(read_findings(path))
    return capsys.readouterr().out


def test_findings_below_the_threshold_are_counted_not_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(tmp_path, [0.9, 0.5, 0.3], 0.5, capsys)
    assert "chest: 2 findings" in text
    assert "0.90" in text
    assert "counted from 0 at the feet" in text
    assert "0.30" not in text
    assert "1 below the threshold 0.50 in the findings file." in text


def test_without_a_finding_above_it_the_hidden_ones_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(tmp_path, [0.3], 0.5, capsys)
    assert "no finding of 0.50 or more; this does not exclude a fracture" in text
    assert "1 below the threshold" in text


def test_a_model_without_threshold_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "below the threshold" not in told(tmp_path, [0.9, 0.01], 0.0, capsys)
