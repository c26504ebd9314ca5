"""Voxel sizes the network is run at, and resampling to them. Source: spec 5.1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Spacing = tuple[float, float, float]
SpacingRange = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


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

    Args:
        voxels: [x, y, z], any real type.
        step: distance between output samples along each axis, in voxels of the input.
        size: voxels of the output along each axis.

    Returns:
        float32 [x, y, z] (Fortran-ordered: x is contiguous).
    """
    import SimpleITK as sitk  # noqa: N813  (here, so that training needs no SimpleITK)

    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.transpose(2, 1, 0)))
    last_samples = [(n - 1) * s for n, s in zip(size, step, strict=True)]
    beyond = [max(math.ceil(last) - n + 1, 0) for last, n in zip(last_samples, voxels.shape, strict=True)]
    if any(beyond):
        image = sitk.ZeroFluxNeumannPad(image, [0, 0, 0], beyond)
    resampled = sitk.Resample(
        image,
        [int(n) for n in size],
        sitk.Transform(),
        sitk.sitkLinear,
        (0.0, 0.0, 0.0),
        [float(s) for s in step],
        image.GetDirection(),
        0.0,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(resampled).transpose(2, 1, 0)
