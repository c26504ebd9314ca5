"""A place on a rib: the block of voxels around it and their coordinates along and across the rib.

Everything that is inserted works in such a block, so its cost does not depend on the size of the scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..body import Body
from .paths import STEP_MM, RibPath

Window = tuple[slice, slice, slice]
MARGIN_MM = 12.0  # beyond the rib: what a moved end can reach, and tissue to learn noise and density from
SMOOTH_MM = 0.6  # of the distance to the mask, against staircases


@dataclass(frozen=True)
class Place:
    """A block around one point of a rib. Arrays are float32 over the block, [x, y, z].

    Attributes:
        window: the block in the body.
        spacing: mm.
        origin: (3,) the point of the centreline, mm from the body's first voxel.
        basis: (3, 3) unit vectors as rows, at the point: along, outward, across.
        along, outward, across: coordinates in mm from the point, along the curved rib.
        depth: mm beneath the surface of the rib's mask, negative outside.
        known: where the coordinates are computed; elsewhere they are far outside (1000 mm).
    """

    window: Window
    spacing: tuple[float, float, float]
    origin: NDArray[np.float64]
    basis: NDArray[np.float64]
    along: NDArray[np.float32]
    outward: NDArray[np.float32]
    across: NDArray[np.float32]
    depth: NDArray[np.float32]
    known: NDArray[np.bool_]

    @property
    def centre(self) -> tuple[int, int, int]:
        """The voxel of the body nearest to the point."""
        x, y, z = (int(value) for value in np.round(self.origin / self.spacing))
        return x, y, z


def place_on(body: Body, path: RibPath, at: float, reach: float) -> Place:
    """The block around one point of a path.

    Args:
        at: mm from the path's first point.
        reach: mm along the rib to both sides that the block shows, where the scan does.
    """
    row = round(at / STEP_MM)
    near = slice(max(row - round(reach / STEP_MM), 0), row + round(reach / STEP_MM) + 1)
    window = _window(path.points[near], body)
    own = ndimage.binary_fill_holes(body.ribs[window] == path.rib)
    depth = _depth(own, body.spacing)
    known = depth > -MARGIN_MM
    start = np.array([part.start for part in window])
    voxels = (np.argwhere(known) + start) * np.array(body.spacing)
    _, nearest = cKDTree(path.points[near]).query(voxels)
    rows = nearest + near.start
    offset = voxels - path.points[rows]
    axes = (path.tangents[rows], path.outward[rows], path.across[rows])
    coordinates = [(offset * axis).sum(axis=1) for axis in axes]
    coordinates[0] += (rows - row) * STEP_MM
    blocks = [_scattered(known, values) for values in coordinates]
    basis = np.stack([path.tangents[row], path.outward[row], path.across[row]])
    return Place(window, body.spacing, path.points[row], basis, *blocks, depth, known)


def _window(points: NDArray, body: Body) -> Window:
    """The block that holds some points of a path (mm), with what lies around them, clipped to the body."""
    low = np.floor((points.min(axis=0) - MARGIN_MM) / body.spacing).astype(int)
    high = np.ceil((points.max(axis=0) + MARGIN_MM) / body.spacing).astype(int) + 1
    x, y, z = (
        slice(max(first, 0), min(last, size))
        for first, last, size in zip(low, high, body.hu.shape, strict=True)
    )
    return x, y, z


def _depth(own: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Signed distance to the surface of a mask, mm, positive inside."""
    inside = ndimage.distance_transform_edt(own, spacing)
    outside = ndimage.distance_transform_edt(~own, spacing)
    sigma = [SMOOTH_MM / step for step in spacing]
    return ndimage.gaussian_filter((inside - outside).astype(np.float32), sigma)


def _scattered(known: NDArray[np.bool_], values: NDArray) -> NDArray[np.float32]:
    block = np.full(known.shape, 1000.0, np.float32)
    block[known] = values
    return block
