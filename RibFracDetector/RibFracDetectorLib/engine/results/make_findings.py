"""Findings from the two heads: pairing, scores, flags, geometry in millimetres, and the instance mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...case.findings import Finding
from ...case.geometry import Grid
from ..inference.boxes import ScoredBoxes
from .pairing import Pair, pair_heads
from .regions import Region

CLASS_NAMES = ("fracture",)
NEAR_SPINE = "near spine"
DOUBT_MM3 = 200.0  # chosen on simulated validation scans, see the card of the demonstration weights


def make_findings(
    detections: ScoredBoxes, regions: Sequence[Region], spine: NDArray[np.bool_], grid: Grid
) -> tuple[tuple[Finding, ...], dict[int, int]]:
    """One finding for every lesion that either head shows, by descending score, ids from 1.

    A finding that the detection head shows has that head's box; one that only the segmentation shows has the
    region's. Its score is the mean of both heads' scores, where a head that shows nothing says 0: boxes are
    scored for their overlap and regions for their probability, which do not compare, but two heads that agree
    are right more often than one. A region counts as if `DOUBT_MM3` of background belonged to it, because few
    voxels are little evidence. Each head's own score is kept beside it, as in the ROI lists.

    Args:
        detections: boxes in voxels of the scan.
        regions: region i carries label i + 1 in the label map.
        spine: spine hull, bool [x, y]; findings centred inside are flagged.
        grid: the scan's grid.

    Returns:
        The findings, and the finding's id for every label of the label map.
    """
    shown = [_ShownLesion(pair, detections, regions, grid) for pair in pair_heads(detections, regions)]
    shown.sort(key=lambda lesion: -lesion.score)
    findings = tuple(lesion.finding(number, spine) for number, lesion in enumerate(shown, start=1))
    return findings, {lesion.label: number for number, lesion in enumerate(shown, start=1) if lesion.label}


def on_grid(findings: Sequence[Finding], grid: Grid) -> tuple[Finding, ...]:
    """The same findings with their voxel boxes on another grid of parallel axes."""
    return tuple(replace(finding, box_voxels=grid.box_from_ras(finding.box_ras)) for finding in findings)


def paint_instances(labels: NDArray[np.int32], id_of_label: Mapping[int, int]) -> NDArray[np.uint16]:
    """The label map with every label replaced by its finding's id, uint16 [x, y, z]."""
    lookup = np.zeros(int(labels.max(initial=0)) + 1, np.uint16)
    for label, number in id_of_label.items():
        lookup[label] = number
    return lookup[labels]


class _ShownLesion:
    """One lesion before it has a number."""

    def __init__(self, pair: Pair, detections: ScoredBoxes, regions: Sequence[Region], grid: Grid) -> None:
        self.detected = pair.detection is not None
        self.region = None if pair.region is None else regions[pair.region]
        self.grid = grid
        self.volume_mm3 = None if self.region is None else self.region.voxels * grid.voxel_volume
        self.label = 0 if pair.region is None else pair.region + 1
        self.det_score = float(detections.scores[pair.detection]) if self.detected else None
        self.seg_score = None if self.region is None else self.region.score
        self.class_id = int(detections.classes[pair.detection]) if self.detected else 0
        box = detections.boxes[pair.detection] if self.detected else self.region.continuous_box
        self.box = tuple(float(value) for value in box)

    @property
    def score(self) -> float:
        seg_score = 0.0
        if self.region is not None:
            seg_score = self.seg_score * self.volume_mm3 / (self.volume_mm3 + DOUBT_MM3)
        return ((self.det_score or 0.0) + seg_score) / 2

    @property
    def head(self) -> str:
        if self.detected and self.region is not None:
            return "both"
        return "det" if self.detected else "seg"

    def finding(self, number: int, spine: NDArray[np.bool_]) -> Finding:
        return Finding(
            id=number,
            score=self.score,
            head=self.head,
            class_id=self.class_id,
            class_name=CLASS_NAMES[self.class_id],
            box_voxels=self.box,
            box_ras=self.grid.box_to_ras(self.box),
            det_score=self.det_score,
            seg_score=self.seg_score,
            volume_mm3=self.volume_mm3,
            flags=(NEAR_SPINE,) if _center_inside(self.box, spine) else (),
        )


def _center_inside(box: Sequence[float], hull: NDArray[np.bool_]) -> bool:
    center = (np.asarray(box[:2]) + np.asarray(box[3:5])) / 2
    x, y = np.clip(np.round(center).astype(int), 0, np.asarray(hull.shape) - 1)
    return bool(hull[x, y])
