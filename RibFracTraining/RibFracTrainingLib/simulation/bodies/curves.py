"""Space curves with a cross-section frame: the backbone of ribs, cartilage, vessels and airways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from .canvas import Canvas, Window

CHUNK = 8  # points painted at once: long chunks have wasteful boxes, short ones overhead


@dataclass(frozen=True)
class Curve:
    """Points at equal steps along a curve, with an orthonormal frame at each.

    Attributes:
        points: (n, 3) mm.
        tangent, normal, binormal: (n, 3) unit vectors; for a rib the normal leads out of the chest and the
            binormal along its height.
        step: mm between points.
    """

    points: NDArray[np.float32]
    tangent: NDArray[np.float32]
    normal: NDArray[np.float32]
    binormal: NDArray[np.float32]
    step: float

    @property
    def along(self) -> NDArray[np.float32]:
        """Mm from the start of each point."""
        return self.step * np.arange(len(self.points), dtype=np.float32)


def spline(knots: ArrayLike, step: float) -> NDArray[np.float64]:
    """Points at equal steps of about `step` mm on a smooth curve through `knots` (n, 3)."""
    knots = np.asarray(knots, np.float64)
    chord = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    smooth = CubicSpline(chord, knots, bc_type="natural")
    dense = smooth(np.linspace(0, chord[-1], max(8, int(4 * chord[-1] / step))))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))])
    wanted = np.linspace(0, length[-1], max(3, round(length[-1] / step) + 1))
    return np.stack([np.interp(wanted, length, dense[:, axis]) for axis in range(3)], axis=1)


def framed(points: NDArray, outward: NDArray, twist: ArrayLike = 0.0) -> Curve:
    """A curve whose normals are nearest to `outward` (n, 3), turned by `twist` radians about the tangent."""
    step = float(np.linalg.norm(np.diff(points, axis=0), axis=1).mean())
    tangent = unit(np.gradient(points, axis=0))
    normal = unit(outward - (outward * tangent).sum(1, keepdims=True) * tangent)
    binormal = np.cross(tangent, normal)
    turn = np.broadcast_to(np.asarray(twist, np.float64), len(points))[:, None]
    turned = np.cos(turn) * normal + np.sin(turn) * binormal
    parts = (points, tangent, turned, np.cross(tangent, turned))
    return Curve(*(part.astype(np.float32) for part in parts), step)


def unit(vectors: NDArray) -> NDArray:
    """Vectors (..., 3) of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Section:
    """Voxels around a short piece of a curve, each seen from the nearest point of the curve.

    Attributes:
        places: three arrays (n,), indices into the canvas.
        index: (n,) nearest point of the curve.
        along, out, up: (n,) mm from that point along its tangent, normal and binormal.
    """

    places: tuple[NDArray[np.intp], ...]
    index: NDArray[np.intp]
    along: NDArray[np.float32]
    out: NDArray[np.float32]
    up: NDArray[np.float32]


def sections(canvas: Canvas, curve: Curve, reach: float) -> Iterator[Section]:
    """Every voxel within `reach` mm of a curve, each in one section."""
    count = len(curve.points)
    for begin in range(0, count, CHUNK):
        end = min(begin + CHUNK, count)
        core = curve.points[begin:end]
        window = canvas.window(core.min(0) - reach, core.max(0) + reach)
        if window is None:
            continue
        section = _section(window, curve, begin, end, reach)
        if section is not None:
            yield section


def _section(window: Window, curve: Curve, begin: int, end: int, reach: float) -> Section | None:
    middle = curve.points[(begin + end) // 2]
    radius = reach + curve.step * (CHUNK // 2 + 1)
    near = (window.x - middle[0]) ** 2 + (window.y - middle[1]) ** 2 + (window.z - middle[2]) ** 2
    i, j, k = np.nonzero(near < radius * radius)
    if not len(i):
        return None
    voxels = np.stack([window.x.ravel()[i], window.y.ravel()[j], window.z.ravel()[k]], axis=1) - middle
    # Neighbours beyond the piece compete too, so that each voxel belongs to one piece only.
    first, last = max(0, begin - CHUNK), min(len(curve.points), end + CHUNK)
    rivals = curve.points[first:last] - middle
    nearest = ((rivals**2).sum(1) - 2 * voxels @ rivals.T).argmin(1)
    index = nearest + first
    own = (index >= begin) & (index < end)
    if not own.any():
        return None
    index, offset = index[own], voxels[own] - rivals[nearest[own]]
    along, out, up = (
        np.einsum("ij,ij->i", offset, direction[index])
        for direction in (curve.tangent, curve.normal, curve.binormal)
    )
    places = tuple(part[own] + there.start for part, there in zip((i, j, k), window.slices, strict=True))
    return Section(places, index, along, out, up)


def ellipse_distance(
    out: NDArray, up: NDArray, along: NDArray, half_out: NDArray, half_up: NDArray
) -> NDArray:
    """Signed distance in mm to an elliptical tube with rounded ends, to first order near its surface."""
    radial = (out / half_out) ** 2 + (up / half_up) ** 2 + (along / half_out) ** 2
    slope = (out / half_out**2) ** 2 + (up / half_up**2) ** 2 + (along / half_out**2) ** 2
    radius = np.sqrt(radial)
    return radius * (radius - 1) / np.sqrt(np.maximum(slope, 1e-6))
