"""What the user's hands do to nodes, without a view: drawing a mask, dragging a box."""

from __future__ import annotations

from typing import Any

import numpy as np
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.scene.labelmaps import labelmap_of


def draw(segmentation: Any, segment_id: str, mask: MaskPatch, lps: Grid, node_grid: Grid) -> None:
    """What the Segment Editor does: another labelmap in a segment."""
    segment = segmentation.GetSegment(segment_id)
    segment.SetLabelValue(1)
    segment.AddRepresentation("Binary labelmap", labelmap_of({1: mask}, lps, node_grid))


def drag(roi: Any, by: tuple[float, float, float]) -> None:
    """What a handle of a box does when it is moved and let go."""
    roi.InvokeEvent(roi.PointStartInteractionEvent)
    roi.SetCenter(*np.add(roi.GetCenter(), by))
    roi.InvokeEvent(roi.PointEndInteractionEvent)
