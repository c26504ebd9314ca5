"""What `ribfrac test` refuses before it detects in anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ribfrac_testing.batch_data import write_dataset
from ribfrac_testing.command_line import SMALL
from RibFracDetectorLib.cli import main


@pytest.fixture
def arguments(busy_weights: Path, tmp_path: Path) -> list[str]:
    """A test of one scan, into `out`."""
    write_dataset(tmp_path / "data", [], ["x"])
    words = ["test", "smoke", busy_weights, "~data.simulated", f"data.folder={tmp_path / 'data'}"]
    return [str(word) for word in (*words, *SMALL, "--output", tmp_path / "out")]


def test_a_negative_number_of_draws(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*arguments, "--bootstrap", "-1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--bootstrap -1" in line
    assert not (tmp_path / "out").exists()


def test_simulated_scans_that_are_called_real(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*arguments, "--data", "real"]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "dataset.json says that its scans are simulated; leave --data out" in line
    assert not (tmp_path / "out").exists()


def test_the_output_is_a_file(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("keep me")
    assert main(arguments) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line
    assert (tmp_path / "out").read_text() == "keep me"


@pytest.mark.parametrize("content", ['{"provenance": []}', '{"provenance": {"weights": {"sha256": "0"}}}'])
def test_findings_of_another_making_in_the_folder(
    content: str, arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    findings = tmp_path / "out" / "x_image_findings.json"
    for path in (findings, findings.with_name("x_findings.json")):
        path.write_text(content)
    assert main(arguments) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "were made with other weights or settings" in line
    assert json.loads(findings.read_text()) == json.loads(content)
