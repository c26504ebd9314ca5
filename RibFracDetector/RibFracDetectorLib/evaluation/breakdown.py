"""Sensitivity by class and by size of the lesion, at thresholds that all lesions together set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cases import UNKNOWN_CLASS, Lesions
from .froc import operating_score
from .matching import Pool

SIZE_EDGES = (10.0, 20.0, 40.0)
"""Borders of the size groups: longest edge of the lesion's box."""


def sensitivity_by_group(
    pool: Pool, groups: Sequence[str], points: Sequence[float]
) -> dict[str, dict[str, Any]]:
    """Share of each group's lesions hit at the scores that give `points` false positives a scan overall.

    Args:
        pool: the matched scans.
        groups: (G,) name of the group of each lesion of the pool.
        points: false positives a scan.

    Returns:
        for each group `{"lesions": n, "sensitivity": {"0.5": ..., ...}}`, in the order of their names.
    """
    names = np.asarray(groups)
    hits_at = {str(point): pool.hit_scores >= operating_score(pool, point) for point in points}
    return {
        str(name): {
            "lesions": int(np.count_nonzero(names == name)),
            "sensitivity": {point: float(np.mean(hits[names == name])) for point, hits in hits_at.items()},
        }
        for name in np.unique(names)
    }


def class_groups(lesions: Sequence[Lesions], names: Mapping[int, str]) -> list[str]:
    """The name of each lesion's class, scans joined."""
    classes = (int(value) for case in lesions for value in case.classes)
    return [_class_name(value, names) for value in classes]


def _class_name(value: int, names: Mapping[int, str]) -> str:
    if value == UNKNOWN_CLASS:
        return "unknown"
    return f"{value} {names[value]}" if value in names else str(value)


def size_groups(lesions: Sequence[Lesions]) -> tuple[list[str], str]:
    """The size group of each lesion, scans joined, and the unit of the borders.

    Millimetres where the spacing of every scan with lesions is known, voxels else.
    """
    in_mm = all(case.spacing is not None for case in lesions if len(case))
    longest = [_longest_edges(case, in_mm) for case in lesions]
    unit = "mm" if in_mm else "voxels"
    names = _size_names(unit)
    return [names[index] for case in longest for index in np.digitize(case, SIZE_EDGES)], unit


def _longest_edges(lesions: Lesions, in_mm: bool) -> NDArray[np.float64]:
    edges = lesions.boxes[:, 3:] - lesions.boxes[:, :3]
    if in_mm and lesions.spacing is not None:
        edges = edges * np.asarray(lesions.spacing)
    return edges.max(axis=1) if len(edges) else np.empty(0)


def _size_names(unit: str) -> list[str]:
    low, *middle, high = (f"{edge:g}" for edge in SIZE_EDGES)
    inner = [f"{a}-{b} {unit}" for a, b in zip([low, *middle], [*middle, high], strict=True)]
    return [f"0-{low} {unit}", *inner, f">={high} {unit}"]
