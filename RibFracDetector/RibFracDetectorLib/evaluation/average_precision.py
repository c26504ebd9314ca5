"""Average precision of boxes: the original's, and COCO's through MONAI with nnDetection's settings.

All detections and lesions are one class: the detector has one, and its class ids are not those of the ground
truth (spec 1). `coco_metrics` is the only function of the room that loads torch, through MONAI.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .boxes import box_iou
from .cases import Detections, Lesions

MAX_DETECTIONS = 100
"""Detections of one scan that COCO metrics look at (nnDetection's limit)."""

COCO_IOUS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
COCO_IOU_RANGE = (0.1, 0.5, 0.05)


def seed_average_precision(
    lesions: Sequence[Lesions], detections: Sequence[Detections], iou_threshold: float
) -> float:
    """Area under the precision envelope, by the original's rule (spec 9.1).

    A detection is correct if the lesion of its highest IoU reaches the threshold and is still free; it does
    not fall back to another lesion. NaN without lesions, 0 without detections.
    """
    correct = [_best_lesion_free(*pair, iou_threshold) for pair in zip(lesions, detections, strict=True)]
    n_lesions = sum(len(case) for case in lesions)
    if not n_lesions:
        return np.nan
    scores = np.concatenate([case.scores for case in detections])
    true = np.concatenate(correct)[np.argsort(-scores, kind="stable")]
    hits = np.cumsum(true)
    recall = np.concatenate([[0.0], hits / n_lesions, [1.0]])
    precision = np.concatenate([[0.0], hits / np.arange(1, len(true) + 1), [0.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))


def _best_lesion_free(lesions: Lesions, detections: Detections, iou_threshold: float) -> NDArray[np.bool_]:
    """Whether each detection is correct, in the order of the file."""
    correct = np.zeros(len(detections), dtype=bool)
    if not len(lesions):
        return correct
    iou = box_iou(detections.boxes, lesions.boxes)
    best = iou.argmax(axis=1)
    taken = np.zeros(len(lesions), dtype=bool)
    for index in np.argsort(-detections.scores, kind="stable"):
        if iou[index, best[index]] >= iou_threshold and not taken[best[index]]:
            correct[index] = taken[best[index]] = True
    return correct


def coco_metrics(lesions: Sequence[Lesions], detections: Sequence[Detections]) -> dict[str, float]:
    """AP and AR with MONAI's `COCOMetric` at nnDetection's settings: AP@0.1, mAP .1:.5:.05 and more.

    Keys are MONAI's (`AP_IoU_0.10_MaxDet_100`, `mAP_IoU_0.10_0.50_0.05_MaxDet_100`, ...). Its -1 for "no
    lesion" becomes NaN. Imports torch.
    """
    from monai.apps.detection.metrics.coco import COCOMetric
    from monai.apps.detection.metrics.matching import matching_batch

    metric = COCOMetric(
        classes=["fracture"],
        iou_list=COCO_IOUS,
        iou_range=COCO_IOU_RANGE,
        max_detection=(1, 10, MAX_DETECTIONS),
        per_class=False,
        verbose=False,
    )
    matched = matching_batch(
        iou_fn=box_iou,
        iou_thresholds=metric.iou_thresholds,
        pred_boxes=[case.boxes for case in detections],
        pred_classes=[np.zeros(len(case), dtype=np.int64) for case in detections],
        pred_scores=[case.scores for case in detections],
        gt_boxes=[case.boxes for case in lesions],
        gt_classes=[np.zeros(len(case), dtype=np.int64) for case in lesions],
        max_detections=MAX_DETECTIONS,
    )
    values, _ = metric(matched)
    undefined = not any(len(case) for case in lesions)
    return {key: np.nan if undefined else float(value) for key, value in values.items()}
