"""The seed's two ROI lists and two masks. Source: spec 5.6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.boxes import ScoredBoxes
from .regions import Region

Roi = dict[str, Any]


def detection_rois(detections: ScoredBoxes) -> list[Roi]:
    """ROIs of the detection head, by descending probability.

    `instance` is the rank within the class before sorting, from 1; `bbox` and `center` are float voxels.
    """
    rois: list[Roi] = []
    seen: dict[int, int] = {}
    for box, score, class_id in zip(
        detections.boxes, detections.scores, detections.classes.tolist(), strict=True
    ):
        seen[class_id] = seen.get(class_id, 0) + 1
        rois.append(
            {
                "instance": seen[class_id],
                "bbox": box.tolist(),
                "class": class_id,
                "center": ((box[:3] + box[3:]) / 2).tolist(),
                "prob": float(score),
            }
        )
    return sorted(rois, key=lambda roi: -roi["prob"])


def segmentation_rois(regions: Sequence[Region]) -> list[Roi]:
    """ROIs of the segmentation head in the order of their labels; whole voxels, half-open boxes."""
    return [
        {
            "instance": label,
            "bbox": list(region.box),
            "class": 0,
            "center": list(region.center),
            "prob": region.score,
        }
        for label, region in enumerate(regions, start=1)
    ]


def detection_mask(detections: ScoredBoxes, order: Sequence[int], size: Sequence[int]) -> NDArray[np.uint16]:
    """Boxes painted with round(100 * probability) + 100 * class, uint16 [x, y, z].

    Args:
        detections: boxes in voxels of the scan.
        order: indices of the boxes; later ones cover earlier ones.
        size: voxels of the scan.
    """
    mask = np.zeros(size, np.uint16, order="F")
    for index in order:
        low, high = np.round(detections.boxes[index].astype(np.float64)).astype(int).reshape(2, 3)
        interior = tuple(slice(max(a, 0), max(b, 0)) for a, b in zip(low, high, strict=True))
        mask[interior] = round(float(detections.scores[index]) * 100) + 100 * int(detections.classes[index])
    return mask
