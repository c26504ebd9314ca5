"""Each scan of the ground truth with its result, and what could not be paired.

A scan without a result counts as one without findings: leaving out the scans on which a detector
failed would flatter it. `missing="skip"` is the original's rule (spec 6). Either way the ids are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..case.errors import InputError
from .cases import Detections, Lesions, no_detections
from .ground_truth import GroundTruth
from .predictions import CaseResult, Predictions

MISSING_POLICIES = ("count", "skip")
_IMAGE_ENDING = re.compile(r"[_-]image$", re.IGNORECASE)


@dataclass(frozen=True)
class PairedList:
    """One list of detections of a run beside the ground truth, scan by scan.

    Attributes:
        case_ids, lesions, detections: parallel, by ascending id.
        missing: ids of the scans of the ground truth that have no file of this list.
    """

    case_ids: list[str]
    lesions: list[Lesions]
    detections: list[Detections]
    missing: list[str]


def named_as_truth(truth: GroundTruth, predictions: Predictions) -> Predictions:
    """The results under the ids of the ground truth.

    Case ids are made of file names, which in the layouts of RibFrac and the seed end with `-image` or
    `_image`; their ground truth lacks that. A submission has the challenge's ids already.

    Raises:
        InputError: two results are then of one scan.
    """
    if predictions.submission is not None:
        return predictions
    cases: dict[str, CaseResult] = {}
    for case_id, result in predictions.cases.items():
        bare = _IMAGE_ENDING.sub("", case_id)
        name = bare if case_id not in truth.cases and bare in truth.cases else case_id
        if name in cases:
            raise InputError(f"{predictions.folder} has two results for scan {name}; remove one")
        cases[name] = result
    return replace(predictions, cases=dict(sorted(cases.items())))


def check_common_cases(truth: GroundTruth, predictions: Predictions) -> None:
    """Refuse folders that do not belong together.

    Raises:
        InputError: they have no scan in common.
    """
    if not truth.cases.keys() & predictions.cases.keys():
        raise InputError(
            f"no scan of {predictions.folder} ({_some(predictions.cases)}) is in the ground truth "
            f"({_some(truth.cases)}); check the case ids"
        )


def paired_list(
    truth: GroundTruth, predictions: Predictions, name: str, classes: frozenset[int], missing: str
) -> PairedList:
    """Pair the list `name` with the lesions of `classes`.

    Raises:
        InputError: `missing` leaves no scan.
    """
    have = {case_id for case_id, case in predictions.cases.items() if name in case.lists}
    absent = [case_id for case_id in truth.cases if case_id not in have]
    ids = [case_id for case_id in truth.cases if missing == "count" or case_id in have]
    if not ids:
        raise InputError(
            f"no scan of the ground truth has a result '{name}'; use --missing count or add results"
        )
    return PairedList(
        case_ids=ids,
        lesions=[truth.cases[case_id].of_classes(classes) for case_id in ids],
        detections=[
            predictions.cases[case_id].lists[name] if case_id in have else no_detections() for case_id in ids
        ],
        missing=absent,
    )


def pairing_facts(
    truth: GroundTruth, predictions: Predictions, classes: frozenset[int], missing: str
) -> dict[str, Any]:
    """What every result file says about its data: counts, scans left over on either side, dropped classes."""
    stated = [case.of_classes(frozenset()) for case in truth.cases.values()]
    all_classes = np.concatenate(
        [case.classes for case in truth.cases.values()] or [np.empty(0, dtype=np.int64)]
    )
    kept = sum(len(case.of_classes(classes)) for case in truth.cases.values())
    dropped = sorted({int(value) for value in all_classes if value and value not in classes})
    return {
        "ground_truth_layout": truth.layout,
        "scans": len(truth.cases),
        "lesions": kept,
        "lesions_of_unknown_class": sum(len(case) for case in stated),
        "classes": sorted(classes),
        "dropped_lesions_by_class": {value: int(np.count_nonzero(all_classes == value)) for value in dropped},
        "missing_policy": missing,
        "scans_without_result": sorted(truth.cases.keys() - predictions.cases.keys()),
        "results_without_ground_truth": sorted(predictions.cases.keys() - truth.cases.keys()),
        "notes": list(truth.notes),
    }


def _some(ids: Iterable[str]) -> str:
    ordered = sorted(ids)
    return ", ".join(ordered[:3]) + (", ..." if len(ordered) > 3 else "")
