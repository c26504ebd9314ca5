"""Mode `original`: the published system's numbers, its defects included (each a [bug] of the spec)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...case.ct import CtVolume
from ...case.original_orientation import read_as_original
from ..network import RawOutput
from .blending import Blend, LastWindowBlend
from .boxes import ScoredBoxes, clip_boxes
from .rib_region import RibRegion
from .spacing import Spacing
from .views import ViewGrid, unflip_boxes


class OriginalProcedure:
    """See `Procedure`."""

    name = "original"

    def read(self, ct: CtVolume) -> tuple[CtVolume, Spacing]:
        """In the original reader's order, which is not LPS for sagittal and coronal scans (spec 1 [bug])."""
        reading = read_as_original(ct)
        return reading.ct, reading.spacing

    def is_blank(self, voxels: NDArray) -> bool:  # noqa: ARG002
        """The original asks about everything."""
        return False

    def find_ribs(self, voxels: NDArray, spacing: Spacing) -> RibRegion | None:  # noqa: ARG002
        """The original runs every window."""
        return None

    def make_blend(self, image_size: Sequence[int], importance: Tensor) -> Blend:
        """The last window wins (spec 5.2 [bug])."""
        return LastWindowBlend(image_size, importance)

    def check_numbers(self, output: RawOutput) -> None:
        """The original takes a window without numbers for one without fractures."""

    def boxes_to_scan(self, detections: ScoredBoxes, grid: ViewGrid) -> ScoredBoxes:
        """Mirrored about the padded size, also from the padding, scaled by the ratio of sizes (5.3 [bug])."""
        boxes = clip_boxes(unflip_boxes(detections.boxes, grid.flip_axes, grid.padded_size), grid.padded_size)
        if grid.is_resampled:
            boxes = boxes * np.tile(np.divide(grid.origin_size, grid.resized_size), 2)
        return detections.with_boxes(boxes)

    def probability_on_scan(self, margin: Tensor, grid: ViewGrid) -> NDArray:
        """The padding stays; resampling back aligns outer edges (spec 5.3 [bug])."""
        margin = margin.flip(grid.flip_axes)
        if grid.is_resampled:
            margin = torch.nn.functional.interpolate(
                margin[None, None], size=grid.origin_size, mode="trilinear", align_corners=False
            )[0, 0]
        return margin.sigmoid().numpy()

    def exclude_spine(self, probability: NDArray, spine: NDArray) -> NDArray:
        """Everything inside the hull is deleted, over the whole height of the scan."""
        return np.where(spine[:, :, None], np.float32(0), probability)

    def painting_order(self, detections: ScoredBoxes) -> Sequence[int]:
        """Descending score, so that lower scores cover higher ones (spec 5.6 [bug])."""
        return np.argsort(-detections.scores, kind="stable").tolist()
