"""Solid shapes by signed distance, and bones made of them: a compact shell around spongy bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import Bone
from .canvas import Canvas, Window
from .noise import tiled

Distance = NDArray[np.float32]


def capsule(window: Window, start: ArrayLike, end: ArrayLike, radius: float, end_radius: float) -> Distance:
    """Signed distance in mm to a rod with rounded ends whose radius changes from start to end."""
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    axis = b - a
    x, y, z = window.x - a[0], window.y - a[1], window.z - a[2]
    part = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / max(float(axis @ axis), 1e-6), 0, 1)
    gap = (x - part * axis[0]) ** 2 + (y - part * axis[1]) ** 2 + (z - part * axis[2]) ** 2
    return np.sqrt(gap) - (np.float32(radius) + part * np.float32(end_radius - radius))


def block(window: Window, centre: ArrayLike, axes: ArrayLike, half: ArrayLike, power: float = 4.0) -> Distance:
    """Signed distance in mm, to first order, to a superellipsoid with half axes `half` along rows of `axes`."""
    centre, half = np.asarray(centre, np.float32), np.asarray(half, np.float32)
    offsets = window.x - centre[0], window.y - centre[1], window.z - centre[2]
    total = 0
    for row, extent in zip(np.asarray(axes, np.float32), half, strict=True):
        along = sum(offset * part for offset, part in zip(offsets, row, strict=True))
        total = total + np.abs(along / extent) ** np.float32(power)
    return (total ** np.float32(1 / power) - 1) * half.min()


def joined(parts: list[Distance], round_mm: float = 2.0) -> Distance:
    """The union of shapes with seams rounded over about `round_mm`."""
    result = parts[0]
    for part in parts[1:]:
        overlap = np.maximum(round_mm - np.abs(result - part), 0)
        result = np.minimum(result, part) - overlap**2 / np.float32(4 * round_mm)
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
    canvas: Canvas, window: Window, distance: Distance, bone: Bone, style: BoneStyle, tile: NDArray[np.float32]
) -> None:
    """Paint a solid as bone."""
    texture = tiled(tile, window.slices)
    inside = canvas.cover(distance + style.cortex_mm)
    shell = bone.cortex_hu * style.cortex * (1 - 0.1 * texture)
    value = shell + inside * (style.marrow + style.grain * texture - shell)
    canvas.blend(window, canvas.cover(distance), value)
