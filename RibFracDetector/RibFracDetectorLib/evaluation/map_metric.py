"""`--metric map`: average precision of boxes, by the original's rule and by COCO's as nnDetection uses it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .average_precision import MAX_DETECTIONS, coco_metrics, seed_average_precision
from .froc import LUNA_POINTS, distinct_thresholds, froc_curve, sensitivity_at
from .ground_truth import GroundTruth
from .matching import match_iou, pool
from .options import EvaluationOptions
from .pairing import PairedList, paired_list
from .predictions import Predictions

SEED_IOUS = {"AP20": 0.2, "AP30": 0.3}
FROC_IOU = 0.1


def evaluate_map(
    truth: GroundTruth, predictions: Predictions, name: str, options: EvaluationOptions
) -> dict[str, Any]:
    """All values of one list. Imports torch through MONAI.

    Returns:
        `seed` (AP20, AP30 and their mean mAP, spec 9.1), `coco` (MONAI's keys) and `froc` at IoU 0.1 (at
        the seven points of LUNA16, and their mean `FROC_score_IoU_0.10`).

    Raises:
        InputError: see `pairing.paired_list`.
    """
    paired = paired_list(truth, predictions, name, options.froc_classes, options.missing)
    precisions = {
        key: seed_average_precision(paired.lesions, paired.detections, iou) for key, iou in SEED_IOUS.items()
    }
    cut = sum(len(case) > MAX_DETECTIONS for case in paired.detections)
    return {
        "scans": len(paired.case_ids),
        "lesions": sum(len(case) for case in paired.lesions),
        "detections": sum(len(case) for case in paired.detections),
        "scans_without_file": paired.missing,
        "scans_with_more_than_100_detections": cut,
        "seed": {**precisions, "mAP": float(np.mean(list(precisions.values())))},
        "coco": coco_metrics(paired.lesions, paired.detections),
        "froc": froc_by_iou(paired),
    }


def froc_by_iou(paired: PairedList) -> dict[str, float]:
    """nnDetection's FROC at IoU 0.1: sensitivity at 1/8 ... 8 false positives a scan, and the mean."""
    scans = zip(paired.lesions, paired.detections, strict=True)
    matched = pool([match_iou(lesions, detections, FROC_IOU) for lesions, detections in scans])
    curve = distinct_thresholds(froc_curve(matched))
    values = sensitivity_at(curve, LUNA_POINTS, matched.n_lesions)
    points = dict(zip(map(str, LUNA_POINTS), values.tolist(), strict=True))
    return {**points, f"FROC_score_IoU_{FROC_IOU:.2f}": float(values.mean())}
