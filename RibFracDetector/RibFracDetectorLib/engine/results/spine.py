"""The spine hull: where, seen from above, the column of vertebrae stands. Source: spec 5.6."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

BONE_HU = 300
MEDIAN_SIZE = 10
DISK_RADIUS = 7
LARGEST_MM = 100.0
"""No thoracic vertebra with all its processes is this long; hulls of whole chests reach 46 x 71 mm."""


def spine_hull(voxels: NDArray) -> NDArray[np.bool_]:
    """The convex hull of the spine in the axial plane.

    Bone is counted along z; what stays above a quarter of the maximum after a median filter, opened and
    closed with a disk, is spine; its largest 8-connected region is filled to its hull.

    Args:
        voxels: HU [x, y, z], oriented LPS.

    Returns:
        bool [x, y]; all False where there is no bone column.
    """
    height = np.count_nonzero(voxels > BONE_HU, axis=2)
    height = ndimage.median_filter(height, size=MEDIAN_SIZE)
    column = height > height.max() // 4
    disk = _disk(DISK_RADIUS)
    column = ndimage.binary_opening(column, disk)
    # Beyond the border counts as background for growing and as foreground for shrinking.
    column = ndimage.binary_erosion(ndimage.binary_dilation(column, disk), disk, border_value=1)
    regions, count = ndimage.label(column, np.ones((3, 3)))
    if count == 0:
        return np.zeros(column.shape, bool)
    sizes = np.bincount(regions.ravel())[1:]
    return _filled_hull(regions == sizes.argmax() + 1)


def spine_or_nothing(hull: NDArray[np.bool_], spacing: Sequence[float]) -> NDArray[np.bool_]:
    """The hull, if it is no larger than a spine; else all False.

    In a scan of few slices ribs stand as high as the spine, and the hull takes in the side of the chest.

    Args:
        hull: bool [x, y].
        spacing: mm along x and y.
    """
    places = np.argwhere(hull)
    if not len(places):
        return hull
    extent = (np.ptp(places, axis=0) + 1) * np.asarray(spacing)
    return hull if extent.max() <= LARGEST_MM else np.zeros_like(hull)


def _disk(radius: int) -> NDArray[np.bool_]:
    x, y = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def _filled_hull(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels whose centre lies in the convex hull of the region; a pixel is a diamond of half width 0.5."""
    pixels = np.argwhere(region).astype(np.float64)
    steps = np.array([(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)])
    corners = (pixels[:, None] + steps).reshape(-1, 2)
    try:
        hull = ConvexHull(corners)
    except QhullError:
        return region
    centers = np.indices(region.shape).reshape(2, -1)
    normals, offsets = hull.equations[:, :2], hull.equations[:, 2:]
    inside = (normals @ centers + offsets <= 1e-9).all(axis=0)
    return inside.reshape(region.shape)
