"""Detections and regions joined into findings: what the reader reviews is one list, not two.

A box and a region belong together when the centre of either lies inside the other (the rule by which the
original's evaluation matches, spec 6). Pairs are one to one, the largest IoU first, so that a fracture
which both heads see is one finding, and whatever only one head sees is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.boxes import ScoredBoxes, iou_with
from .regions import Region


@dataclass(frozen=True)
class Pair:
    """Indices of a detection and a region that show the same lesion; None where one head is silent."""

    detection: int | None
    region: int | None


def pair_heads(detections: ScoredBoxes, regions: Sequence[Region]) -> list[Pair]:
    """Every detection and every region exactly once, alone or in a pair."""
    region_boxes = np.array([region.box for region in regions], dtype=np.float64).reshape(-1, 6)
    partner: dict[int, int] = {}
    taken: set[int] = set()
    best_first = sorted(_candidates(detections, region_boxes), key=lambda c: (-c[0], c[1], c[2]))
    for _, detection, region in best_first:
        if detection not in partner and region not in taken:
            partner[detection] = region
            taken.add(region)
    pairs = [Pair(index, partner.get(index)) for index in range(len(detections))]
    return pairs + [Pair(None, index) for index in range(len(regions)) if index not in taken]


def _candidates(detections: ScoredBoxes, region_boxes: NDArray) -> list[tuple[float, int, int]]:
    low, high = region_boxes[:, :3], region_boxes[:, 3:]
    centers = (low + high) / 2
    found: list[tuple[float, int, int]] = []
    for index, box in enumerate(detections.boxes.astype(np.float64)):
        region_center_inside = ((centers >= box[:3]) & (centers <= box[3:])).all(axis=1)
        own_center = (box[:3] + box[3:]) / 2
        own_center_inside = ((own_center >= low) & (own_center <= high)).all(axis=1)
        ious = iou_with(box, region_boxes)
        for region in np.flatnonzero(region_center_inside | own_center_inside):
            found.append((float(ious[region]), index, int(region)))
    return found
