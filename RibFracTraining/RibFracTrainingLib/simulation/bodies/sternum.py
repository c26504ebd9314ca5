"""Sternum: manubrium, body and tip, with a notch for every bone and cartilage that meets it.

On CT its edge is a row of notches, each lined by compact bone, with a cleft of up to 2 mm to what lies in it.
A detector that knows straight edges only takes a notch for a fracture of what ends there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy
from .canvas import Canvas, Window
from .curves import unit
from .layout import STERNAL_ENDS, Layout, on_line
from .ribs import Rib
from .solids import BoneStyle, Distance, Rod, block, joined, paint_bone, rods

REACH_MM = np.array([45.0, 18.0, 12.0])
NOTCH_MM = 12.0  # of a cartilage that can lie in a notch
EDGE_MM = 1.5  # by which the bone reaches further than the tip of what lies in a notch
CLEFT_MM = (0.0, 2.0)
SEAM_MM = 4.0


def paint_sternum(
    canvas: Canvas, layout: Layout, ribs: list[Rib], inner_ends: list[Rod], anatomy: Anatomy,
    style: BoneStyle, tile: NDArray[np.float32], generator: np.random.Generator,
) -> None:  # fmt: skip
    """Paint it where `ribs` 1 to 24 and the inner ends of both clavicles leave room for it."""
    line = layout.sternum
    window = canvas.window(line.min(0) - REACH_MM, line.max(0) + REACH_MM)
    if window is None:
        return
    deep = float(generator.uniform(5.0, 7.0))
    cartilages = [
        (part, ribs[side + i].front_end(NOTCH_MM)) for side in (0, 12) for i, part in enumerate(STERNAL_ENDS)
    ]
    plates = np.minimum.reduce(_plates(window, layout, anatomy.build.width, deep, generator))
    rungs = rods(window, [_rung(on_line(line, part), tip, deep) for part, tip in cartilages])
    guests = [*(tip for _, tip in cartilages), *inner_ends]
    notches = rods(window, [_widened(guest, generator) for guest in guests])
    bone = np.maximum(joined([plates, rungs], SEAM_MM), -notches)
    paint_bone(canvas, window, bone, anatomy.bone, style, tile)


def _plates(
    window: Window, layout: Layout, scale: float, deep: float, generator: np.random.Generator
) -> list[Distance]:
    """Manubrium, body and tip, apart from each other by a joint."""
    joint = float(generator.uniform(0.26, 0.34))
    plates = []
    for start, end, half_wide in (
        (0.0, joint - 0.015, float(generator.uniform(16, 22))),
        (joint + 0.015, 0.84, float(generator.uniform(13, 18))),
        (0.86, 1.0, 6.0),
    ):
        top, bottom = on_line(layout.sternum, start), on_line(layout.sternum, end)
        down = unit(bottom - top)
        left = layout.left_across(down)
        axes = np.stack([left, np.cross(left, down), down])
        half = float(np.linalg.norm(bottom - top)) / 2
        plates.append(block(window, (top + bottom) / 2, axes, (scale * half_wide, deep, half)))
    return plates


def _rung(middle: NDArray, guest: Rod, deep: float) -> Rod:
    """Bone from the middle of the sternum to around the tip of what meets it."""
    across = np.asarray(guest.start) - middle
    return Rod(middle + 0.4 * across, middle + across + (EDGE_MM - deep) * unit(across), deep - 1, deep)


def _widened(guest: Rod, generator: np.random.Generator) -> Rod:
    cleft = float(generator.uniform(*CLEFT_MM))
    return Rod(guest.start, guest.end, guest.radius + cleft, guest.end_radius + cleft)
