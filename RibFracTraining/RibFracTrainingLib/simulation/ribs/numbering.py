"""Numbers for ribs found without a mask: pieces of one rib joined, then counted from the top of each side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..body import RIBS_A_SIDE
from .paths import RibPath

JOINT_MM = 18.0
JOINT_COSINE = 0.75
SECTORS = 36  # of ten degrees around the chest, in which heights are compared


def number_paths(paths: list[RibPath], middle_x: float) -> list[int]:
    """A number for each path, 0 where a side has more than twelve ribs.

    Args:
        middle_x: x of the spine, mm: to its right (lower x) are the right ribs.
    """
    numbers = [0] * len(paths)
    for first, side in ((1, -1), (RIBS_A_SIDE + 1, 1)):
        mine = [k for k, path in enumerate(paths) if np.sign(path.points[:, 0].mean() - middle_x) == side]
        ribs = _joined(mine, paths)
        for place, rib in enumerate(_from_the_top(ribs, paths, middle_x)[:RIBS_A_SIDE]):
            for k in rib:
                numbers[k] = first + place
    return numbers


def _joined(mine: list[int], paths: list[RibPath]) -> list[list[int]]:
    """Paths grouped by rib: those that continue each other belong together."""
    groups = [[k] for k in mine]
    for k in mine:
        for other in mine:
            if k < other and _continues(paths[k], paths[other]):
                one = next(group for group in groups if k in group)
                two = next(group for group in groups if other in group)
                if one is not two:
                    one.extend(two)
                    groups.remove(two)
    return groups


def _continues(one: RibPath, other: RibPath) -> bool:
    """Whether an end of one path goes on in an end of the other."""
    for point, direction in _ends(one):
        for start, opposite in _ends(other):
            gap = start - point
            straight = -float(direction @ opposite) > JOINT_COSINE
            if np.linalg.norm(gap) < JOINT_MM and straight:
                return True
    return False


def _ends(path: RibPath) -> list[tuple[NDArray, NDArray]]:
    """Both ends with the direction in which the rib would go on."""
    inner = min(12, len(path.points) - 1)
    pairs = ((path.points[0], path.points[inner]), (path.points[-1], path.points[-1 - inner]))
    return [(end, (end - before) / np.linalg.norm(end - before)) for end, before in pairs]


def _from_the_top(ribs: list[list[int]], paths: list[RibPath], middle_x: float) -> list[list[int]]:
    """Ribs from superior to inferior, compared where they pass the same side of the chest."""
    if not ribs:
        return []
    middle_y = float(np.mean(np.concatenate([paths[k].points[:, 1] for rib in ribs for k in rib])))
    heights = np.full((len(ribs), SECTORS), np.nan)
    for row, rib in enumerate(ribs):
        points = np.concatenate([paths[k].points for k in rib])
        angle = np.arctan2(points[:, 1] - middle_y, points[:, 0] - middle_x)
        sector = np.floor((angle + np.pi) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
        for value in np.unique(sector):
            heights[row, value] = points[sector == value, 2].mean()
    above = [[_is_above(other, one) for other in heights] for one in heights]
    order = np.argsort(np.sum(above, axis=1), kind="stable")
    return [ribs[row] for row in order]


def _is_above(one: NDArray, other: NDArray) -> bool:
    """Whether a rib is above another one; those that share no sector are compared by their means."""
    both = np.isfinite(one) & np.isfinite(other)
    if both.any():
        return bool((one[both] - other[both]).mean() > 0)
    return bool(np.nanmean(one) > np.nanmean(other))
