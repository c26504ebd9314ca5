"""Spine: bodies, discs, arches with their processes, and the canal, one vertebra at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy
from .canvas import Canvas, Window
from .curves import unit
from .layout import FIRST_RIB_VERTEBRA, Layout
from .ribs import Rib
from .solids import BoneStyle, Distance, Rod, block, capsule, joined, paint_bone, rods
from .tubercles import Facet

THORACIC = range(FIRST_RIB_VERTEBRA, FIRST_RIB_VERTEBRA + 12)
DISC_MM = 5.0
BEFORE_MM, BEHIND_MM = np.array([-76.0, -34, -42]), np.array([76.0, 82, 34])  # around a vertebra
DISC_HU, CANAL_HU = 85.0, 30.0


def paint_spine(
    canvas: Canvas,
    layout: Layout,
    ribs: list[Rib],
    anatomy: Anatomy,
    tile: NDArray[np.float32],
    generator: np.random.Generator,
) -> None:
    """All vertebrae from C7 to L3, with transverse processes that face `ribs` 1 to 24."""
    points = layout.vertebrae
    along = unit(-np.gradient(points, axis=0))
    style = _style(anatomy, generator)
    degenerate = float(np.clip(generator.normal(0, 1), 0, 2))
    for index in range(len(points)):
        up = along[index]
        left = unit(layout.turn[:, 0] - (layout.turn[:, 0] @ up) * up)
        axes = np.stack([left, np.cross(up, left), up])
        neighbour = points[index - 1] if index else points[index + 1]
        height = float(np.linalg.norm(neighbour - points[index]))
        _paint_vertebra(
            canvas, points[index], axes, height, index, _facets(ribs, index), anatomy, style, tile,
            degenerate, generator,
        )  # fmt: skip


def _facets(ribs: list[Rib], index: int) -> tuple[Facet | None, Facet | None]:
    """What the right and the left transverse process of a vertebra face."""
    if index not in THORACIC:
        return None, None
    level = THORACIC.index(index)
    return ribs[level].facet(), ribs[level + 12].facet()


def _style(anatomy: Anatomy, generator: np.random.Generator) -> BoneStyle:
    bone = anatomy.bone
    return BoneStyle(
        cortex_mm=0.45 * bone.cortex_mm + 0.15,
        cortex=0.75,
        marrow=float(0.9 * bone.marrow_hu + generator.uniform(10, 70)),
        grain=bone.grain_hu * 1.1,
    )


def _paint_vertebra(
    canvas: Canvas, centre: NDArray, axes: NDArray, height: float, index: int,
    facets: tuple[Facet | None, Facet | None], anatomy: Anatomy, style: BoneStyle,
    tile: NDArray[np.float32], degenerate: float, generator: np.random.Generator,
) -> None:  # fmt: skip
    window = canvas.window(centre + BEFORE_MM, centre + BEHIND_MM)
    if window is None:
        return
    width = anatomy.build.width * float(np.interp(index, [0, 3, 8, 12, 15], [14, 13, 15.5, 19, 22]))
    depth = width * 0.78
    disc = min(DISC_MM * float(np.interp(index, [0, 6, 12, 15], [0.9, 0.7, 1.1, 1.7])), 0.3 * height)

    def place(left: float, back: float, up: float) -> NDArray:
        return centre + left * axes[0] + back * axes[1] + up * axes[2]

    half = (height - disc) / 2
    middle = place(0, 0, height / 2)
    canvas.blend(window, canvas.cover(block(window, middle, axes, (width, depth, disc / 2 + 1.5))), DISC_HU)
    canal = capsule(window, place(0, depth + 8, -height / 2), place(0, depth + 8, height / 2), 8.5, 8.5)
    arch = [
        rods(window, _arch(place, depth, half, index, generator)),
        *_processes(window, place, index, depth, facets, anatomy.build.width, generator),
    ]
    distance = np.maximum(joined(arch, 3.0), -canal)
    body = _waisted_body(window, centre, axes, (width, depth, half), degenerate, generator)
    canvas.blend(window, canvas.cover(canal), CANAL_HU + 0 * canal)
    paint_bone(canvas, window, joined([body, distance], 2.0), anatomy.bone, style, tile)


def _waisted_body(
    window: Window, centre: NDArray, axes: NDArray, half: tuple[float, float, float], degenerate: float,
    generator: np.random.Generator,
) -> NDArray[np.float32]:  # fmt: skip
    """A body narrower at its middle, with spurs at its rims where the spine is degenerate."""
    offsets = [axis - np.float32(c) for axis, c in zip((window.x, window.y, window.z), centre, strict=True)]
    left, back, up = (sum(o * np.float32(a) for o, a in zip(offsets, row, strict=True)) for row in axes)
    across, deep = left / np.float32(half[0]), back / np.float32(half[1])
    radius = np.sqrt(across * across + deep * deep)
    rim = np.clip(np.abs(up) / np.float32(half[2]), 0, 1.2) ** 3
    side = np.abs(up) - np.float32(half[2])
    round_part = (radius - 1) * np.float32((half[0] + half[1]) / 2)
    spur = degenerate * float(generator.uniform(0, 1.6))
    return np.maximum(round_part - (2.0 + spur) * rim + 1.2, side)


def _arch(
    place: Callable[[float, float, float], NDArray], depth: float, half: float, index: int,
    generator: np.random.Generator,
) -> list[Rod]:  # fmt: skip
    """Pedicles, laminae, facets and the spinous process."""
    lean = float(np.interp(index, [0, 3, 7, 10, 13, 15], [12, 22, 34, 24, 8, 6]))
    back = depth + 8
    tilt = generator.normal(0, 1.5)
    parts = [Rod(place(0, back + 9, -4), place(tilt, back + 34, -4 - lean), 3.6, 3.0)]
    for side in (-1, 1):
        parts += [
            Rod(place(side * 11, depth - 4, half * 0.35), place(side * 13, back + 1, half * 0.3), 4.0, 4.2),
            Rod(place(side * 12, back + 2, 0), place(0, back + 10, -6), 3.6, 3.4),
            Rod(place(side * 13, back + 2, half), place(side * 13, back + 3, -half - 4), 3.6, 3.6),
        ]
    return parts


def _processes(
    window: Window, place: Callable[[float, float, float], NDArray], index: int, depth: float,
    facets: tuple[Facet | None, Facet | None], scale: float, generator: np.random.Generator,
) -> list[Distance]:  # fmt: skip
    """Both transverse processes: to the facet of a rib, or freely to the side."""
    reach = scale * float(np.interp(index, [0, 11, 12, 15], [30, 22, 18, 36]))
    reach *= float(generator.uniform(0.92, 1.08))
    back = depth + 8
    thoracic = index in THORACIC
    processes = []
    for side, facet in zip((-1, 1), facets, strict=True):
        root = place(side * 13, back + 2, 1)
        if facet is not None:
            processes.append(facet.process(window, root, 4.2))
        else:
            tip = place(side * reach, back + (10 if thoracic else 2), 2)
            processes.append(rods(window, [Rod(root, tip, 4.2, 4.6 if thoracic else 3.2)]))
    return processes
