"""A small body with curved ribs of cortex and marrow around a lung, exact by construction."""

from __future__ import annotations

import numpy as np
from RibFracTrainingLib.simulation.body import Body, rib_name
from scipy import ndimage

LUNG, FAT, MUSCLE, MARROW, CORTEX = -830.0, -100.0, 50.0, 180.0, 750.0
RADIUS_MM = 70.0  # of the circle of the ribs' centrelines, around the x-y origin of the grid
RIB_HALF_MM = (3.5, 6.0)  # outward, across
CORTEX_MM = 1.2
RIB_HEIGHTS_MM = (16.0, 40.0)
SLOPE = 0.15  # mm of height lost for a mm along


def quarter_chest(
    spacing: tuple[float, float, float] = (0.8, 0.8, 1.0), noise: float = 12.0, seed: int = 0
) -> Body:
    """Two left ribs, 13 and 14, of a quarter of a circle each, in muscle between lung and fat.

    The outward direction is away from the origin of x and y.
    """
    size = tuple(round(reach / step) for reach, step in zip((100.0, 100.0, 56.0), spacing, strict=True))
    axes = [np.arange(n, dtype=np.float32) * step for n, step in zip(size, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    outward = np.hypot(x, y) - RADIUS_MM
    along = RADIUS_MM * np.arctan2(y, x)
    hu = np.where(outward < -6, LUNG, np.where(outward > 9, FAT, MUSCLE)).astype(np.float32) + 0 * z
    ribs = np.zeros(size, np.uint8)
    inside_ends = (along > 8) & (along < RADIUS_MM * np.pi / 2 - 8)
    for number, height in enumerate(RIB_HEIGHTS_MM, start=13):
        across = z - height + SLOPE * (along - RADIUS_MM * np.pi / 4)
        ratio = np.hypot(outward / RIB_HALF_MM[0], across / RIB_HALF_MM[1])
        depth = (1 - ratio) * min(RIB_HALF_MM)  # about mm beneath the surface
        bone = inside_ends & (depth > 0)
        density = CORTEX + (MARROW - CORTEX) * np.clip((depth - CORTEX_MM) / 0.8, 0, 1)
        part = np.clip(depth / 0.8 + 0.5, 0, 1) * inside_ends
        hu = hu + part * (density - hu)
        ribs[np.broadcast_to(bone, size)] = number
    rng = np.random.default_rng(seed)
    hu = hu + noise * rng.standard_normal(size, np.float32)
    return Body(hu.astype(np.float32), ribs, spacing)


CAGE_MM = (125.0, 90.0)  # semi-axes of the ellipse that the ribs follow
LEVELS = 9
LEVEL_MM = 22.0
SCAPULA, STERNUM, SPINE = 101, 102, 103


def whole_chest(spacing: tuple[float, float, float] = (1.5, 1.5, 2.0)) -> tuple[Body, np.ndarray]:
    """Nine ribs a side around two lungs, and a map of bones: ribs' numbers, `SCAPULA`, `STERNUM`, `SPINE`."""
    size = tuple(round(reach / step) for reach, step in zip((320.0, 250.0, 280.0), spacing, strict=True))
    axes = [np.arange(n, dtype=np.float32) * step for n, step in zip(size, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    x, y = x - 160, y - 125
    ratio = np.hypot(x / CAGE_MM[0], y / CAGE_MM[1])
    outward = (ratio - 1) * np.sqrt(CAGE_MM[0] * CAGE_MM[1])  # mm, nearly
    angle = np.abs(np.arctan2(x / CAGE_MM[0], y / CAGE_MM[1]))  # 0 behind, pi in front
    hu = np.where(outward < -6, LUNG, np.where(outward < 30, MUSCLE, -1000.0)) + 0 * z
    hu[np.broadcast_to((np.abs(x) < 28) & (outward < 0), size)] = MUSCLE
    bones = np.zeros(size, np.uint8)
    for level in range(LEVELS):
        across = z - (255 - LEVEL_MM * level - 18 * angle)
        inside = (np.hypot(outward / 3.5, across / 5.5) < 1) & (angle > 0.15) & (angle < 2.5)
        for first, side in ((1, x < 0), (13, x > 0)):
            bones[inside & side] = first + level
    marrow = ndimage.binary_erosion(bones > 0, iterations=1)
    hu[bones > 0] = CORTEX
    hu[marrow] = MARROW
    blade = (np.abs(outward - 17) < 2) & (angle > 0.7) & (angle < 1.4) & (z > 130) & (z < 240)
    for value, where in (
        (SCAPULA, blade),
        (STERNUM, (np.abs(x) < 20) & (np.abs(y + 92) < 5) & (z > 90)),
        (SPINE, (np.hypot(x, y - 80) < 18) & (z > -1)),
    ):
        bones[where] = value
        hu[where] = 350.0
    hu = ndimage.gaussian_filter(hu, [0.6 / step for step in spacing])
    hu += 15 * np.random.default_rng(0).standard_normal(size)
    ribs = np.where(bones <= 24, bones, 0).astype(np.uint8)
    return Body(hu.astype(np.float32), ribs, spacing), bones


def labels_of(body: Body) -> tuple[np.ndarray, dict[str, int]]:
    """A label map in the way of TotalSegmentator: ribs, lungs, and all other tissue as muscle."""
    names = {"rib_{1}_{0}".format(*reversed(rib_name(number).split())): number for number in range(1, 25)}
    names |= {"lung_upper_lobe_left": 25, "autochthon_left": 26, "heart": 27}
    labels = np.where(body.hu > -300, 26, np.where(body.hu > -960, 25, 0)).astype(np.uint8)
    labels[body.ribs > 0] = body.ribs[body.ribs > 0]
    return labels, names
