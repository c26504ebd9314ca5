"""Where the sliding window stops, and how much each of its voxels counts.

Written here and not taken from MONAI's inferer, whose window starts are truncated for strided outputs,
which misplaces boxes by up to a stride. Source: spec 5.2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

Size = tuple[int, int, int]


def axis_starts(extent: int, window: int, overlap: float) -> list[int]:
    """Window starts along one axis of `extent` >= `window` voxels; the last window ends at the border."""
    if extent == window:
        return [0]
    starts = list(range(0, extent - window, window_interval(window, overlap)))
    return [*starts, extent - window]


def window_interval(window: int, overlap: float) -> int:
    """Voxels from one window to the next."""
    return max(int(window * (1 - overlap)), 1)


def window_starts(image_size: Sequence[int], roi_size: Sequence[int], overlap: float) -> list[Size]:
    """Starts (x, y, z) of all windows, x outermost and z innermost."""
    per_axis = [axis_starts(n, w, overlap) for n, w in zip(image_size, roi_size, strict=True)]
    return list(itertools.product(*per_axis))


@lru_cache(maxsize=4)
def gaussian_importance(roi_size: Size, sigma_scale: float) -> Tensor:
    """Weights of a window's voxels, float32 (x, y, z), 1 in the middle.

    A unit impulse at roi_size // 2 filtered by a Gaussian (integrated over each voxel, cut at 4 sigma),
    with sigma = sigma_scale * roi_size; zeros are raised to the smallest positive weight.
    """
    profiles = [_impulse_response(extent, sigma_scale * extent) for extent in roi_size]
    weights = torch.einsum("x,y,z->xyz", *profiles)
    weights /= weights.max()
    return weights.clamp_(min=float(weights[weights > 0].min()))


def constant_importance(roi_size: Size, sigma_scale: float) -> Tensor:  # noqa: ARG001 (same signature)
    """Equal weights, float32 (x, y, z)."""
    return torch.ones(roi_size)


IMPORTANCE_MAPS = {"gaussian": gaussian_importance, "constant": constant_importance}


def _impulse_response(extent: int, sigma: float) -> Tensor:
    """A unit impulse at extent // 2 after a Gaussian that is integrated over each voxel; 0 beyond 4 sigma."""
    distance = torch.arange(extent) - extent // 2
    upper, lower = ((distance + half) / (math.sqrt(2) * sigma) for half in (0.5, -0.5))
    response = (torch.erf(upper) - torch.erf(lower)) / 2
    return response.masked_fill(distance.abs() > int(max(4 * sigma, 0.5) + 0.5), 0)
