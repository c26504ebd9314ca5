"""Pieces of a rib put to their new places: resampled, laid over the tissue behind, noise restored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..ribs.places import Place
from .matting import Matte
from .noise import Noise
from .shapes import Coordinates, Piece

STILL_MM = 0.02  # what moves less than this is left alone, bit for bit
LOSS_VOXELS = 5  # the noise that interpolation leaves is measured in cubes of this size


@dataclass(frozen=True)
class Moved:
    """The rib in its new place.

    Attributes:
        voxels: (n, 3) voxels of the block in and around the rib; no other changes.
        points: (n, 3) their coordinates along, outward, across, mm.
        hu: (n,) float32; where nothing moved, the very HU of before.
        cover: (n,) the share of bone, 0 to 1.
        swept: bool (n,) inside the rib's surface before, after or on the way: no hole where a gap opened.
    """

    voxels: NDArray[np.int64]
    points: Coordinates
    hu: NDArray[np.float32]
    cover: NDArray[np.float32]
    swept: NDArray[np.bool_]


def move(
    block: NDArray[np.float32],
    matte: Matte,
    place: Place,
    pieces: list[Piece],
    reach: float,
    noise: Noise,
    rng: np.random.Generator,
) -> Moved:
    """Lay the pieces, moved, over the tissue.

    Args:
        block: HU before.
        reach: mm that a piece moves at most across the rib.
        noise: of the block.
        rng: of the noise that is restored.
    """
    voxels = np.argwhere(place.known & (place.depth > -(matte.rim + reach)))
    points = coordinates_at(place, voxels)
    bone = ndimage.spline_filter(matte.bone, order=3, output=np.float32)
    texture = noise.field(matte.bone.shape, rng)
    smooth_texture = ndimage.spline_filter(texture, order=3, output=np.float32)
    total = np.zeros((3, len(voxels)), np.float32)  # bone, cover, texture
    swept = np.zeros(len(voxels), bool)
    still = np.ones(len(voxels), bool)
    for piece in pieces:
        shift = piece.shift(points)
        share = piece.share(points - shift)
        still &= (np.abs(shift).max(axis=1) < STILL_MM) & ((share == 1) | (share == 0))
        sources = _sources(place, voxels, shift)
        cover = ndimage.map_coordinates(matte.cover, sources, order=1, mode="nearest")
        layers = [
            ndimage.map_coordinates(layer, sources, order=3, mode="nearest", prefilter=False)
            for layer in (bone, smooth_texture)
        ]
        # Where there is no bone, a spline still swings a little.
        total += share * np.stack([layers[0] * (cover > 0), cover, layers[1] * (cover > 0)])
        for part in (0.0, 0.5, 1.0):
            way = _sources(place, voxels, part * shift)
            swept |= ndimage.map_coordinates(place.depth, way, order=1, mode="nearest") > 0
    total /= np.maximum(total[1], 1)  # overriding ends share the room
    behind = matte.behind[tuple(voxels.T)]
    lost = _lost_noise(total[2], voxels, texture, noise.sigma)
    restored = noise.field(matte.bone.shape, rng)[tuple(voxels.T)] * lost * total[1]
    hu = total[0] + (1 - total[1]) * behind + restored
    hu = np.where(still, block[tuple(voxels.T)], hu)
    return Moved(voxels, points, hu, total[1], swept)


def coordinates_at(place: Place, voxels: NDArray[np.int64]) -> Coordinates:
    """Along, outward, across (n, 3) of voxels of the block."""
    index = tuple(voxels.T)
    return np.stack([place.along[index], place.outward[index], place.across[index]], axis=1)


def _sources(place: Place, voxels: NDArray[np.int64], shift: Coordinates) -> NDArray[np.float64]:
    """Where voxels get their value from, (3, n) in voxels of the block."""
    return (voxels - (shift @ place.basis) / place.spacing).T


def _lost_noise(
    interpolated: NDArray[np.float32], voxels: NDArray[np.int64], texture: NDArray[np.float32], sigma: float
) -> NDArray[np.float32]:
    """The factor of fresh noise that makes up for what interpolation took, (n,), 0 to 1."""
    known = np.zeros(texture.shape, np.float32)
    power = np.zeros(texture.shape, np.float32)
    index = tuple(voxels.T)
    known[index] = 1
    power[index] = interpolated**2
    weight = ndimage.uniform_filter(known, LOSS_VOXELS)[index]
    left = ndimage.uniform_filter(power, LOSS_VOXELS)[index] / np.maximum(weight, 1e-6) / sigma**2
    return np.sqrt(np.clip(1 - left, 0, 1))
