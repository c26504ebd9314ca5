"""The campaign's comparison of the fast path with every window in float32, on findings files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ribfrac_testing.campaigns import Campaign
from ribfrac_testing.evaluation_data import write_findings_file

HERE, THERE = (10, 10, 10, 30, 30, 30), (100, 100, 100, 120, 120, 120)
THRESHOLD = 0.5


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "fast", tmp_path / "thorough"


def test_partners_differ_by_their_largest_side_and_score(campaign: Campaign, runs: tuple[Path, Path]) -> None:
    fast, thorough = runs
    write_findings_file(fast, "a", [(HERE, 0.51), (THERE, 0.9)], threshold=THRESHOLD)
    write_findings_file(thorough, "a", [(THERE, 0.88), ((10, 10, 10, 30, 33, 30), 0.47)])
    compared = campaign("fidelity").compare_runs(fast, thorough)
    assert compared["without_partner"] == 0
    assert (compared["scans"], compared["findings"]) == (1, 2)
    assert compared["partner_below_threshold"] == 1
    assert compared["largest_box_difference_voxels"] == 3
    assert compared["largest_score_difference"] == pytest.approx(0.04)


@pytest.mark.parametrize("alone", [0, 1])
def test_a_finding_of_either_run_without_a_partner_is_told(
    campaign: Campaign, runs: tuple[Path, Path], alone: int
) -> None:
    write_findings_file(runs[alone], "a", [(HERE, 0.8), (THERE, 0.6)])
    write_findings_file(runs[1 - alone], "a", [(HERE, 0.8)])
    compared = campaign("fidelity").compare_runs(*runs)
    assert (compared["findings"], compared["without_partner"]) == (2, 1)


def test_what_is_below_the_threshold_in_both_does_not_count(
    campaign: Campaign, runs: tuple[Path, Path]
) -> None:
    write_findings_file(runs[0], "a", [(HERE, 0.49)], threshold=THRESHOLD)
    write_findings_file(runs[1], "a", [((10, 10, 10, 30, 36, 30), 0.1), (THERE, 0.3)])
    compared = campaign("fidelity").compare_runs(*runs)
    assert (compared["findings"], compared["without_partner"]) == (0, 0)
    assert compared["largest_box_difference_voxels"] == 0


def test_scans_are_told_apart_and_added_up(campaign: Campaign, runs: tuple[Path, Path]) -> None:
    for folder, score in zip(runs, (0.8, 0.7), strict=True):
        write_findings_file(folder, "a", [(HERE, 0.8)])
        write_findings_file(folder, "b", [(HERE, score), (THERE, 0.6)])
    write_findings_file(runs[0], "c", [(HERE, 0.9)])
    write_findings_file(runs[1], "c", [])
    compared = campaign("fidelity").compare_runs(*runs)
    assert (compared["scans"], compared["findings"], compared["without_partner"]) == (3, 4, 1)
    assert compared["largest_score_difference"] == pytest.approx(0.1)


def test_each_run_tells_what_it_took(campaign: Campaign, runs: tuple[Path, Path]) -> None:
    for folder, engine, windows in zip(runs, ("openvino", "torch"), (30, 90), strict=True):
        for case in ("a", "b"):
            path = write_findings_file(folder, case, [])
            content = json.loads(path.read_text())
            content["provenance"] |= {"engine": engine, "windows": windows}
            path.write_text(json.dumps(content))
    compared = campaign("fidelity").compare_runs(*runs)
    assert compared["first"] == {"computed_by": ["fp32 on cpu by openvino"], "windows": 60}
    assert compared["second"] == {"computed_by": ["fp32 on cpu by torch"], "windows": 180}


def test_runs_of_different_scans_are_refused(campaign: Campaign, runs: tuple[Path, Path]) -> None:
    write_findings_file(runs[0], "a", [])
    write_findings_file(runs[1], "b", [])
    with pytest.raises(SystemExit, match="different scans"):
        campaign("fidelity").compare_runs(*runs)
