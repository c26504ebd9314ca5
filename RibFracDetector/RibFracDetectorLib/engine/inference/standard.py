"""Mode `standard`, the default: the published method with what the spec advises in place of each [bug]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...case.ct import CtVolume
from ..execution.executor import NoNumbersError
from ..network import RawOutput
from .blending import Blend, WeightedBlend
from .boxes import ScoredBoxes, clip_boxes
from .rib_region import RibRegion, find_rib_region
from .spacing import Spacing, resample
from .views import ViewGrid, unflip_boxes

# Halfway between air (-1000 HU) and water: below this there is no tissue, only air and lung.
BODY_HU = -500


class StandardProcedure:
    """See `Procedure`. One mapping relates every view to the scan: scan index = view index * step."""

    name = "standard"

    def read(self, ct: CtVolume) -> tuple[CtVolume, Spacing]:
        """The scan itself, which is in LPS order, and its own voxel size."""
        return ct, ct.grid.spacing

    def is_blank(self, voxels: NDArray) -> bool:
        """Air alone, or one value throughout: instance norm would blow its noise up into structure."""
        return int(voxels.max()) < BODY_HU or int(voxels.min()) == int(voxels.max())

    def find_ribs(self, voxels: NDArray, spacing: Spacing) -> RibRegion | None:
        """By bone, see `rib_region`."""
        return find_rib_region(voxels, spacing)

    def make_blend(self, image_size: Sequence[int], importance: Tensor) -> Blend:
        """The weighted mean of all windows."""
        return WeightedBlend(image_size, importance)

    def check_numbers(self, output: RawOutput) -> None:
        """A window that was not really searched must not count as one without fractures."""
        for values in (output.seg_logits, *output.class_logits, *output.box_deltas):
            if not values.isfinite().all():
                raise NoNumbersError("the network gives values that are not finite")

    def boxes_to_scan(self, detections: ScoredBoxes, grid: ViewGrid) -> ScoredBoxes:
        """Mirrored about voxel centres, clipped to the scan; none in the padding or beyond the border."""
        last_voxel = [n - 1 for n in grid.padded_size]
        boxes = unflip_boxes(detections.boxes, grid.flip_axes, last_voxel)
        centers = (boxes[:, :3] + boxes[:, 3:]) / 2
        inside = (centers <= np.asarray(grid.resized_size) - 0.5).all(axis=1)
        boxes = clip_boxes(boxes * np.tile(grid.step, 2), grid.origin_size)
        inside &= (boxes[:, 3:] > boxes[:, :3]).all(axis=1)
        return detections.with_boxes(boxes).take(inside)

    def probability_on_scan(self, margin: Tensor, grid: ViewGrid) -> NDArray:
        """Cropped to what is not padding and sampled at the scan's voxel centres."""
        unflipped = margin.flip(grid.flip_axes) if grid.flip_axes else margin
        cropped = unflipped[tuple(slice(0, n) for n in grid.resized_size)].numpy()
        if grid.is_resampled:
            cropped = resample(cropped, [1 / step for step in grid.step], grid.origin_size)
        return torch.from_numpy(cropped).sigmoid_().numpy()

    def exclude_spine(self, probability: NDArray, spine: NDArray) -> NDArray:  # noqa: ARG002
        """Nothing is deleted: findings inside the hull are flagged for the reader instead."""
        return probability

    def painting_order(self, detections: ScoredBoxes) -> Sequence[int]:
        """Ascending score, so that the best box stays visible."""
        return np.argsort(detections.scores, kind="stable").tolist()
