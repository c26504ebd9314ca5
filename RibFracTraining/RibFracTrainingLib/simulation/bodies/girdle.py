"""Clavicles, scapulae and upper arms, and the sternum that ribs and clavicles meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy
from .cage import Cage
from .canvas import Canvas
from .curves import unit
from .layout import Layout
from .ribs import Rib
from .solids import BoneStyle, Rod, capsule, joined, paint_bone, rods
from .sternum import paint_sternum

MARGIN_MM = 8.0
SCAPULA_MM = 16.0  # between the middle of the ribs and the blade


def paint_girdle(
    canvas: Canvas, layout: Layout, ribs: list[Rib], cage: Cage, anatomy: Anatomy,
    tile: NDArray[np.float32], generator: np.random.Generator,
) -> None:  # fmt: skip
    """All bones around `ribs` 1 to 24 but the spine."""
    bone = anatomy.bone
    flat = BoneStyle(0.55 * bone.cortex_mm + 0.2, 0.75, 0.8 * bone.marrow_hu + 20, bone.grain_hu)
    thick = BoneStyle(1.1 * bone.cortex_mm + 0.6, 1.0, 0.6 * bone.marrow_hu, bone.grain_hu)
    clavicles = {side: _clavicle(layout, side, generator) for side in (-1, 1)}
    inner_ends = [clavicle[0] for clavicle in clavicles.values()]
    paint_sternum(canvas, layout, ribs, inner_ends, anatomy, flat, tile, generator)
    for side in (-1, 1):
        _paint_rods(canvas, clavicles[side], anatomy, thick, tile)
        shoulder = _paint_scapula(canvas, layout, cage, anatomy, flat, tile, side, generator)
        _paint_arm(canvas, anatomy, thick, tile, side, shoulder, generator)


def _chain(points: NDArray, radii: list[float]) -> list[Rod]:
    """Rods from each point to the next."""
    ends = zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True)
    return [Rod(*end) for end in ends]


def _paint_rods(canvas: Canvas, bone: list[Rod], anatomy: Anatomy, style: BoneStyle, tile: NDArray) -> None:
    """A bone that is nothing but rods."""
    points = np.array([end for rod in bone for end in (rod.start, rod.end)])
    reach = max(max(rod.radius, rod.end_radius) for rod in bone) + MARGIN_MM
    window = canvas.window(points.min(0) - reach, points.max(0) + reach)
    if window is not None:
        paint_bone(canvas, window, rods(window, bone), anatomy.bone, style, tile)


def _clavicle(layout: Layout, side: int, generator: np.random.Generator) -> list[Rod]:
    """One clavicle from its inner end, which lies on the sternum, to its outer one."""
    raised = float(generator.normal(8, 8))
    inner_mm = float(generator.uniform(7, 11.5))
    points = np.array(
        [
            (side * 22, -104, 92),
            (side * 55, -112, 98 + raised / 2),
            (side * 100, -90, 108 + raised),
            (side * 140, -62, 112 + raised),
        ]
    )
    points = layout.move(points + generator.normal(0, 2.5, points.shape))
    return _chain(points, [inner_mm, 5.6, 5.2, 6.5])


def _paint_scapula(
    canvas: Canvas, layout: Layout, cage: Cage, anatomy: Anatomy, style: BoneStyle, tile: NDArray, side: int,
    generator: np.random.Generator,
) -> NDArray:  # fmt: skip
    """Blade with thick borders, spine and socket, on the back of the rib cage; the middle of the socket."""
    shift = generator.normal(0, [5, 3, 8])
    raw = {
        "top": (side * 78, 28, 108), "tip": (side * 108, 48, -32), "inner": (side * 74, 50, 62),
        "socket": (side * 146, -22, 92), "crest": (side * 150, 2, 116),
    }  # fmt: skip
    at = {name: layout.move(np.array(point) + shift * [side, 1, 1]) for name, point in raw.items()}
    for name in ("top", "inner", "tip"):
        at[name] = cage.outside(at[name], SCAPULA_MM)
    corners = np.array(list(at.values()))
    window = canvas.window(corners.min(0) - 16, corners.max(0) + 16)
    if window is not None:
        edges = [
            Rod(at["socket"], at["tip"], 5.5, 4.5),
            Rod(at["top"], at["inner"], 2.2, 2.4),
            Rod(at["inner"], at["tip"], 2.4, 4.0),
            Rod(at["top"], at["socket"], 2.2, 4.0),
            Rod(at["inner"] + [0, 3, 0], at["crest"] + [0, 6, 0], 2.5, 6.0),
            Rod(at["socket"], at["socket"] + [side * 3, -2, 0], 12, 14),
        ]
        blade = _blade(window, at["top"], at["tip"], at["socket"], float(generator.uniform(1.2, 2.2)))
        paint_bone(canvas, window, joined([rods(window, edges), blade], 4.0), anatomy.bone, style, tile)
    return at["socket"]


def _blade(window, a: NDArray, b: NDArray, c: NDArray, thick: float) -> NDArray[np.float32]:
    """Signed distance to a flat triangle of a given half thickness."""
    normal = unit(np.cross(b - a, c - a))
    offset = window.x * normal[0] + window.y * normal[1] + window.z * normal[2] - a @ normal
    distance = np.abs(offset) - thick
    for start, end in ((a, b), (b, c), (c, a)):
        outward = unit(np.cross(end - start, normal))
        edge = window.x * outward[0] + window.y * outward[1] + window.z * outward[2] - start @ outward
        distance = np.maximum(distance, edge)
    return distance.astype(np.float32)


def _paint_arm(
    canvas: Canvas, anatomy: Anatomy, style: BoneStyle, tile: NDArray, side: int,
    shoulder: NDArray, generator: np.random.Generator,
) -> None:  # fmt: skip
    """Head of the humerus, and its shaft: down beside the chest or up past the head."""
    head = shoulder + np.array([side * 24, -8, 6])
    elbow = head + (
        np.array([side * 22, generator.normal(0, 12), -260])
        if anatomy.build.arms_down
        else np.array([side * 40, -20, 200])
    )
    flesh = canvas.window(np.minimum(head, elbow) - 50, np.maximum(head, elbow) + 50)
    if flesh is None:
        return
    limb = capsule(flesh, head, elbow, 42 + anatomy.build.fat_mm * 0.3, 36 + anatomy.build.fat_mm * 0.3)
    soft = anatomy.soft
    fat = soft.fat_hu + (soft.muscle_hu - soft.fat_hu) * canvas.cover(limb + anatomy.build.fat_mm * 0.6 + 2)
    air = np.clip((-300 - canvas.hu[flesh.slices]) / 400, 0, 1) * (np.abs(flesh.x - head[0]) < 90)
    canvas.blend(flesh, canvas.cover(limb) * air, fat)
    bone = _chain(np.array([head, head * 0.85 + elbow * 0.15, elbow]), [22, 12, 10.5])
    _paint_rods(canvas, bone, anatomy, style, tile)
