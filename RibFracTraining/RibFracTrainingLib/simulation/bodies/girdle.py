"""Sternum, clavicles, scapulae and upper arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy
from .cage import Cage
from .canvas import Canvas
from .curves import unit
from .layout import Layout
from .solids import BoneStyle, Rod, block, capsule, joined, paint_bone, rods

MARGIN_MM = 8.0
STERNUM_REACH_MM = np.array([45.0, 18.0, 12.0])
SCAPULA_MM = 16.0  # between the middle of the ribs and the blade


def paint_girdle(
    canvas: Canvas, layout: Layout, cage: Cage, anatomy: Anatomy, tile: NDArray[np.float32],
    generator: np.random.Generator,
) -> None:  # fmt: skip
    """All bones around the ribs but the spine."""
    bone = anatomy.bone
    flat = BoneStyle(0.55 * bone.cortex_mm + 0.2, 0.75, 0.8 * bone.marrow_hu + 20, bone.grain_hu)
    thick = BoneStyle(1.1 * bone.cortex_mm + 0.6, 1.0, 0.6 * bone.marrow_hu, bone.grain_hu)
    _paint_sternum(canvas, layout, anatomy, flat, tile, generator)
    for side in (-1, 1):
        _paint_clavicle(canvas, layout, anatomy, thick, tile, side, generator)
        shoulder = _paint_scapula(canvas, layout, cage, anatomy, flat, tile, side, generator)
        _paint_arm(canvas, anatomy, thick, tile, side, shoulder, generator)


def _paint_sternum(
    canvas: Canvas,
    layout: Layout,
    anatomy: Anatomy,
    style: BoneStyle,
    tile: NDArray,
    generator: np.random.Generator,
) -> None:
    """Manubrium and body with the joint between them, and the tip."""
    line, scale = layout.sternum, anatomy.build.width
    window = canvas.window(line.min(0) - STERNUM_REACH_MM, line.max(0) + STERNUM_REACH_MM)
    if window is None:
        return
    joint = float(generator.uniform(0.26, 0.34))
    parts = []
    for start, end, wide, low in (
        (0.0, joint - 0.015, 26, 16),
        (joint + 0.015, 0.84, 15, 19),
        (0.86, 1.0, 7, 5),
    ):
        top, bottom = _between(line, start), _between(line, end)
        down = unit(bottom - top)
        left = unit(layout.turn[:, 0] - (layout.turn[:, 0] @ down) * down)
        axes = np.stack([left, np.cross(left, down), down])
        half = float(np.linalg.norm(bottom - top)) / 2
        mean = (top + bottom) / 2
        deep = float(generator.uniform(5.0, 7.0))
        upper = block(window, mean, axes, (scale * (wide + low) / 2, deep, half))
        parts.append(upper)
    paint_bone(canvas, window, np.minimum.reduce(parts), anatomy.bone, style, tile)


def _between(points: NDArray, part: float) -> NDArray:
    place = part * (len(points) - 1)
    return np.array([np.interp(place, np.arange(len(points)), points[:, axis]) for axis in range(3)])


def _chain(canvas: Canvas, points: NDArray, radii: list[float]):
    """Window and distance of a chain of rods through some points."""
    reach = max(radii) + MARGIN_MM
    window = canvas.window(points.min(0) - reach, points.max(0) + reach)
    if window is None:
        return None, None
    ends = zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True)
    return window, rods(window, [Rod(*end) for end in ends])


def _paint_clavicle(
    canvas: Canvas, layout: Layout, anatomy: Anatomy, style: BoneStyle, tile: NDArray, side: int,
    generator: np.random.Generator,
) -> None:  # fmt: skip
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
    window, distance = _chain(canvas, points, [inner_mm, 5.6, 5.2, 6.5])
    if window is not None:
        paint_bone(canvas, window, distance, anatomy.bone, style, tile)


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
    window, distance = _chain(canvas, np.array([head, head * 0.85 + elbow * 0.15, elbow]), [22, 12, 10.5])
    if window is not None:
        paint_bone(canvas, window, distance, anatomy.bone, style, tile)
