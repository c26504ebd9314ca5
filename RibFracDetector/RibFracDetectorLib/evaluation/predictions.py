"""The saved results of a run, as a folder holds them: our case files, the original's, or a submission.

A folder gives named lists of detections: `det` and `seg` from the original's two JSON files (spec 5.6),
`findings` from `{case}_findings.json` or from the masks and table of a RibFrac submission.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.findings import CaseFindings
from ..case.findings_file import read_findings
from ..case.masks import read_mask
from .boxes import box_centers, mask_boxes
from .cases import Detections
from .result_entries import detections_of, read_entries
from .ribfrac_files import RibFracFolder, read_submission

LARGEST_LABEL = 1_000_000
"""Labels are counted from 1, so that memory grows with the largest."""
LISTS = ("det", "seg", "findings")
_SEED_FILE = re.compile(r"(?P<case>.+?)(?P<half>_fp16)?_(?P<list>det|seg)_roi_infos\.json")
_FINDINGS_FILE = re.compile(r"(?P<case>.+)_findings\.json")


@dataclass
class CaseResult:
    """The result files of one scan.

    Attributes:
        lists: its detections by the name of the list.
        findings: the content of `_findings.json`.
        seg_mask: `_roi_seg_mask.nii.gz`, binary.
        instances: `_instances.nii.gz`, or the mask of a submission; value = finding id or label.
    """

    lists: dict[str, Detections] = field(default_factory=dict)
    findings: CaseFindings | None = None
    seg_mask: Path | None = None
    instances: Path | None = None


@dataclass(frozen=True)
class Predictions:
    """The results of one run.

    Attributes:
        folder: where they lie.
        cases: by case id, ascending.
        half: whether the original's files are those of half precision (`_fp16`).
        submission: the table and masks, if the folder is a submission.
    """

    folder: Path
    cases: dict[str, CaseResult]
    half: bool = False
    submission: RibFracFolder | None = None

    @property
    def lists(self) -> list[str]:
        """The lists that any case has."""
        return [name for name in LISTS if any(name in case.lists for case in self.cases.values())]


def read_predictions(folder: Path, precision: str = "auto") -> Predictions:
    """Read a folder of results; masks are opened only where boxes cannot be had otherwise.

    Args:
        folder: flat, as the commands write it.
        precision: `fp32` or `fp16` where the folder holds the original's files of both.

    Raises:
        InputError: no folder, no result in it, a broken file, or both precisions without a choice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected a folder of result files")
    names = sorted(path.name for path in folder.iterdir())
    half = _is_half(folder, names, precision)
    cases = _seed_cases(folder, names, half)
    for name in names:
        if match := _FINDINGS_FILE.fullmatch(name):
            case = cases.setdefault(match["case"], CaseResult())
            case.findings = read_findings(folder / name)
            case.lists["findings"] = _detections_of_findings(case.findings)
    if not cases:
        return _read_submission(folder)
    for case_id, case in cases.items():
        _add_masks(folder, case_id, case, half)
    return Predictions(folder, dict(sorted(cases.items())), half)


def _seed_matches(names: Sequence[str]) -> Iterator[re.Match[str]]:
    return (match for name in names if (match := _SEED_FILE.fullmatch(name)))


def _is_half(folder: Path, names: Sequence[str], precision: str) -> bool:
    found = {bool(match["half"]) for match in _seed_matches(names)}
    if precision != "auto":
        return precision == "fp16"
    if len(found) == 2:
        raise InputError(f"{folder} holds results of fp32 and of fp16; choose one with --precision")
    return found == {True}


def _seed_cases(folder: Path, names: Sequence[str], half: bool) -> dict[str, CaseResult]:
    cases: dict[str, CaseResult] = {}
    for match in _seed_matches(names):
        if bool(match["half"]) == half:
            path = folder / match.string
            case = cases.setdefault(match["case"], CaseResult())
            case.lists[match["list"]] = detections_of(read_entries(path), path)
    return cases


def _detections_of_findings(content: CaseFindings) -> Detections:
    findings = content.findings
    boxes = np.array([finding.box_voxels for finding in findings], dtype=np.float64).reshape(-1, 6)
    return Detections(
        boxes=boxes,
        centers=box_centers(boxes),
        scores=np.array([finding.score for finding in findings], dtype=np.float64),
        classes=np.array([finding.class_id for finding in findings], dtype=np.int64),
    )


def _add_masks(folder: Path, case_id: str, case: CaseResult, half: bool) -> None:
    files = CaseFiles(folder, case_id, half)
    case.seg_mask = files.seg_mask if files.seg_mask.is_file() else None
    case.instances = files.instances if files.instances.is_file() else None


def _read_submission(folder: Path) -> Predictions:
    submission = read_submission(folder)
    if submission is None:
        raise InputError(
            f"{folder} holds no results; expected *_det_roi_infos.json, *_seg_roi_infos.json, "
            "*_findings.json, or the masks and the .csv of a RibFrac submission"
        )
    cases = {
        case_id: CaseResult({"findings": _submitted(submission, case_id)}, instances=path)
        for case_id, path in submission.masks.items()
    }
    if not cases:
        raise InputError(f"{folder} has a table but no mask; expected one CASE.nii.gz a case")
    return Predictions(folder, cases, submission=submission)


def _submitted(submission: RibFracFolder, case_id: str) -> Detections:
    """The labels of a submitted mask as boxes; a label without voxels has none."""
    path = submission.masks[case_id]
    labels, _ = read_mask(path)
    values, boxes = mask_boxes(label_array(labels, path))
    rows = submission.rows.get(case_id, {})
    missing = [int(value) for value in values if value not in rows]
    if missing:
        raise InputError(f"{path}: labels {missing} have no row in the table; add rows or erase the labels")
    return Detections(
        boxes=boxes,
        centers=box_centers(boxes),
        scores=np.array([rows[value].confidence for value in values], dtype=np.float64),
        classes=np.array([rows[value].label_code for value in values], dtype=np.int64),
    )


def label_array(labels: np.ndarray, path: Path) -> np.ndarray:
    """An instance mask with whole numbers >= 0, whatever type the file has.

    Raises:
        InputError: a value is negative, no whole number, or above `LARGEST_LABEL`.
    """
    whole = labels if labels.dtype.kind in "ui" else labels.astype(np.int32)
    if (whole is not labels and (whole != labels).any()) or whole.min(initial=0) < 0:
        raise InputError(f"{path}: an instance mask holds whole numbers from 0; this one holds others")
    if whole.max(initial=0) > LARGEST_LABEL:
        raise InputError(
            f"{path}: the label {whole.max()}, at most {LARGEST_LABEL} is expected; renumber the labels"
        )
    return whole
