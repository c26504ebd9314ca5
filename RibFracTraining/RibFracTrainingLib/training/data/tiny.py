"""A tiny simulated data set in the prepared layout, made within seconds: for tests and for `smoke`.

Slanting ribs in soft tissue around lung; a fracture is a dark gap between two dense, displaced ends. The
scans are marked as simulated: nothing trained on them says anything about patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.whole_files import write_json

from .cache_writing import staged_case, write_arrays
from .classes import UNKNOWN
from .layout import SPLIT_FILE

AIR, LUNG, MUSCLE, MARROW, CORTEX, CALLUS = -1000.0, -850.0, 50.0, 250.0, 700.0, 1500.0
RIB_RADIUS_MM, CORTEX_MM = 5.0, 1.8
GAP_MM, END_MM, DISPLACEMENT_MM = 1.6, 5.0, 2.0
SLOPE_MM = 6.0  # how much a rib sinks from back to front, to either side of its middle
LABELS = (1, 2, 3, 4, UNKNOWN)


@dataclass(frozen=True)
class TinySettings:
    """What the data set holds.

    Attributes:
        training, test: number of scans in each split.
        fracture_free: how many of the training scans have no fracture.
        fractures: least and greatest number of fractures in the others.
        size: voxels along x, y, z.
        spacing: millimetres.
        noise: standard deviation in HU.
    """

    training: int = 4
    test: int = 2
    fracture_free: int = 1
    fractures: tuple[int, int] = (1, 3)
    size: tuple[int, int, int] = (96, 96, 96)
    spacing: tuple[float, float, float] = (0.78, 0.78, 1.1)
    noise: float = 15.0

    def __post_init__(self) -> None:
        if min(self.training, self.test, self.fractures[0], *self.size) < 1 or min(self.spacing) <= 0:
            raise ValueError(f"expected at least one scan, fracture and voxel, not {self}")
        if not 0 <= self.fracture_free < self.training or self.fractures[0] > self.fractures[1]:
            raise ValueError(f"expected scans with fractures and an increasing range, not {self}")


@dataclass(frozen=True)
class _Fracture:
    rib: float  # height of the rib's middle, mm
    angle: float  # along the rib, radians
    side: int  # of the displacement


def make_tiny_dataset(root: Path, settings: TinySettings, seed: int = 0) -> Path:
    """Write a data set and return its folder; the same seed gives the same voxels.

    Raises:
        InputError: the folder cannot be written to.
    """
    names = [f"tiny{number:03d}" for number in range(settings.training + settings.test)]
    grid = Grid(settings.size, settings.spacing)
    for number, name in enumerate(names):
        generator = np.random.default_rng([seed, number])
        with_fractures = number >= settings.fracture_free
        image, instances = _scan(settings, with_fractures, generator)
        labels = {value: int(generator.choice(LABELS)) for value in range(1, int(instances.max()) + 1)}
        with staged_case(root, name) as staging:
            write_arrays(staging, name, image, instances, grid, labels, "simulated", {"tiny": [seed, number]})
    splits = {"training": names[: settings.training], "test": names[settings.training :]}
    write_json(root / SPLIT_FILE, {**splits, "data": "simulated"})
    return root


def _scan(
    settings: TinySettings, with_fractures: bool, generator: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    x, y, z = _millimetres(settings)
    half_x, half_y = x.max(), y.max()
    angle = np.arctan2(y / half_y, x / half_x)
    depth = np.hypot(x / half_x, y / half_y)  # 1 at the skin
    radius = 0.78 * (half_x + half_y) / 2
    outward = (depth - 0.78) * (half_x + half_y) / 2  # mm from the middle line of the ribs
    image = np.full(settings.size, AIR, np.float32)
    image[np.broadcast_to(depth < 0.97, settings.size)] = MUSCLE
    image[np.broadcast_to(outward < -RIB_RADIUS_MM - 3, settings.size)] = LUNG
    instances = np.zeros(settings.size, np.uint16)
    ribs = _rib_heights(float(z.max()))
    fractures = _fractures(settings, ribs, generator) if with_fractures else []
    for rib in ribs:
        above = z - rib - SLOPE_MM * np.sin(angle)
        _paint_rib(image, np.hypot(outward, above))
        for fracture in fractures:
            if fracture.rib == rib:
                along = _wrapped(angle - fracture.angle) * radius
                _paint_fracture(image, instances, outward, above, along, fracture)
    image += settings.noise * generator.standard_normal(settings.size, np.float32)
    return np.round(image).astype(np.int16), instances


def _millimetres(settings: TinySettings) -> tuple[NDArray, NDArray, NDArray]:
    steps = [
        (np.arange(n) - (n - 1) / 2) * step for n, step in zip(settings.size, settings.spacing, strict=True)
    ]
    return tuple(np.meshgrid(*steps, indexing="ij", sparse=True))


def _rib_heights(half: float) -> list[float]:
    """Ribs 22 mm apart, whole within the scan, at least one."""
    reach = max(half - SLOPE_MM - 2 * RIB_RADIUS_MM, 0.0)
    return (22.0 * (np.arange(count := 1 + int(2 * reach // 22.0)) - (count - 1) / 2)).tolist()


def _fractures(settings: TinySettings, ribs: list[float], generator: np.random.Generator) -> list[_Fracture]:
    """Fractures at places 45 degrees apart, so that they do not touch."""
    places = [(rib, step) for rib in ribs for step in range(8)]
    count = min(int(generator.integers(settings.fractures[0], settings.fractures[1] + 1)), len(places))
    chosen = generator.choice(len(places), count, replace=False)
    turn = generator.uniform(-0.15, 0.15, count)
    return [
        _Fracture(
            places[index][0],
            places[index][1] * np.pi / 4 + np.pi / 8 + float(shift),
            int(generator.choice([-1, 1])),
        )
        for index, shift in zip(chosen, turn, strict=True)
    ]


def _wrapped(angle: NDArray) -> NDArray:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _paint_rib(image: NDArray[np.float32], distance: NDArray) -> None:
    image[distance < RIB_RADIUS_MM] = CORTEX
    image[distance < RIB_RADIUS_MM - CORTEX_MM] = MARROW


def _paint_fracture(
    image: NDArray[np.float32],
    instances: NDArray[np.uint16],
    outward: NDArray,
    above: NDArray,
    along: NDArray,
    fracture: _Fracture,
) -> None:
    near = np.abs(along) < END_MM
    shift = np.where(along > 0, DISPLACEMENT_MM, -DISPLACEMENT_MM) * fracture.side / 2
    here = near & (np.hypot(outward, above) < RIB_RADIUS_MM + DISPLACEMENT_MM)
    image[here] = MUSCLE
    ends = near & (np.hypot(outward - shift, above) < RIB_RADIUS_MM)
    image[ends & (np.abs(along) > GAP_MM)] = CALLUS
    instances[here] = instances.max() + 1
