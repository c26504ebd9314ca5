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
        depth: (n,) mm beneath the surface of the moved rib, negative outside.
        swept: bool (n,) inside the rib's surface before, after or on the way: no hole where a gap opened.
    """

    voxels: NDArray[np.int64]
    points: Coordinates
    hu: NDArray[np.float32]
    depth: NDArray[np.float32]
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
    shifts = [piece.shift(points) for piece in pieces]
    shares = [piece.share(points - shift) for piece, shift in zip(pieces, shifts, strict=True)]
    moving = np.zeros(len(voxels), bool)
    for shift, share in zip(shifts, shares, strict=True):
        moving |= (share > 0) & ((np.abs(shift).max(axis=1) >= STILL_MM) | (share < 1))
    moving |= sum(shares) < 1  # an open gap
    hu, depth = _here(block, voxels), _here(place.depth, voxels)
    swept = depth > 0
    moved = _Layers(matte, place, noise, rng).composed(
        voxels[moving], [shift[moving] for shift in shifts], [share[moving] for share in shares]
    )
    hu[moving], depth[moving], swept[moving] = moved[0], moved[1], swept[moving] | moved[2]
    return Moved(voxels, points, hu, depth, swept)


class _Layers:
    """What is resampled: bone, cover and a texture that shows what interpolation does to noise."""

    def __init__(self, matte: Matte, place: Place, noise: Noise, rng: np.random.Generator) -> None:
        self._matte, self._place, self._noise = matte, place, noise
        self._bone = ndimage.spline_filter(matte.bone, order=3, output=np.float32)
        texture = noise.field(matte.bone.shape, rng)
        self._texture = ndimage.spline_filter(texture, order=3, output=np.float32)
        self._fresh = noise.field(matte.bone.shape, rng)

    def composed(
        self, voxels: NDArray[np.int64], shifts: list[Coordinates], shares: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """HU, depth and sweep at some voxels."""
        total = np.zeros((3, len(voxels)), np.float32)  # bone, cover, texture
        depth = np.full(len(voxels), -np.inf, np.float32)
        swept = np.zeros(len(voxels), bool)
        for shift, share in zip(shifts, shares, strict=True):
            sources, halfway = (_sources(self._place, voxels, part * shift) for part in (1.0, 0.5))
            total += share * self._sampled(sources)
            arrived = self._depth_at(sources)
            depth = np.where(share > 0.5, np.maximum(depth, arrived), depth)
            swept |= (arrived > 0) | (self._depth_at(halfway) > 0)
        total /= np.maximum(total[1], 1)  # overriding ends share the room
        lost = _lost_noise(total[2], voxels, self._fresh.shape, self._noise.sigma)
        restored = _here(self._fresh, voxels) * lost * total[1]
        hu = total[0] + (1 - total[1]) * _here(self._matte.behind, voxels) + restored
        return hu, depth, swept

    def _depth_at(self, sources: NDArray[np.float64]) -> NDArray[np.float32]:
        return ndimage.map_coordinates(self._place.depth, sources, order=1, mode="nearest")

    def _sampled(self, sources: NDArray[np.float64]) -> NDArray[np.float32]:
        """Bone, cover, texture (3, n) at places of the block."""
        cover = ndimage.map_coordinates(self._matte.cover, sources, order=1, mode="nearest")
        bone, texture = (
            ndimage.map_coordinates(layer, sources, order=3, mode="nearest", prefilter=False)
            for layer in (self._bone, self._texture)
        )
        some = cover > 0  # where there is no bone, a spline still swings a little
        return np.stack([bone * some, cover, texture * some])


def _here(block: NDArray, voxels: NDArray[np.int64]) -> NDArray:
    return block[tuple(voxels.T)]


def coordinates_at(place: Place, voxels: NDArray[np.int64]) -> Coordinates:
    """Along, outward, across (n, 3) of voxels of the block."""
    return np.stack([_here(axis, voxels) for axis in (place.along, place.outward, place.across)], axis=1)


def _sources(place: Place, voxels: NDArray[np.int64], shift: Coordinates) -> NDArray[np.float64]:
    """Where voxels get their value from, (3, n) in voxels of the block."""
    return (voxels - (shift @ place.basis) / place.spacing).T


def _lost_noise(
    interpolated: NDArray[np.float32], voxels: NDArray[np.int64], shape: tuple[int, ...], sigma: float
) -> NDArray[np.float32]:
    """The factor of fresh noise that makes up for what interpolation took, (n,), 0 to 1."""
    known = np.zeros(shape, np.float32)
    power = np.zeros(shape, np.float32)
    index = tuple(voxels.T)
    known[index] = 1
    power[index] = interpolated**2
    weight = ndimage.uniform_filter(known, LOSS_VOXELS)[index]
    left = ndimage.uniform_filter(power, LOSS_VOXELS)[index] / np.maximum(weight, 1e-6) / sigma**2
    return np.sqrt(np.clip(1 - left, 0, 1))
