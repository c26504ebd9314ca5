"""The pictures of the worst cases: which CT lies behind the boxes, and names of all kinds in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.bad_inputs import small_ct
from ribfrac_testing.review_cases import small_scan, store_case
from RibFracDetectorLib.case.findings import CtReference
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.evaluation.cases import Detections, Lesions, no_detections
from RibFracDetectorLib.evaluation.pairing import PairedList
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.worst_cases import WorstCase, case_figure, find_ct, worst_cases


def missed(case_id: str = "case") -> WorstCase:
    """A scan with one lesion and no detection."""
    lesions = Lesions(np.array([[2.0, 2, 2, 8, 8, 8]]), np.array([[5.0, 5, 5]]), np.array([1]), np.array([1]))
    return WorstCase(case_id, lesions, no_detections(), 0.5, 1, 0)


def title_of_picture(results: Path, ground_truth: Path) -> str:
    """What the picture of `case` says of its background."""
    ct = find_ct("case", ground_truth, read_predictions(results).cases["case"])
    return case_figure(missed(), ct).get_suptitle()


def test_the_ct_of_the_findings_is_shown(tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    assert "maximum projection of the CT" in title_of_picture(stored.files.folder, tmp_path / "truth")


@pytest.mark.parametrize("changed", ["voxels", "grid"])
def test_a_file_that_holds_another_ct_now_is_not_shown(changed: str, tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    scan = small_scan()
    changes = {"voxels": {"array": scan.array[::-1]}, "grid": {"spacing": (1.5, 1.5, 2.5)}}
    replace(scan, **changes[changed]).write(tmp_path / "case.nii.gz")
    title = title_of_picture(stored.files.folder, tmp_path / "truth")
    assert "boxes only" in title
    assert "holds another one" in title


def test_a_path_that_no_file_system_takes_is_passed_over(tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    findings = stored.files.findings
    findings.write_text(findings.read_text().replace("case.nii.gz", f"{'x' * 300}.nii.gz"))
    assert "boxes only" in title_of_picture(stored.files.folder, tmp_path / "truth")


def test_findings_name_their_ct_wherever_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_ct().write(tmp_path / "scan.nii.gz")
    monkeypatch.chdir(tmp_path)
    assert CtReference.of(read_ct(Path("scan.nii.gz"))).path == str(tmp_path / "scan.nii.gz")


def scan(hits: list[float], missed: int, false: list[float]) -> tuple[Lesions, Detections]:
    """A scan with lesions that detections of these scores hit, others that none hits, and false positives."""
    places = np.arange(len(hits) + missed + len(false))[:, None] * 10.0
    boxes = np.hstack([np.repeat(places, 3, axis=1), np.repeat(places + 4, 3, axis=1)])
    centers = np.repeat(places + 2, 3, axis=1)
    real, found = slice(0, len(hits) + missed), [*range(len(hits)), *range(len(hits) + missed, len(boxes))]
    numbers = np.arange(len(hits) + missed) + 1
    lesions = Lesions(boxes[real], centers[real], np.ones_like(numbers), numbers)
    scores = np.array([*hits, *false], dtype=float)
    return lesions, Detections(boxes[found], centers[found], scores, np.zeros(len(found), dtype=int))


def test_the_scans_with_most_errors_come_first_and_none_without() -> None:
    scans = {
        "one false": scan([0.9], 0, [0.7]),
        "none": scan([0.5], 0, [0.4]),  # a hit at the score itself, a false positive below it
        "one missed": scan([], 1, []),
        "three": scan([0.3], 1, [0.8]),
    }
    lesions, detections = zip(*scans.values(), strict=True)
    paired = PairedList(list(scans), list(lesions), list(detections), [])
    found = worst_cases(paired, 0.5, 5)
    assert [(case.case_id, case.missed, case.false_positives) for case in found] == [
        ("three", 2, 1),
        ("one missed", 1, 0),
        ("one false", 0, 1),
    ]
    assert [case.case_id for case in worst_cases(paired, 0.5, 2)] == ["three", "one missed"]


def test_the_ct_beside_the_ground_truth_comes_first(tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    beside = small_scan().write(tmp_path / "case_image.nii.gz")
    found = find_ct("case", tmp_path, read_predictions(stored.files.folder).cases["case"])
    assert found is not None
    assert found.path == beside
