"""Solid shapes by signed distance, and bones made of them: a compact shell around spongy bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import Bone
from .canvas import Canvas, Window
from .noise import tiled

Distance = NDArray[np.float32]
FAR_MM = 50.0


def capsule(window: Window, start: ArrayLike, end: ArrayLike, radius: float, end_radius: float) -> Distance:
    """Signed distance in mm to a rod with rounded ends whose radius changes from start to end."""
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    axis = b - a
    x, y, z = window.x - a[0], window.y - a[1], window.z - a[2]
    part = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / max(float(axis @ axis), 1e-6), 0, 1)
    gap = (x - part * axis[0]) ** 2 + (y - part * axis[1]) ** 2 + (z - part * axis[2]) ** 2
    return np.sqrt(gap) - (np.float32(radius) + part * np.float32(end_radius - radius))


def block(window: Window, centre: ArrayLike, axes: ArrayLike, half: ArrayLike) -> Distance:
    """Signed distance in mm, to first order, to a box with round edges.

    It is a superellipsoid of power 4 with half axes `half` along the rows of `axes`.
    """
    offsets = [axis - np.float32(c) for axis, c in zip((window.x, window.y, window.z), centre, strict=True)]
    total = slope = 0
    for row, extent in zip(np.asarray(axes, np.float32), np.asarray(half, np.float32), strict=True):
        part = (offsets[0] * row[0] + offsets[1] * row[1] + offsets[2] * row[2]) / extent
        square = part * part
        total = total + square * square
        slope = slope + square * square * square / (extent * extent)
    root = np.sqrt(total)
    return (np.sqrt(root) - 1) * np.sqrt(root) * root / np.sqrt(np.maximum(slope, 1e-8))


def joined(parts: list[Distance], round_mm: float = 2.0) -> Distance:
    """The union of shapes with seams rounded over about `round_mm`."""
    result = parts[0]
    for part in parts[1:]:
        result = _union(result, part, round_mm)
    return result


def _union(first: Distance, second: Distance, round_mm: float) -> Distance:
    overlap = np.maximum(np.float32(round_mm) - np.abs(first - second), 0)
    return np.minimum(first, second) - overlap * overlap / np.float32(4 * round_mm)


@dataclass(frozen=True)
class Rod:
    """A rod with rounded ends, mm."""

    start: ArrayLike
    end: ArrayLike
    radius: float
    end_radius: float


def rods(window: Window, parts: list[Rod], round_mm: float = 3.0) -> Distance:
    """Signed distance to the rounded union of rods; exact near them, FAR_MM away from all of them."""
    result = np.full(window.shape, FAR_MM, np.float32)
    for rod in parts:
        start, end = np.asarray(rod.start), np.asarray(rod.end)
        reach = max(rod.radius, rod.end_radius) + round_mm + 1.5
        near = window.part(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        if near is not None:
            distance = capsule(near, start, end, rod.radius, rod.end_radius)
            result[near.slices] = _union(result[near.slices], distance, round_mm)
    return result


@dataclass(frozen=True)
class BoneStyle:
    """How a bone looks.

    Attributes:
        cortex_mm: thickness of the compact shell.
        cortex: its density as a part of the skeleton's compact bone.
        marrow: mean HU inside.
        grain: HU of the trabecular pattern.
    """

    cortex_mm: float
    cortex: float
    marrow: float
    grain: float


def paint_bone(
    canvas: Canvas,
    window: Window,
    distance: Distance,
    bone: Bone,
    style: BoneStyle,
    tile: NDArray[np.float32],
) -> None:
    """Paint a solid as bone."""
    texture = tiled(tile, window.slices)
    inside = canvas.cover(distance + style.cortex_mm, bone.border_mm)
    shell = bone.cortex_hu * style.cortex * (1 - 0.05 * texture)
    value = shell + inside * (style.marrow + style.grain * texture - shell)
    canvas.blend(window, canvas.cover(distance), value)
