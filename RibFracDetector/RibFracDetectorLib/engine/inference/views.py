"""Views of a volume for test-time augmentation: each a voxel size and a flip, padded to the window.

Making a view is the same in both modes; the way back to the scan's grid differs and lives in `original.py`
and `standard.py`. Source: spec 5.1, 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .spacing import Spacing, resample, respaced_size, same_spacing

FLIP_AXES: dict[str, tuple[int, ...]] = {"diagonal": (0, 1), "headfeet": (2,), "all3axis": (0, 1, 2)}


@dataclass(frozen=True)
class View:
    """What one pass of the network sees.

    Attributes:
        spacing: voxel size in mm to resample to; None is the scan's own.
        flip: a key of `FLIP_AXES`, or None.
    """

    spacing: Spacing | None
    flip: str | None


@dataclass(frozen=True)
class ViewGrid:
    """How the voxels of a view relate to those of the scan; sizes are (x, y, z) in voxels.

    Attributes:
        origin_size: the scan.
        resized_size: after resampling, before padding.
        padded_size: what the window slides over.
        step: scan voxels per view voxel along each axis.
        flip_axes: axes that were reversed after padding.
    """

    origin_size: tuple[int, ...]
    resized_size: tuple[int, ...]
    padded_size: tuple[int, ...]
    step: tuple[float, ...]
    flip_axes: tuple[int, ...]

    @property
    def is_resampled(self) -> bool:
        """False when the view keeps the scan's own voxels."""
        return any(step != 1.0 for step in self.step)


def list_views(spacings: Sequence[Spacing | None], flips: Sequence[str]) -> list[View]:
    """Every spacing, each first unflipped and then with every flip."""
    return [View(spacing, flip) for spacing in spacings for flip in (None, *flips)]


def plan_view(size: Sequence[int], spacing: Sequence[float], view: View, roi_size: Sequence[int]) -> ViewGrid:
    """The grid that `make_view` will produce, without computing a voxel."""
    if view.spacing is None or same_spacing(spacing, view.spacing):
        resized, step = tuple(size), (1.0, 1.0, 1.0)
    else:
        resized = respaced_size(size, spacing, view.spacing)
        step = tuple(wanted / own for wanted, own in zip(view.spacing, spacing, strict=True))
    padded = tuple(max(n, window) for n, window in zip(resized, roi_size, strict=True))
    return ViewGrid(tuple(size), resized, padded, step, FLIP_AXES[view.flip] if view.flip else ())


def make_view(voxels: NDArray, grid: ViewGrid) -> NDArray:
    """Resample, reflect-pad at the end of each axis, flip; [x, y, z], the type of `voxels` or float32.

    Strides are positive, as PyTorch wants them.
    """
    image = resample(voxels, grid.step, grid.resized_size) if grid.is_resampled else voxels
    padding = [(0, padded - n) for padded, n in zip(grid.padded_size, grid.resized_size, strict=True)]
    if any(after for _, after in padding):
        image = np.pad(image, padding, mode="reflect")
    image = np.flip(image, grid.flip_axes)
    return image if min(image.strides) > 0 else image.copy(order="K")


def unflip_boxes(boxes: NDArray, flip_axes: Sequence[int], mirror: Sequence[float]) -> NDArray:
    """Boxes (n, 6) mirrored back: a coordinate c becomes mirror[axis] - c on every flipped axis."""
    result = boxes.copy()
    for axis in flip_axes:
        result[:, axis] = mirror[axis] - boxes[:, axis + 3]
        result[:, axis + 3] = mirror[axis] - boxes[:, axis]
    return result
