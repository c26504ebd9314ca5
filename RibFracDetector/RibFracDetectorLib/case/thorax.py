"""Left or right, in front, at the side or behind: where a place lies in the chest, from the CT alone.

A rule of thumb for a reader's table, on blocks of about 4 mm, numpy only. The spine tells the midline, the
lungs tell how far the chest reaches on each level; where a level has no lung, its neighbours' measures count,
and without any lung those of the body. A place is at the side when it is seen within 30 degrees of straight
left or right from the middle of the chest, taken as an ellipse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .anatomy import BLOCK_MM, BONE_HU, LUNG_HU, TISSUE_HU, block_means, enclosed

Side = Literal["left", "right"]
Region = Literal["anterior", "lateral", "posterior"]

LATERAL_WITHIN_DEGREES = 30.0
# Between a lung's outermost block and the middle of the ribs around it.
_WALL_MM = 8.0
# Clothes, folds of skin and the edges of the table make specks that look like lung; lung is wider.
_ROW_OF_BLOCKS = 5
# Vertebrae are as wide as this; nothing else behind the middle of the body has so much bone.
_SPINE_WIDTH_MM = 40.0
# Even a patient who lies badly has the spine this near to the middle of the body.
_SPINE_WITHIN_MM = 50.0
# The lowest ribs surround the abdomen, beside the last thin edge of lung: their chest is the one above them.
_LEVELS_MM = 60.0


@dataclass(frozen=True)
class Location:
    """Where a place lies in the chest."""

    side: Side
    region: Region

    def __str__(self) -> str:
        return f"{self.side} {self.region}"


@dataclass(frozen=True, eq=False)
class Thorax:
    """The measures of one chest, in voxels of the LPS-oriented CT.

    Attributes:
        midline: x of the spine.
        levels: z at which the others were measured, ascending.
        depth: y of the middle between front and back on each level.
        half_width: from the midline to the side on each level.
        half_depth: from the middle to front or back on each level.
    """

    midline: float
    levels: NDArray[np.float64]
    depth: NDArray[np.float64]
    half_width: NDArray[np.float64]
    half_depth: NDArray[np.float64]

    def locate(self, point: NDArray | tuple[float, float, float]) -> Location:
        """Where a place (x, y, z in voxels; x grows to the left, y to posterior) lies."""
        x, y, z = (float(value) for value in point)
        depth, width, half = (
            float(np.interp(z, self.levels, measure))
            for measure in (self.depth, self.half_width, self.half_depth)
        )
        angle = np.degrees(np.arctan2((y - depth) / half, abs(x - self.midline) / width))
        if abs(angle) <= LATERAL_WITHIN_DEGREES:
            region: Region = "lateral"
        else:
            region = "posterior" if angle > 0 else "anterior"
        return Location("left" if x >= self.midline else "right", region)


def measure_thorax(voxels: NDArray[np.int16], spacing: tuple[float, float, float]) -> Thorax:
    """The measures of the chest in a CT (HU, [x, y, z], LPS; `spacing` in mm)."""
    factors = np.array([max(1, round(BLOCK_MM / step)) for step in spacing])
    step = factors * np.asarray(spacing)
    blocks = block_means(voxels, factors.tolist())
    tissue = blocks > TISSUE_HU
    lung = (blocks > LUNG_HU[0]) & (blocks < LUNG_HU[1]) & enclosed(tissue)
    chest, wall = (lung, _WALL_MM) if lung.any() else (tissue, 0.0)
    midline = _midline(blocks > BONE_HU, tissue, step)
    reach = max(1, round(_LEVELS_MM / step[2]))
    low_x, high_x = _extent(chest.sum(axis=1) >= _ROW_OF_BLOCKS, reach)
    low_y, high_y = _extent(chest.sum(axis=0) >= _ROW_OF_BLOCKS, reach)
    half_width = np.maximum(high_x - midline, midline - low_x) + wall / step[0]
    half_depth = (high_y - low_y) / 2 + wall / step[1]
    return Thorax(
        midline=_to_voxels(midline, factors[0]),
        levels=_to_voxels(np.arange(blocks.shape[2]), factors[2]),
        depth=_to_voxels((low_y + high_y) / 2, factors[1]),
        half_width=np.maximum(half_width, 1.0) * factors[0],
        half_depth=np.maximum(half_depth, 1.0) * factors[1],
    )


def _to_voxels(blocks: NDArray | float, factor: int) -> NDArray | float:
    """Continuous voxel indices of the middles of blocks."""
    return (np.asarray(blocks) + 0.5) * factor - 0.5


def _midline(bone: NDArray[np.bool_], tissue: NDArray[np.bool_], step: NDArray) -> float:
    """The spine's middle along x in blocks; the body's where no bone is found."""
    columns = tissue.any(axis=(1, 2))
    if not columns.any():
        return (len(columns) - 1) / 2
    place = np.arange(len(columns))
    body = float(np.average(place, weights=tissue.sum(axis=(1, 2))))
    rows = np.flatnonzero(tissue.any(axis=(0, 2)))
    behind = bone[:, (rows[0] + rows[-1]) // 2 :].sum(axis=(1, 2)).astype(np.float64)
    width = min(max(1, round(_SPINE_WIDTH_MM / step[0])), len(behind))
    profile = np.convolve(behind, np.ones(width), mode="same")
    profile[np.abs(place - body) > _SPINE_WITHIN_MM / step[0]] = 0
    if not profile.any():
        return body
    peak = int(profile.argmax())
    window = slice(max(0, peak - width // 2), peak + width // 2 + 1)
    weights = behind[window]
    return float(np.average(place[window], weights=weights)) if weights.any() else body


def _extent(seen: NDArray[np.bool_], reach: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and last index on each level or within `reach` levels of it, gaps bridged.

    Args:
        seen: [along, z].
    """
    levels = np.flatnonzero(seen.any(axis=0))
    if not len(levels):
        return np.zeros(seen.shape[1]), np.full(seen.shape[1], seen.shape[0] - 1.0)
    first = seen[:, levels].argmax(axis=0)
    last = seen.shape[0] - 1 - seen[::-1, levels].argmax(axis=0)
    first, last = (np.interp(np.arange(seen.shape[1]), levels, ends) for ends in (first, last))
    windows = [slice(max(0, z - reach), z + reach + 1) for z in range(seen.shape[1])]
    return np.array([first[near].min() for near in windows]), np.array([last[near].max() for near in windows])
