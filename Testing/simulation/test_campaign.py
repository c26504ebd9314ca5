"""The campaign reads only what its own weights have found, and refuses before hours of work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.campaigns import Campaign
from ribfrac_testing.evaluation_data import write_findings_file
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.training_runs import environment
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reviewed_case import file_sha256

BOX = (10, 10, 10, 30, 30, 30)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file that stands for weights; nothing here comes to load them."""
    path = tmp_path / "weights.pth"
    path.write_bytes(b"of a network")
    return path


def accuracy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the campaign to its end."""
    script = REPOSITORY / "Testing" / "Campaigns" / "accuracy.py"
    path = environment()["PYTHONPATH"] + f":{REPOSITORY / 'Testing'}"
    return subprocess.run(
        [sys.executable, script, *arguments],
        env=environment(PYTHONPATH=path),
        capture_output=True,
        encoding="utf-8",
    )


def test_a_part_without_the_threshold_that_it_needs_is_refused(tmp_path: Path, weights: Path) -> None:
    wanted = ("--weights", weights, "--parts", "held-out", "bodies")
    run = accuracy("--output", tmp_path / "out", *wanted)
    assert run.returncode == 2
    assert run.stderr == (
        "accuracy.py: --parts held-out bodies: no threshold was fixed yet, which held-out needs; add "
        "validation\n"
    )
    assert not (tmp_path / "out").exists()


def test_missing_weights_are_told_in_one_line(tmp_path: Path) -> None:
    run = accuracy("--output", tmp_path / "out", "--weights", tmp_path / "nope.pth")
    assert run.returncode == 2
    assert "nope.pth" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_command_that_fails_ends_the_campaign_with_its_line_and_status(
    tmp_path: Path, weights: Path
) -> None:
    data = tmp_path / "out" / "validation" / "data"
    data.mkdir(parents=True)
    (data / "thesis.txt").write_text("precious")
    run = accuracy("--output", tmp_path / "out", "--weights", weights, "--parts", "validation")
    assert run.returncode == 2
    assert "thesis.txt" in run.stderr
    assert run.stderr.count("\n") == 1


def write_result(folder: Path, case: str, sha256: str, found: tuple = ()) -> None:
    """Findings of a scan, made by the weights with that SHA-256."""
    path = write_findings_file(folder, case, found)
    content = json.loads(path.read_text())
    content["provenance"]["weights"][0]["sha256"] = sha256
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("case", "sha256", "words"),
    [
        ("chest_1", "1" * 64, "chest_1, found by the weights 111111111111, "),
        ("other", None, "other, which is not among the scans"),
    ],
)
def test_results_of_other_weights_or_scans_are_refused(
    campaign: Campaign, tmp_path: Path, weights: Path, case: str, sha256: str | None, words: str
) -> None:
    scan = tmp_path / "chest 1.nii.gz"
    scan.touch()
    write_result(tmp_path / "results", case, sha256 or file_sha256(weights))
    with pytest.raises(InputError, match=words) as caught:
        campaign("commands").detect([scan], tmp_path / "results", str(weights))
    assert "\n" not in str(caught.value)


def test_results_of_the_same_weights_are_gone_on_with(
    campaign: Campaign, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands, begun = campaign("commands"), []
    monkeypatch.setattr(commands, "_ribfrac", lambda *arguments: begun.append(arguments[0]))
    split = tmp_path / "dataset.json"
    split.write_text(json.dumps({"training": [], "test": ["data/chest_1"]}))
    write_result(tmp_path / "results", "chest_1", file_sha256(weights))
    commands.detect([split], tmp_path / "results", str(weights))
    assert begun == ["detect"]


def test_scans_of_any_name_and_cases_without_a_sham_are_counted(campaign: Campaign, tmp_path: Path) -> None:
    write_findings_file(tmp_path / "untouched", "chest_1", [(BOX, 0.9)])
    (tmp_path / "data").mkdir()
    for number, places in enumerate([[(20, 20, 20), (90, 90, 90)], []]):
        write_findings_file(tmp_path / "results", f"sim_{number}", [((80, 80, 80, 99, 99, 99), 0.9)])
        record = {"ct": "/scans/chest 1.nii.gz", "shams": [{"centre": place} for place in places]}
        (tmp_path / "data" / f"sim_{number}_simulation.json").write_text(json.dumps(record))
    counted = campaign("shams").count_at_places(tmp_path, tmp_path / "untouched", 0.5)
    assert counted == {"places": 2, "raised_by_sham": 1, "raised_untouched": 1, "raised_by_sham_alone": 1}
