"""The scores of the RibFrac Challenge (Jin et al. 2020; rules of its public evaluation code, master).

The rule (written without a limit on instances: the public code wraps at 256):
- Intersection and union of the binarised masks are cut in 26-connected components. The IoU of a prediction
  and a fracture is their intersection component over the *whole* union component around it, so touching
  neighbours lower it. A component belongs to the labels at its first voxel, x slowest; of several
  pieces of one pair the last counts.
- Each prediction is assigned the fracture of its highest IoU, and hits it if the IoU exceeds 0.2.
- Every label from 1 to the largest counts, also one without voxels.
- Recall and false positives a scan are read at confidence thresholds 0.00, 0.01, ..., 0.99.
- The classification counts an assignment of any IoU above 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..case.errors import InputError
from .components import connected_components, raster_voxels
from .froc import CHALLENGE_POINTS
from .ribfrac_files import CLASS_NAMES, LabelRow

OFFICIAL_CODE = "M3DV/RibFrac-Challenge ribfrac/evaluation.py (master)"
IOU_THRESHOLD = 0.2
PREDICTED = ("Buckle", "Displaced", "Nondisplaced", "Segmental", "FN")
TRUE = ("Buckle", "Displaced", "Nondisplaced", "Segmental", "FP", "Ignore")
_EPSILON = 1e-8
_NOT_CLASSIFIED = ("Background", "Ignore")


@dataclass(frozen=True)
class ScoredLabel:
    """One predicted label: the fracture of its highest IoU (0 if it meets none), and both classes."""

    label: int
    max_iou: float
    hit_label: int
    confidence: float
    pred_class: str
    gt_class: str

    @property
    def is_hit(self) -> bool:
        """Whether it counts as a detection."""
        return self.max_iou > IOU_THRESHOLD


@dataclass(frozen=True)
class ScoredCase:
    """One scan: its labels, what the table says of the fractures, and voxel counts."""

    num_gt: int
    labels: tuple[ScoredLabel, ...]
    gt_classes: Mapping[int, str]
    intersection: int
    union: int
    gt_voxels: int
    predicted_voxels: int


def score_case(
    truth: NDArray[np.integer],
    predicted: NDArray[np.integer],
    truth_rows: Mapping[int, LabelRow],
    predicted_rows: Mapping[int, LabelRow],
) -> ScoredCase:
    """Match one scan.

    Args:
        truth, predicted: instance masks (x, y, z) in the order of their files, 0 is background.
        truth_rows, predicted_rows: table rows by label.

    Raises:
        InputError: the shapes differ, or a predicted label from 1 to the largest has no row.
    """
    if truth.shape != predicted.shape:
        raise InputError(f"the predicted mask has {predicted.shape} voxels, the ground truth {truth.shape}")
    n_predicted = int(predicted.max(initial=0))
    without_row = [label for label in range(1, n_predicted + 1) if label not in predicted_rows]
    if without_row:
        raise InputError(
            f"predicted labels {_shortened(without_row)} have no row in the table; the challenge wants one "
            f"for every label from 1 to the largest ({n_predicted}), also for those without voxels"
        )
    voxels = raster_voxels((truth > 0) | (predicted > 0))
    of_truth = truth[tuple(voxels.T)].astype(np.int64)
    of_prediction = predicted[tuple(voxels.T)].astype(np.int64)
    ious = _pair_ious(voxels, truth.shape, of_truth, of_prediction)
    num_gt = int(of_truth.max(initial=0))
    gt_classes = {label: CLASS_NAMES[row.label_code] for label, row in truth_rows.items()}
    labels = tuple(
        _scored_label(predicted_rows[label], ious.get(label, {}), gt_classes if num_gt else {})
        for label in range(1, n_predicted + 1)
    )
    return ScoredCase(
        num_gt=num_gt,
        labels=labels,
        gt_classes=gt_classes,
        intersection=int(np.count_nonzero((of_truth > 0) & (of_prediction > 0))),
        union=len(voxels),
        gt_voxels=int(np.count_nonzero(of_truth)),
        predicted_voxels=int(np.count_nonzero(of_prediction)),
    )


def _pair_ious(
    voxels: NDArray[np.int64],
    shape: tuple[int, ...],
    of_truth: NDArray[np.int64],
    of_prediction: NDArray[np.int64],
) -> dict[int, dict[int, float]]:
    """IoU by predicted label and true label, for the pairs that meet."""
    union = connected_components(voxels, shape)
    union_sizes = np.bincount(union)
    common = np.flatnonzero((of_truth > 0) & (of_prediction > 0))
    pieces = connected_components(voxels[common], shape)
    _, first, sizes = np.unique(pieces, return_index=True, return_counts=True)
    ious: dict[int, dict[int, float]] = {}
    for place, size in zip(common[first], sizes, strict=True):
        iou = size / (union_sizes[union[place]] + _EPSILON)
        ious.setdefault(int(of_prediction[place]), {})[int(of_truth[place])] = float(iou)
    return ious


def _scored_label(row: LabelRow, ious: Mapping[int, float], gt_classes: Mapping[int, str]) -> ScoredLabel:
    hit = min(ious, key=lambda label: (-ious[label], label), default=0)
    return ScoredLabel(
        label=row.label_id,
        max_iou=ious.get(hit, 0.0),
        hit_label=hit,
        confidence=row.confidence,
        pred_class=CLASS_NAMES[row.label_code],
        gt_class=gt_classes.get(hit, "FP"),
    )


def official_scores(cases: Mapping[str, ScoredCase]) -> dict[str, Any]:
    """All values of the challenge, under the keys of its evaluation; recalls are NaN without fractures."""
    thresholds = np.arange(0, 1, 0.01)  # not k / 100: the official comparison is with these very floats
    fp, recall = _curve(list(cases.values()), thresholds)
    key_recall = _recall_at(fp, recall, CHALLENGE_POINTS)
    confusion = confusion_matrix(cases.values())
    return {
        "official_code": OFFICIAL_CODE,
        "iou_threshold": IOU_THRESHOLD,
        "key_fp": list(CHALLENGE_POINTS),
        "key_recall": key_recall,
        "average_recall": float(np.mean(key_recall)),
        "max_recall": float(recall.max()),
        "average_fp_at_max_recall": float(fp.max()),
        "curve_threshold": [round(float(threshold), 2) for threshold in thresholds],
        "curve_fp": fp,
        "curve_recall": recall,
        **_overlap(cases.values()),
        **_f1_scores(confusion),
        "confusion_rows_pred": list(PREDICTED),
        "confusion_cols_gt": list(TRUE),
        "confusion": confusion,
        "cases": {case_id: case_id for case_id in cases},
        "per_case": {case_id: _case_entry(case_id, case) for case_id, case in cases.items()},
    }


def _case_entry(case_id: str, case: ScoredCase) -> dict[str, Any]:
    return {"name": case_id, "num_gt": case.num_gt, "predictions": [vars(label) for label in case.labels]}


def _curve(
    cases: Sequence[ScoredCase], thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False positives a scan and recall at each threshold."""
    best: dict[tuple[int, int], float] = {}
    wrong: list[float] = []
    for index, case in enumerate(cases):
        for label in case.labels:
            if label.is_hit:
                key = (index, label.hit_label)
                best[key] = max(best.get(key, -np.inf), label.confidence)
            else:
                wrong.append(label.confidence)
    hits, misses = _count_above(list(best.values()), thresholds), _count_above(wrong, thresholds)
    fractures = sum(case.num_gt for case in cases)
    fp = (misses + _EPSILON) / (len(cases) + _EPSILON)
    recall = (hits + _EPSILON) / (fractures + _EPSILON) if fractures else np.full(len(thresholds), np.nan)
    return fp, recall


