"""Soft tissue of a phantom, slice by slice: skin, fat, muscles and their planes, lung, mediastinum, belly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy
from .cage import Cage, Polar
from .canvas import AIR_HU, Canvas
from .layout import Layout
from .noise import SmoothField

SKIN_MM = 1.8
DIAPHRAGM_MM = 3.0
Box = tuple[slice, slice]


@dataclass(frozen=True)
class Inside:
    """Surfaces between lung and what is not lung inside the cage.

    Attributes:
        dome: (x, y) height of the diaphragm, mm.
        middle: x of the middle plane by slice.
        spine: y of the front of the spine by slice.
        front: y of the back of the sternum by slice.
        heart: centre and half axes, mm.
        hilum: width added to the mediastinum around the hilum, mm.
    """

    dome: NDArray[np.float32]
    middle: NDArray[np.float32]
    spine: NDArray[np.float32]
    front: NDArray[np.float32]
    heart: tuple[NDArray, NDArray]
    hilum: float


@dataclass(frozen=True)
class Hollow:
    """One slice of the inside of the rib cage; images are (x, y) of the box alone.

    Attributes:
        box: of the slice.
        index, z: of the slice.
        x, y: mm, (x, 1) and (1, y).
        from_axis: mm from the axis of the cage.
        to_wall: mm to the wall, below 0 inside.
        marbling, broad: fine and coarse variation.
    """

    box: Box
    index: int
    z: float
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    from_axis: NDArray[np.float32]
    to_wall: NDArray[np.float32]
    marbling: NDArray[np.float32]
    broad: NDArray[np.float32]


def place_inside(canvas: Canvas, layout: Layout, generator: np.random.Generator) -> Inside:
    """Diaphragm, mediastinum and heart of one chest."""
    x, y, z = canvas.frame.axes
    order = np.argsort(layout.vertebrae[:, 2])
    spine = layout.vertebrae[order]
    sternum = layout.sternum[np.argsort(layout.sternum[:, 2])]
    shift = generator.normal(0, 12)
    heart = layout.move(np.array([22.0, -98, -38 + shift / 2]) + generator.normal(0, 6, 3))
    return Inside(
        dome=_diaphragm(x[:, None], y[None, :], layout, shift, generator),
        middle=np.interp(z, spine[:, 2], spine[:, 0]).astype(np.float32),
        spine=np.interp(z, spine[:, 2], spine[:, 1] - 12).astype(np.float32),
        front=np.interp(z, sternum[:, 2], sternum[:, 1] + 9).astype(np.float32),
        heart=(heart, np.array([58.0, 48.0, 55.0]) * generator.uniform(0.85, 1.12, 3)),
        hilum=float(generator.uniform(10, 20)),
    )


def _diaphragm(
    x: NDArray, y: NDArray, layout: Layout, shift: float, generator: np.random.Generator
) -> NDArray:
    """Height of the diaphragm: two domes that fall towards the wall, the right one higher."""
    height = np.full((x.size, y.size), -1e4, np.float32)
    for side, above in ((-1, 0.0), (1, -12.0)):
        top = layout.move((side * 68.0, -62.0, -72.0 + above + shift)) + generator.normal(0, 4, 3)
        reach = generator.uniform(0.9, 1.1, 2) * (92, 105)
        fall = ((x - top[0]) / reach[0]) ** 2 + ((y - top[1]) / reach[1]) ** 2
        height = np.maximum(height, top[2] - 75 * fall - 40 * np.maximum(fall - 0.7, 0))
    return height.astype(np.float32)


class SoftTissue:
    """Paints the slices of a canvas from bottom to top."""

    def __init__(
        self, canvas: Canvas, layout: Layout, cage: Cage, anatomy: Anatomy, generator: np.random.Generator
    ) -> None:
        self.canvas, self.cage, self.soft = canvas, cage, anatomy.soft
        self.polar = Polar(canvas.frame, cage)
        self.inside = place_inside(canvas, layout, generator)
        axes = canvas.frame.axes
        self._marbling = SmoothField(generator, 7.0, axes)
        self._broad = SmoothField(generator, 40.0, axes)
        self._lung_grain = SmoothField(generator, 3.2, axes)
        self._organs = SmoothField(generator, 28.0, axes)
        self._share = float(generator.uniform(0.3, 1.6))  # how marbled the muscles are
        self._fissure = generator.uniform(-8, 8, 2)
        self._apex = float(layout.vertebrae[1, 2]) + float(generator.uniform(-8, 12))
        self._gas = float(generator.uniform(0.9, 1.6))

    def paint(self) -> None:
        """Every slice."""
        for index, z in enumerate(self.canvas.frame.axes[2]):
            self.canvas.hu[:, :, index] = self._slice(index, float(z))

    def _cover(self, distance: NDArray) -> NDArray[np.float32]:
        return self.canvas.cover(distance)

    def _slice(self, index: int, z: float) -> NDArray[np.float32]:
        cage, polar, soft = self.cage, self.polar, self.soft
        radius, inner, muscle, skin, inside_fat = (
            polar.spread(cage.rows(maps, z))
            for maps in (cage.radius, cage.inner, cage.muscle, cage.skin, cage.inside_fat)
        )
        outward = polar.radius - radius
        marbling, broad = self._marbling.at(index), self._broad.at(index)
        fat = soft.fat_hu + 6 * broad + 5 * marbling
        tissue = self._muscle(z, outward, muscle, marbling, broad)
        hu = mix(fat, tissue, self._cover(outward - muscle - 1.5 * marbling))
        hu = mix(hu, soft.muscle_hu - 15, self._cover(skin - SKIN_MM - outward))
        hu = mix(hu, soft.fat_hu + 10, self._cover(np.abs(outward + inner - inside_fat * 0.5) - inside_fat))
        hu = mix(AIR_HU, hu, self._cover(outward - skin))
        box = _bounds(outward + inner < self.canvas.frame.edge)
        if box is None:
            return hu
        hollow = self._hollow(index, z, box, (outward + inner)[box], marbling[box], broad[box])
        hu[box] = mix(hu[box], self._contents(hollow), self._cover(hollow.to_wall))
        return hu

    def _muscle(
        self, z: float, outward: NDArray, muscle: NDArray, marbling: NDArray, broad: NDArray
    ) -> NDArray:
        """Muscle with streaks of fat, and planes of fat between its sheets."""
        soft = self.soft
        plain = soft.muscle_hu + 5 * broad + 4 * marbling
        streaks = np.clip(self._share * (marbling + 0.6 * broad) - 1.4, 0, 1)
        for place, widths in zip((0.42, 0.72), self.cage.planes, strict=True):
            width = self.polar.spread(self.cage.rows(widths, z)) * self._share
            streaks = np.maximum(streaks, self._cover(np.abs(outward - place * muscle - marbling) - width))
        return mix(plain, soft.fat_hu, streaks)

    def _hollow(
        self, index: int, z: float, box: Box, to_wall: NDArray, marbling: NDArray, broad: NDArray
    ) -> Hollow:
        x, y, _ = self.canvas.frame.axes
        x, y = x[box[0], None], y[None, box[1]]
        return Hollow(box, index, z, x, y, self.polar.radius[box], to_wall, marbling, broad)

    def _contents(self, hollow: Hollow) -> NDArray[np.float32]:
        """What fills the rib cage."""
        soft, z = self.soft, hollow.z
        chest = self._lung(hollow)
        filler = soft.fat_hu + 120 * np.clip(hollow.broad + 0.3, 0, 1)
        chest = mix(chest, filler, self._cover(self._mediastinum(hollow) + 2 * hollow.broad))
        heart = self._heart(z, hollow.x, hollow.y)
        chest = mix(chest, soft.blood_hu + 4 * hollow.marbling, self._cover(heart + 2 * hollow.broad))
        apex = z - self._apex + np.minimum(0.0095 * hollow.from_axis**2, 45)
        if apex.max() > -2:
            chest = mix(chest, self._neck(hollow), self._cover(-apex))
        below = z - self.inside.dome[hollow.box]
        if below.min() > 2 * DIAPHRAGM_MM:
            return chest
        under = self._cover(np.maximum(below, hollow.to_wall) + DIAPHRAGM_MM)
        belly = mix(soft.muscle_hu, self._belly(hollow, below), under)
        return mix(chest, belly, self._cover(below))

    def _lung(self, hollow: Hollow) -> NDArray[np.float32]:
        """Lung, denser where the patient lies on it, with two fissures."""
        depth = hollow.y - self.inside.spine[hollow.index]
        grain = self._lung_grain.at(hollow.index)[hollow.box]
        lung = self.soft.lung_hu + 0.35 * depth + 14 * hollow.broad + 16 * grain
        for shift, slope in zip(self._fissure, (0.55, 0.9), strict=True):
            oblique = (hollow.z + 5 - shift) - slope * (hollow.y - self.cage.axis[1]) + 3 * hollow.broad
            lung = lung + 230 * self._cover(np.abs(oblique) / np.float32(np.hypot(1, slope)) - 0.25)
        return lung

    def _mediastinum(self, hollow: Hollow) -> NDArray:
        """Signed distance to the mediastinum: wide at the spine and the hilum, narrow behind the sternum."""
        inside, index = self.inside, hollow.index
        depth = (inside.spine[index] - hollow.y) / max(inside.spine[index] - inside.front[index], 40.0)
        hilum = inside.hilum * np.exp(-(((hollow.z - inside.heart[0][2] - 45) / 28) ** 2))
        width = np.interp(
            depth,
            [-0.4, -0.22, -0.1, 0, 0.3, 0.6, 0.85, 1.1],
            [55, 42, 24, 23, 30 + hilum, 30 + hilum, 14, 24],
        )
        return np.abs(hollow.x - inside.middle[index] - 4) - width.astype(np.float32)

    def _heart(self, z: float, x: NDArray, y: NDArray) -> NDArray:
        centre, half = self.inside.heart
        across, deep, up = (
            (place - np.float32(c)) / np.float32(h)
            for place, c, h in zip((x, y, z), centre, half, strict=True)
        )
        return (np.sqrt(across**2 + deep**2 + up**2) - 1) * np.float32(half.min())

    def _neck(self, hollow: Hollow) -> NDArray:
        """Muscles, vessels and fat above the lungs."""
        fat = np.clip(1.5 * hollow.broad + hollow.marbling - 0.2, 0, 1)
        return mix(self.soft.muscle_hu + 4 * hollow.marbling, self.soft.fat_hu, fat)

    def _belly(self, hollow: Hollow, below: NDArray) -> NDArray[np.float32]:
        """Liver on the right, spleen and stomach on the left, bowel and fat below."""
        soft, broad, marbling = self.soft, hollow.broad, hollow.marbling
        side, behind = hollow.x - self.inside.middle[hollow.index], hollow.y - self.cage.axis[1]
        organs = self._organs.at(hollow.index)[hollow.box]
        fill = mix(soft.fat_hu + 5 * marbling, 35.0 + 8 * broad, np.clip(3 * organs - 0.4, 0, 1))
        fill = mix(fill, -900.0, self._cover(9 * (self._gas - organs)))
        liver = np.maximum(side - 25 + 0.35 * behind, 0.9 * side - below - 40) + 8 * broad
        hu = mix(fill, soft.liver_hu + 3 * marbling, self._cover(liver))
        spleen = np.maximum(np.maximum(62 - side, 10 - behind) + 9 * broad, -below - 75)
        return mix(hu, soft.liver_hu - 5 + 3 * marbling, self._cover(spleen))


def _bounds(mask: NDArray[np.bool_]) -> Box | None:
    """The box of the true pixels of an image."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else None


def mix(base: NDArray | float, top: NDArray | float, cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """`top` over `base`, by `cover` from 0 to 1."""
    return base + cover * (top - base)
