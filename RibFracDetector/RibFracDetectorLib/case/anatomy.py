"""Does a scan seem to hold ribs? A rule of thumb on blocks of about 4 mm, numpy only.

Ribs lie around lung. Lung is what has the density of lung and has tissue on its left, right, front and
back; around it, bone must be near. One aerated lung is enough, so an opaque hemithorax passes. A head has
too little such air, and bowel gas is emptier than lung; outside air is not enclosed. The answer is only used
for a warning: a chest with both lungs opaque fails the rule, and bowel full of stool may pass it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Averaging over such a block takes the noise off and leaves a rib (6-12 mm thick) visible.
BLOCK_MM = 4.0
# Aerated lung is at -900 to -700 HU; gas and outside air, averaged, stay below -960.
LUNG_HU = (-960, -400)
TISSUE_HU = -300  # fat and denser, averaged with some air at the edge
BONE_HU = 150  # a rib averaged with its surroundings; muscle and most enhanced vessels lie below
# An adult lung holds more than a litre; sinuses, mastoid and pharynx with their blurred edges hold less.
MIN_LUNG_ML = 150.0
# From pleura to the far side of a rib, generously.
CHEST_WALL_MM = 20.0
# Ribs around 4 cm of one lung, already.
MIN_BONE_ML = 5.0


def seems_to_hold_ribs(voxels: NDArray[np.int16], spacing: tuple[float, float, float]) -> bool:
    """Whether lung with bone near it is found in `voxels` (HU, [x, y, z], LPS; `spacing` in mm)."""
    factors = [max(1, round(BLOCK_MM / step)) for step in spacing]
    blocks = block_means(voxels, factors)
    block_ml = float(np.prod(np.multiply(factors, spacing))) / 1000
    lung = (blocks > LUNG_HU[0]) & (blocks < LUNG_HU[1]) & enclosed(blocks > TISSUE_HU)
    if lung.sum() * block_ml < MIN_LUNG_ML:
        return False
    near_lung = lung
    for axis in (0, 1):
        steps = max(1, round(CHEST_WALL_MM / (factors[axis] * spacing[axis])))
        near_lung = _widened(near_lung, axis, steps)
    bone = (blocks > BONE_HU) & near_lung
    return bool(bone.sum() * block_ml >= MIN_BONE_ML)


def block_means(voxels: NDArray[np.int16], factors: list[int]) -> NDArray[np.float32]:
    """Means over blocks, [x, y, z]; the incomplete blocks at the far ends are left out."""
    counts = [size // factor for size, factor in zip(voxels.shape, factors, strict=True)]
    means = np.empty(counts, dtype=np.float32)
    (nx, ny, nz), (fx, fy, fz) = counts, factors
    for z in range(nz):  # slab by slab: a reshape of the whole volume would copy it
        slab = voxels[: nx * fx, : ny * fy, z * fz : (z + 1) * fz].mean(axis=2, dtype=np.float32)
        means[:, :, z] = slab.reshape(nx, fx, ny, fy).mean(axis=(1, 3))
    return means


def enclosed(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where tissue lies on both sides along x and on both sides along y."""
    enclosed = np.ones_like(tissue)
    for axis in (0, 1):
        before = np.logical_or.accumulate(tissue, axis=axis)
        behind = np.flip(np.logical_or.accumulate(np.flip(tissue, axis), axis=axis), axis)
        enclosed &= before & behind
    return enclosed


def _widened(mask: NDArray[np.bool_], axis: int, steps: int) -> NDArray[np.bool_]:
    """`mask` grown by `steps` voxels to both sides along one axis."""
    grown = np.moveaxis(mask.copy(), axis, 0)
    source = np.moveaxis(mask, axis, 0)
    for step in range(1, min(steps, len(source) - 1) + 1):
        grown[step:] |= source[:-step]
        grown[:-step] |= source[step:]
    return np.moveaxis(grown, 0, axis)