def _count_above(values: Sequence[float], thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")


def _recall_at(fp: NDArray[np.float64], recall: NDArray[np.float64], points: Sequence[float]) -> list[float]:
    """Linear interpolation; below the smallest false positive rate 0, above the largest the best recall.

    The default (unstable) sort is on purpose: it is the official one, and decides which of several recalls at
    one false positive rate counts.
    """
    order = np.argsort(fp)
    fp, recall = fp[order], recall[order]
    values = []
    for point in points:
        below, above = np.flatnonzero(fp <= point), np.flatnonzero(fp >= point)
        if not len(below):
            values.append(0.0 if np.isfinite(recall).all() else np.nan)
        elif not len(above):
            values.append(float(recall.max()))
        else:
            low, high = below[-1], above[0]
            share = (point - fp[low]) / (fp[high] - fp[low] + _EPSILON)
            values.append(float(recall[low] + (recall[high] - recall[low]) * share))
    return values


def confusion_matrix(cases: Sequence[ScoredCase]) -> NDArray[np.float64]:
    """Predicted class (rows `PREDICTED`) against true class (columns `TRUE`)."""
    matrix = np.zeros((len(PREDICTED), len(TRUE)))
    for case in cases:
        for label in case.labels:
            if label.pred_class not in _NOT_CLASSIFIED:
                column = "FP" if label.gt_class == "Background" else label.gt_class
                matrix[PREDICTED.index(label.pred_class), TRUE.index(column)] += 1
        found = {label.hit_label for label in case.labels}
        for fracture, name in case.gt_classes.items():
            if fracture not in found and name != "Background":
                matrix[PREDICTED.index("FN"), TRUE.index(name)] += 1
    return matrix


def _f1_scores(confusion: NDArray[np.float64]) -> dict[str, float]:
    """Macro F1 over the four classes: of everything, without false positives, and without misses too."""
    right = np.diag(confusion)[:4]
    classified, with_misses = confusion[:4, :4], confusion[:, :4]
    return {
        "macro_average_F1": _macro_f1(right, confusion[:4, :5].sum(axis=1), with_misses.sum(axis=0)),
        "target_aware_F1": _macro_f1(right, classified.sum(axis=1), with_misses.sum(axis=0)),
        "prediction_aware_F1": _macro_f1(right, classified.sum(axis=1), classified.sum(axis=0)),
    }


def _macro_f1(right: NDArray[np.float64], predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    precision, recall = right / (predicted + _EPSILON), right / (true + _EPSILON)
    return float(np.mean(2 * precision * recall / (precision + recall + _EPSILON)))


def _overlap(cases: Sequence[ScoredCase]) -> dict[str, float]:
    """Dice and IoU of all voxels of all scans."""
    intersection = sum(case.intersection for case in cases)
    volumes = sum(case.gt_voxels + case.predicted_voxels for case in cases)
    union = sum(case.union for case in cases)
    return {"dice": 2 * intersection / (volumes + _EPSILON), "iou": intersection / (union + _EPSILON)}


def _shortened(labels: Sequence[int]) -> str:
    return ", ".join(str(label) for label in labels[:5]) + (", ..." if len(labels) > 5 else "")
