"""Smooth random fields: how tissues, layers and shapes vary.

Coarse white noise is upsampled with cubic weights by one small matrix product per axis, which costs a
hundredth of filtering a full grid. Fine grain comes from one tile, repeated at random offsets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Generator = np.random.Generator
TILE = 64
TRABECULAE_MM, ISLANDS_MM = 0.65, 4.0


def spline_weights(positions: NDArray, knots: int) -> NDArray[np.float32]:
    """Cubic B-spline weights (positions, knots) of knots at 0, 1, 2, ..., clamped at both ends."""
    first = np.floor(positions).astype(int) - 1
    weights = np.zeros((len(positions), knots), np.float32)
    rows = np.arange(len(positions))
    for step in range(4):
        t = np.abs(positions - (first + step))
        value = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))
        np.add.at(weights, (rows, np.clip(first + step, 0, knots - 1)), value)
    return weights


class SmoothField:
    """A random field with mean 0 and standard deviation about 1, evaluated slice by slice on any grid."""

    def __init__(self, generator: Generator, length: float, axes: tuple[NDArray, NDArray, NDArray]) -> None:
        """`length` is the distance in mm over which the field changes, `axes` the mm along x, y and z."""
        positions = [(axis - axis[0]) / length + 1 for axis in axes]
        shape = [int(place[-1]) + 4 for place in positions]
        # B-spline smoothing takes the variance down by 0.479 along each axis.
        knots = generator.standard_normal(shape, np.float32) / np.float32(0.479**1.5)
        wx, wy, wz = (spline_weights(p, n) for p, n in zip(positions, shape, strict=True))
        self._planes = np.einsum("xi,ijk->xjk", wx, knots, optimize=True).transpose(2, 0, 1)
        self._wy, self._wz = wy, wz

    def at(self, z: int) -> NDArray[np.float32]:
        """The slice with index z, (x, y)."""
        weights = self._wz[z]
        used = np.flatnonzero(weights)
        return np.tensordot(weights[used], self._planes[used], 1) @ self._wy.T


def spongy_tile(generator: Generator, spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Periodic texture of spongy bone, (TILE, TILE, TILE), mean 0 and standard deviation 1.

    Half of its variance is trabecular, half denser and emptier islands: 3 mm and more below the surface of
    real ribs HU vary by 90 to 106, of which a scan's blur would leave little if all of it were fine.
    """
    noise = (generator.standard_normal((TILE, TILE, TILE), np.float32) for _ in range(2))
    blurred = (
        ndimage.gaussian_filter(one, [size / step for step in spacing], mode="wrap")
        for one, size in zip(noise, (TRABECULAE_MM, ISLANDS_MM), strict=True)
    )
    tile = sum(one / one.std() for one in blurred)
    return ((tile - tile.mean()) / tile.std()).astype(np.float32)


def tiled(tile: NDArray[np.float32], slices: tuple[slice, ...], shift: int = 0) -> NDArray[np.float32]:
    """The part of the repeated tile that lies at a window of the canvas."""
    index = [
        (np.arange(part.start, part.stop) + shift) % size
        for part, size in zip(slices, tile.shape, strict=True)
    ]
    return tile[np.ix_(*index)]


def wavy(generator: Generator, count: int, waves: float) -> NDArray[np.float32]:
    """A smooth random line of `count` values with about `waves` waves, standard deviation about 1."""
    knots = int(waves * 2) + 4
    positions = np.linspace(1, knots - 2, count)
    line = spline_weights(positions, knots) @ generator.standard_normal(knots).astype(np.float32)
    return line / np.float32(0.479**0.5)
