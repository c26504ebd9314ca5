"""Necks for the ribs of an atlas whose labels end where the transverse processes begin.

The labels of the atlas that we use leave out 25 to 40 mm of every rib, which lie close to the vertebra. A
body made of them has blunt ribs there, and no joint between rib and vertebra.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .curves import spline

END_MM = 5.0  # of the rib at its end that tells where the neck begins
COURSE_MM = (10.0, 22.0)  # from that end: where the rib's course is taken from
MISSING_MM = (26.0, 60.0)  # from the spinal canal's middle to the end of a rib without a neck
HEAD_MM = (17.0, -6.0, 2.0)  # of the head from the canal's middle: to the side, to the back, up
RADII_MM = (4.2, 3.4, 4.6)  # where the neck begins, in its middle, and of the head
STEP_MM = 0.7


def add_necks(
    ribs: NDArray[np.uint8], spine: NDArray[np.bool_], cord: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.uint8]:
    """Ribs continued to the vertebra beside which they end, where something of them is missing.

    Args:
        ribs: (nx, ny, nz) in LPS order, 0 or the number of a rib, 1 to 24.
        spine: of the same shape; no neck is drawn where a vertebra is.
        cord: of the same shape; tells where the canal is. Ribs at heights without it stay as they are.
        spacing: mm.
    """
    added = ribs.copy()
    step = np.array(spacing)
    canal = _canal(cord, step)
    for number in range(1, 25):
        points = np.argwhere(ribs == number) * step
        course = _course(points, canal, step) if len(points) else None
        if course is not None:
            _draw(added, number, course, spine, step)
    return added


def _canal(cord: NDArray[np.bool_], spacing: NDArray) -> NDArray:
    """Middle of the cord by slice, (nz, 2) mm; infinitely far where there is none."""
    middle = np.full((cord.shape[2], 2), np.inf)
    for z in np.flatnonzero(cord.any(axis=(0, 1))):
        middle[z] = np.argwhere(cord[:, :, z]).mean(0) * spacing[:2]
    return middle


def _course(points: NDArray, canal: NDArray, spacing: NDArray) -> NDArray | None:
    """Points in mm from the end of a rib to its head; None where no neck is missing."""
    away = np.linalg.norm(points[:, :2] - canal[np.rint(points[:, 2] / spacing[2]).astype(int)], axis=1)
    if not _within(away.min(), MISSING_MM):
        return None
    nearest = points[away.argmin()]
    from_end = np.linalg.norm(points - nearest, axis=1)
    end, before = points[from_end < END_MM].mean(0), points[_within(from_end, COURSE_MM)].mean(0)
    x, y = canal[round(nearest[2] / spacing[2])]
    side = np.sign(end[0] - x)
    head = np.array([x + side * HEAD_MM[0], y + HEAD_MM[1], end[2] + HEAD_MM[2]])
    ahead = (end - before) / np.linalg.norm(end - before)
    return spline([end, end + 0.4 * np.linalg.norm(head - end) * ahead, head], STEP_MM)


def _within(value: NDArray | float, limits: tuple[float, float]) -> NDArray | bool:
    return (value >= limits[0]) & (value <= limits[1])


def _draw(
    ribs: NDArray[np.uint8], number: int, course: NDArray, spine: NDArray[np.bool_], spacing: NDArray
) -> None:
    """Number the voxels around a course that nothing else takes, as far as the rib reaches them."""
    radii = np.interp(np.linspace(0, 1, len(course)), [0, 0.5, 1], RADII_MM)
    low = np.maximum(np.floor((course.min(0) - max(RADII_MM)) / spacing).astype(int), 0)
    high = np.ceil((course.max(0) + max(RADII_MM)) / spacing).astype(int) + 1
    box = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    part = ribs[box]
    places = (np.stack(np.indices(part.shape), axis=-1) + low) * spacing
    near = np.zeros(part.shape, bool)
    for point, radius in zip(course, radii, strict=True):
        near |= ((places - point) ** 2).sum(-1) < radius * radius
    own = part == number
    free = near & (part == 0) & ~spine[box]
    part[ndimage.binary_propagation(own, mask=own | free)] = number
