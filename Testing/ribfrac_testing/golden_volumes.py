"""Whole-volume runs of the golden sets by our own code in mode `original`, and how to compare them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.engine.detector import CaseResult, Detector
from RibFracDetectorLib.engine.inference.boxes import iou_with
from RibFracDetectorLib.engine.settings import resolve_settings
from RibFracDetectorLib.engine.weights import load_weights

from .reference import Golden

SCORE_TOLERANCE = 1e-4
NMS_THRESHOLD_MARGIN = 1e-3


@dataclass(frozen=True)
class GoldenVolume:
    """One golden volume, what the original made of it, and what we make of it."""

    golden: Golden
    name: str
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    result: CaseResult

    @property
    def probability(self) -> np.ndarray:
        """Our foreground probability [x, y, z]."""
        return self.result.inference.probability


def run_golden(golden: Golden, name: str) -> GoldenVolume:
    """Run `volume`, `tta` or `pad` of a golden set."""
    facts = golden.facts[f"{name}_result"]
    targets = facts["target_spacings"] or [None]
    settings = resolve_settings("original", {"target_spacings": targets})
    detector = Detector([load_weights(golden.checkpoint("fp32"))], settings, mode="original", device="cpu")
    ct = golden_ct(golden.folder / f"{name}_image.nii.gz")
    return GoldenVolume(golden, name, golden.arrays(f"{name}_result"), facts, detector.detect(ct))


def golden_ct(path: Path) -> CtVolume:
    """A golden volume; stored as LPS, so its voxels are taken as they lie."""
    image = sitk.ReadImage(str(path))
    grid = Grid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    assert np.allclose(grid.direction_matrix, np.eye(3)), "golden volumes are stored as LPS"
    voxels = sitk.GetArrayFromImage(image).transpose(2, 1, 0).astype(np.int16)
    return CtVolume(voxels, grid, grid, path, path.name)


def assert_same_boxes(ours: np.ndarray, theirs: np.ndarray, nms_iou: float, atol: float = 0.01) -> None:
    """Equal lists of (x1, y1, z1, x2, y2, z2, score) as far as float32 can tell.

    Every box must have a partner within `atol` voxels and 1e-4 of score. One may be missing on either side
    only where NMS was a toss-up: an IoU within 1e-3 of the threshold, or a score at the end of a full list.
    """
    for ones, others in ((ours, theirs), (theirs, ours)):
        for row in ones:
            distance = np.abs(others[:, :6] - row[:6]).max(axis=1, initial=0)
            close = (distance <= atol) & (np.abs(others[:, 6] - row[6]) <= SCORE_TOLERANCE)
            assert close.any() or _was_toss_up(row, others, nms_iou), f"no partner for {row.tolist()}"


def _was_toss_up(row: np.ndarray, others: np.ndarray, nms_iou: float) -> bool:
    ious = iou_with(row[:6], others[:, :6])
    at_threshold = bool((np.abs(ious - nms_iou) <= NMS_THRESHOLD_MARGIN).any())
    at_list_end = bool(abs(others[:, 6].min(initial=1.0) - row[6]) <= SCORE_TOLERANCE)
    return at_threshold or at_list_end
