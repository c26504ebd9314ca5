"""Voxel sizes the network is run at, and resampling to them. Source: spec 5.1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Spacing = tuple[float, float, float]
SpacingRange = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

# Planes of an image that are interpolated at once: it bounds what is in memory beside the result.
PIECE = 32


def adaptive_spacings(spacing: Sequence[float], trained: SpacingRange) -> list[Spacing | None]:
    """The passes a scan needs: None is the native spacing.

    A scan inside the trained range on every axis is run once as it is. Any other is run twice: with each
    axis outside its range moved to the range's middle, and as it is.
    """
    inside = [low <= own <= high for own, (low, high) in zip(spacing, trained, strict=True)]
    if all(inside):
        return [None]
    x, y, z = (
        own if fits else (low + high) / 2
        for own, fits, (low, high) in zip(spacing, inside, trained, strict=True)
    )
    return [(x, y, z), None]


def nearest_spacing(spacing: Sequence[float], trained: SpacingRange) -> list[Spacing | None]:
    """The one pass of a scan at the voxel size of the trained range that is nearest to its own."""
    x, y, z = (min(max(own, low), high) for own, (low, high) in zip(spacing, trained, strict=True))
    return [None] if (x, y, z) == tuple(spacing) else [(x, y, z)]


def respaced_size(
    size: Sequence[int], spacing: Sequence[float], target: Sequence[float]
) -> tuple[int, int, int]:
    """Voxels after resampling from `spacing` to `target` with the first voxel's centre kept."""
    x, y, z = (
        max(round((n - 1) * own / wanted + 1), 1)
        for n, own, wanted in zip(size, spacing, target, strict=True)
    )
    return x, y, z


def same_spacing(spacing: Sequence[float], target: Sequence[float]) -> bool:
    """True where resampling would be within 1e-3 of the identity."""
    return bool(np.allclose(np.asarray(target) / np.asarray(spacing), 1.0, atol=1e-3, rtol=0))


def resample(voxels: NDArray, step: Sequence[float], size: Sequence[int]) -> NDArray[np.float32]:
    """Trilinear sampling at index k * step, border values continued outwards.

    Interpolates along one axis after the other, and along no axis that stays as it is.

    Args:
        voxels: [x, y, z], any real type.
        step: distance between output samples along each axis, in voxels of the input.
        size: voxels of the output along each axis.

    Returns:
        float32 [x, y, z], axes in memory as those of `voxels`.
    """
    # Outermost axis first, so that whole planes are read and written.
    order = np.argsort([-abs(stride) for stride in voxels.strides], kind="stable").tolist()
    image = torch.from_numpy(np.ascontiguousarray(voxels.transpose(order)))
    for place, axis in enumerate(order):
        if step[axis] != 1 or size[axis] != voxels.shape[axis]:
            image = _interpolate(image, place, step[axis], size[axis])
    return image.float().numpy().transpose(np.argsort(order))


def _interpolate(image: Tensor, axis: int, step: float, count: int) -> Tensor:
    """Linear sampling along one axis, in pieces along the first one."""
    last = image.shape[axis] - 1
    position = (torch.arange(count, dtype=torch.float64) * step).clamp(0, last)
    low = position.floor().long()
    high = (low + 1).clamp(max=last)
    weight = (position - low).float().reshape(-1, *[1] * (image.ndim - 1 - axis))
    result = torch.empty(*image.shape[:axis], count, *image.shape[axis + 1 :])
    for start in range(0, len(result), PIECE):
        piece = slice(start, start + PIECE)
        if axis == 0:
            below, above, share = image[low[piece]], image[high[piece]], weight[piece]
        else:
            source = image[piece]
            below, above, share = source.index_select(axis, low), source.index_select(axis, high), weight
        torch.lerp(below.float(), above.float(), share, out=result[piece])
    return result
