"""The table that ends `ribfrac detect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ribfrac_testing.evaluation_data import write_findings_file
from RibFracDetectorLib.case.findings_file import read_findings
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.commands.findings_table import SHOWN, print_findings

BOX = (10, 10, 10, 30, 30, 20)


def told(folder: Path, scores: list[float], threshold: float, capsys: pytest.CaptureFixture[str]) -> str:
    path = write_findings_file(folder, "chest", [(BOX, score) for score in scores], threshold=threshold)
    print_findings(read_findings(path))
    return capsys.readouterr().out


def test_a_row_tells_where_a_finding_is_how_large_and_who_saw_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = Grid((100, 100, 100), (0.5, 1.0, 2.0), origin=(100.0, 200.0, 300.0))
    path = write_findings_file(tmp_path, "chest", [(BOX, 0.9)], grid=grid)
    content = json.loads(path.read_text())
    content["findings"][0] |= {"head": "both", "volume_mm3": 321.4, "flags": ["near spine"]}
    path.write_text(json.dumps(content))
    print_findings(read_findings(path))
    (row,) = (line for line in capsys.readouterr().out.splitlines() if "0.90" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["1", "0.90", "15", "-110, -220, 330", "10 × 20 × 20", "321", "box + mask", "near spine"]


def test_of_many_findings_the_first_are_listed_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(tmp_path, [0.9 - number / 100 for number in range(SHOWN + 2)], 0.1, capsys)
    assert text.count("│ box ") == SHOWN
    assert "… and 2 more in the findings file." in text


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
