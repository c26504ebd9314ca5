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
from RibFracDetectorLib.evaluation.cases import Lesions, no_detections
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.worst_cases import WorstCase, case_figure, find_ct


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
