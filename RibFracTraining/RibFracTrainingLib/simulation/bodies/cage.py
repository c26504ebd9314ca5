"""The chest wall as layers over polar maps: where lung, wall, fat and skin begin, by angle and height.

The rib cage's surface is fitted to the ribs themselves, so wall and ribs agree whatever the pose. All layers
are distances along the radius from one upright axis, which makes a slice a few look-ups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .anatomy import Anatomy
from .canvas import Frame
from .layout import Layout
from .ribs import Rib

ANGLES = 256
HEIGHT_STEP_MM = 4.0
NECK_POINTS = 6  # of a rib from its head, which lies in the spine
BACK = np.pi / 2  # angle of the spine: y leads to posterior


@dataclass(frozen=True)
class Cage:
    """Layers around an upright axis; maps are (heights, ANGLES), mm.

    Attributes:
        axis: x and y of the axis.
        lowest: z of the first row.
        radius: of the middle surface of the ribs.
        inner: from there inwards to the lung.
        muscle: from there outwards to where the fat begins.
        skin: from there outwards to the air.
        planes: (2, heights, ANGLES) half thickness of fat between muscles, below 0 where there is none.
        inside_fat: thickness of the fat between wall and lung, below 0 where there is none.
    """

    axis: tuple[float, float]
    lowest: float
    radius: NDArray[np.float32]
    inner: NDArray[np.float32]
    muscle: NDArray[np.float32]
    skin: NDArray[np.float32]
    planes: NDArray[np.float32]
    inside_fat: NDArray[np.float32]

    def rows(self, maps: NDArray[np.float32], z: float) -> NDArray[np.float32]:
        """A map (..., heights, ANGLES) at one height, (..., ANGLES)."""
        place = np.clip((z - self.lowest) / HEIGHT_STEP_MM, 0, maps.shape[-2] - 1.001)
        row, part = int(place), np.float32(place - int(place))
        return maps[..., row, :] * (1 - part) + maps[..., row + 1, :] * part

    def outside(self, point: NDArray, gap: float) -> NDArray:
        """The point moved along its radius to `gap` mm outside the middle surface of the ribs."""
        offset = point[:2] - np.array(self.axis)
        place = (np.arctan2(offset[1], offset[0]) + np.pi) / (2 * np.pi) * ANGLES
        radius = self.rows(self.radius, float(point[2]))[round(float(place)) % ANGLES]
        return np.array([*(offset / np.hypot(*offset) * (radius + gap) + self.axis), point[2]])


class Polar:
    """Angle and radius of the pixels of every slice about a cage's axis."""

    def __init__(self, frame: Frame, cage: Cage) -> None:
        x = frame.axes[0][:, None] - np.float32(cage.axis[0])
        y = frame.axes[1][None, :] - np.float32(cage.axis[1])
        self.radius = np.hypot(x, y)
        place = (np.arctan2(y, x) + np.pi) / (2 * np.pi) * ANGLES
        self._low = place.astype(np.int32) % ANGLES
        self._high = (self._low + 1) % ANGLES
        self._part = (place - np.floor(place)).astype(np.float32)

    def spread(self, line: NDArray[np.float32]) -> NDArray[np.float32]:
        """A line of values by angle as an image (x, y)."""
        low = line[self._low]
        return low + self._part * (line[self._high] - low)


def fit_cage(layout: Layout, ribs: list[Rib], anatomy: Anatomy, generator: np.random.Generator) -> Cage:
    """The layers of one chest."""
    build = anatomy.build
    axis = layout.move((0.0, -52.0, -20.0))
    points = _wall_points(layout, ribs)
    lowest, highest = points[:, 2].min() - 70, points[:, 2].max() + 90
    heights = np.arange(lowest, highest, HEIGHT_STEP_MM)
    # The necks, which lead inwards to the spine, take no part in the fit, but the lung lies in front of them.
    bones = np.concatenate([points, *(rib.curve.points[NECK_POINTS:] for rib in ribs)])
    radius = _fitted(points - [axis[0], axis[1], 0], heights)
    shape = radius.shape
    angle = _angles()[None, :]
    back = np.exp(-(((angle - BACK) / 0.55) ** 2))
    muscle = build.muscle_mm * (1 + 0.3 * _map(generator, shape, 60) + 1.5 * back) + 3
    blades = np.exp(-(((np.abs(angle - BACK) - 0.85) / 0.35) ** 2)) * _rise(heights[:, None], layout)
    muscle = np.maximum(muscle + 16 * blades, build.rib_half_out + 3.5)
    fat = np.maximum(build.fat_mm * (1 + 0.35 * _map(generator, shape, 70)), 1.5)
    top = layout.vertebrae[1, 2]
    hull = _shoulders(heights[:, None], angle, top, build.arms_down)
    skin = np.maximum(radius + muscle + fat, hull)
    skin = ndimage.gaussian_filter(skin, (4, 4), mode=("nearest", "wrap")) - radius
    muscle = np.maximum(muscle, skin - fat - 4)
    inner = build.rib_half_out + 1.5 + 0.6 * _map(generator, shape, 25)
    return Cage(
        axis=(float(axis[0]), float(axis[1])),
        lowest=float(lowest),
        radius=radius.astype(np.float32),
        inner=(inner + _hidden(bones, axis, heights, radius)).astype(np.float32),
        muscle=muscle.astype(np.float32),
        skin=np.maximum(skin, muscle + 1.5).astype(np.float32),
        planes=np.stack([0.3 + 1.1 * _map(generator, shape, 35) for _ in range(2)]).astype(np.float32),
        inside_fat=(-0.3 + 0.9 * _map(generator, shape, 30)).astype(np.float32),
    )


