"""Spine: bodies, discs, arches with their processes, and the canal, one vertebra at a time."""

from __future__ import annotations

from dataclasses import dataclass

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
CANAL_MM = 8.5  # radius
BEFORE_MM, BEHIND_MM = np.array([-76.0, -34, -42]), np.array([76.0, 82, 34])  # around a vertebra
DISC_HU, CANAL_HU = 85.0, 30.0


@dataclass(frozen=True)
class Vertebra:
    """Where one vertebra lies and how large it is.

    Attributes:
        index: 0 for C7 to 15 for L3.
        centre: (3,) middle of its body, mm.
        axes: (3, 3) unit vectors to the left, to the back and up.
        height: mm to the next vertebra's middle.
        width, depth, half: half axes of the body, mm.
        facets: of the ribs that face its right and its left transverse process.
    """

    index: int
    centre: NDArray
    axes: NDArray
    height: float
    width: float
    depth: float
    half: float
    facets: tuple[Facet | None, Facet | None]

    @property
    def arch(self) -> float:
        """Mm from the middle of the body backwards to the middle of the canal."""
        return self.depth + 8

    def place(self, left: float, back: float, up: float) -> NDArray:
        """A point, from mm along the axes."""
        return self.centre + left * self.axes[0] + back * self.axes[1] + up * self.axes[2]


def paint_spine(
    canvas: Canvas,
    layout: Layout,
    ribs: list[Rib],
    anatomy: Anatomy,
    tile: NDArray[np.float32],
    generator: np.random.Generator,
) -> None:
    """All vertebrae from C7 to L3, with transverse processes that face `ribs` 1 to 24."""
    style = _style(anatomy, generator)
    degenerate = float(np.clip(generator.normal(0, 1), 0, 2))
    for vertebra in _vertebrae(layout, ribs, anatomy.build.width):
        _paint_vertebra(canvas, vertebra, anatomy, style, tile, degenerate, generator)


def _vertebrae(layout: Layout, ribs: list[Rib], scale: float) -> list[Vertebra]:
    points = layout.vertebrae
    found = []
    for index, up in enumerate(unit(-np.gradient(points, axis=0))):
        left = layout.left_across(up)
        neighbour = points[index - 1] if index else points[index + 1]
        height = float(np.linalg.norm(neighbour - points[index]))
        width = scale * float(np.interp(index, [0, 3, 8, 12, 15], [14, 13, 15.5, 19, 22]))
        disc = min(DISC_MM * float(np.interp(index, [0, 6, 12, 15], [0.9, 0.7, 1.1, 1.7])), 0.3 * height)
        found.append(
            Vertebra(
                index=index,
                centre=points[index],
                axes=np.stack([left, np.cross(up, left), up]),
                height=height,
                width=width,
                depth=width * 0.78,
                half=(height - disc) / 2,
                facets=_facets(ribs, index),
            )
        )
    return found


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
    canvas: Canvas, vertebra: Vertebra, anatomy: Anatomy, style: BoneStyle, tile: NDArray[np.float32],
    degenerate: float, generator: np.random.Generator,
) -> None:  # fmt: skip
    window = canvas.window(vertebra.centre + BEFORE_MM, vertebra.centre + BEHIND_MM)
    if window is None:
        return
    end = vertebra.height / 2
    size = (vertebra.width, vertebra.depth, end - vertebra.half + 1.5)
    disc = block(window, vertebra.place(0, 0, end), vertebra.axes, size)
    canvas.blend(window, canvas.cover(disc), DISC_HU)
    below, above = (vertebra.place(0, vertebra.arch, up) for up in (-end, end))
    canal = capsule(window, below, above, CANAL_MM, CANAL_MM)
    arch = [
        rods(window, _arch(vertebra, generator)),
        *_processes(window, vertebra, anatomy.build.width, generator),
    ]
    behind = np.maximum(joined(arch, 3.0), -canal)
    body = _waisted_body(window, vertebra, degenerate, generator)
    canvas.blend(window, canvas.cover(canal), CANAL_HU + 0 * canal)
    paint_bone(canvas, window, joined([body, behind], 2.0), anatomy.bone, style, tile)


def _waisted_body(
    window: Window, vertebra: Vertebra, degenerate: float, generator: np.random.Generator
) -> Distance:
    """A body narrower at its middle, with spurs at its rims where the spine is degenerate."""
    axes = zip((window.x, window.y, window.z), vertebra.centre, strict=True)
    offsets = [axis - np.float32(c) for axis, c in axes]
    left, back, up = (
        sum(o * np.float32(a) for o, a in zip(offsets, row, strict=True)) for row in vertebra.axes
    )
    across, deep = left / np.float32(vertebra.width), back / np.float32(vertebra.depth)
    radius = np.sqrt(across * across + deep * deep)
    rim = np.clip(np.abs(up) / np.float32(vertebra.half), 0, 1.2) ** 3
    side = np.abs(up) - np.float32(vertebra.half)
    round_part = (radius - 1) * np.float32((vertebra.width + vertebra.depth) / 2)
    spur = degenerate * float(generator.uniform(0, 1.6))
    return np.maximum(round_part - (2.0 + spur) * rim + 1.2, side)


def _arch(vertebra: Vertebra, generator: np.random.Generator) -> list[Rod]:
    """Pedicles, laminae, facets and the spinous process."""
    place, back, half = vertebra.place, vertebra.arch, vertebra.half
    lean = float(np.interp(vertebra.index, [0, 3, 7, 10, 13, 15], [12, 22, 34, 24, 8, 6]))
    tilt = generator.normal(0, 1.5)
    parts = [Rod(place(0, back + 9, -4), place(tilt, back + 34, -4 - lean), 3.6, 3.0)]
    for side in (-1, 1):
        parts += [
            Rod(place(side * 11, back - 12, half * 0.35), place(side * 13, back + 1, half * 0.3), 4.0, 4.2),
            Rod(place(side * 12, back + 2, 0), place(0, back + 10, -6), 3.6, 3.4),
            Rod(place(side * 13, back + 2, half), place(side * 13, back + 3, -half - 4), 3.6, 3.6),
        ]
    return parts


def _processes(
    window: Window, vertebra: Vertebra, scale: float, generator: np.random.Generator
) -> list[Distance]:
    """Both transverse processes: to the facet of a rib, or freely to the side."""
    reach = scale * float(np.interp(vertebra.index, [0, 11, 12, 15], [30, 22, 18, 36]))
    reach *= float(generator.uniform(0.92, 1.08))
    back = vertebra.arch
    thoracic = vertebra.index in THORACIC
    processes = []
    for side, facet in zip((-1, 1), vertebra.facets, strict=True):
        root = vertebra.place(side * 13, back + 2, 1)
        if facet is not None:
            processes.append(facet.process(window, root, 4.2))
        else:
            tip = vertebra.place(side * reach, back + (10 if thoracic else 2), 2)
            processes.append(rods(window, [Rod(root, tip, 4.2, 4.6 if thoracic else 3.2)]))
    return processes