def _wall_points(layout: Layout, ribs: list[Rib]) -> NDArray:
    """Points on the middle surface of the wall: ribs and cartilages without their necks, sternum, spine."""
    parts = [rib.curve.points[int(38 / rib.curve.step) :: 4] for rib in ribs]
    spine = layout.vertebrae + layout.move((0.0, 24.0, 0.0)) - layout.move((0.0, 0.0, 0.0))
    return np.concatenate([*parts, layout.sternum, spine[1:]]).astype(float)


def _angles() -> NDArray:
    return np.arange(ANGLES) / ANGLES * 2 * np.pi - np.pi


def _fitted(points: NDArray, heights: NDArray) -> NDArray:
    """Radius by height and angle: a weighted mean of the points near by, wider where there are few."""
    theta, radius = np.arctan2(points[:, 1], points[:, 0]), np.hypot(points[:, 0], points[:, 1])
    rise = (heights[:, None] - points[None, :, 2]) ** 2
    turn = (_angles()[:, None] - theta[None, :] + np.pi) % (2 * np.pi) - np.pi
    total = weighted = 0.0
    for angle, height, share in ((0.09, 11, 1.0), (0.25, 30, 1e-3), (0.8, 70, 1e-7)):
        near = np.exp(-rise / (2 * height**2)) @ (np.exp(-(turn**2) / (2 * angle**2)) * 1).T * share
        of = np.exp(-rise / (2 * height**2)) @ (np.exp(-(turn**2) / (2 * angle**2)) * radius).T * share
        total, weighted = total + near, weighted + of
    fitted = weighted / np.maximum(total, 1e-300)
    return ndimage.gaussian_filter(fitted, (1, 1), mode=("nearest", "wrap"))


def _hidden(points: NDArray, axis: NDArray, heights: NDArray, radius: NDArray) -> NDArray:
    """How far bones lie inside the fitted surface, where several overlap: the lung keeps clear of them."""
    x, y = points[:, 0] - axis[0], points[:, 1] - axis[1]
    row = np.clip(np.round((points[:, 2] - heights[0]) / HEIGHT_STEP_MM).astype(int), 0, len(heights) - 1)
    column = np.round((np.arctan2(y, x) + np.pi) / (2 * np.pi) * ANGLES).astype(int) % ANGLES
    inside = radius[row, column] - np.hypot(x, y)
    extra = np.zeros_like(radius)
    np.maximum.at(extra, (row, column), inside)
    wide = ndimage.maximum_filter(extra, (5, 9), mode=("nearest", "wrap"))
    return ndimage.gaussian_filter(wide, (1.0, 1.5), mode=("nearest", "wrap"))


def _map(generator: np.random.Generator, shape: tuple[int, int], length: float) -> NDArray:
    """A smooth random map, mean 0, standard deviation 1; a radian counts as 120 mm."""
    white = generator.standard_normal(shape)
    sigma = (length / 2 / HEIGHT_STEP_MM, length / 2 / (120 * 2 * np.pi / ANGLES))
    smooth = ndimage.gaussian_filter(white, sigma, mode=("nearest", "wrap"))
    return smooth / smooth.std()


def _rise(heights: NDArray, layout: Layout) -> NDArray:
    """0 below the shoulder blades, 1 at their height."""
    return np.clip((heights - layout.vertebrae[9, 2]) / 40, 0, 1)


def _shoulders(heights: NDArray, angle: NDArray, top: float, arms_down: bool) -> NDArray:
    """Radius of shoulders and neck, a superellipse that widens above the fourth rib."""
    rise = np.clip((heights - (top - 75)) / 70, 0, 1)
    neck = np.clip((heights - (top + 12)) / 35, 0, 1)
    wide = 60 + rise * (130 if arms_down else 105)
    wide = wide * (1 - neck) + 72 * neck
    deep = 30 + 62 * rise - 10 * neck
    front = np.where(np.sin(angle) < 0, 0.85, 1.1)
    shape = (np.abs(np.cos(angle)) / wide) ** 2.6 + (np.abs(np.sin(angle)) / (deep * front)) ** 2.6
    return shape ** (-1 / 2.6)
