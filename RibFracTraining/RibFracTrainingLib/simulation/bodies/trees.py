"""Vessels and airways: great vessels of the middle, and trees that branch into the lungs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy, Soft
from .canvas import Canvas
from .curves import unit
from .layout import Layout
from .solids import capsule

LUNG_HU = (-975.0, -500.0)  # not the air outside, nor that of the windpipe
SMALLEST_MM = 0.55


@dataclass(frozen=True)
class Branch:
    """A straight piece of a tree, mm."""

    start: NDArray
    end: NDArray
    radius: float
    end_radius: float


def paint_great_vessels(
    canvas: Canvas, layout: Layout, anatomy: Anatomy, generator: np.random.Generator
) -> None:
    """Aorta, upper vena cava, pulmonary trunk, gullet and windpipe with the main bronchi."""
    blood = anatomy.soft.blood_hu
    wide = float(generator.uniform(10.5, 15))
    aorta = (
        (4, -88, 0), (10, -92, 42), (2, -80, 66), (22, -48, 70),
        (24, -24, 48), (20, -22, -30), (6, -28, -130), (4, -34, -260),
    )  # fmt: skip
    chains = (
        (aorta, wide, blood),
        (((-26, -82, -5), (-26, -80, 50), (-22, -84, 84), (-40, -72, 120)), wide * 0.65, blood),
        (((18, -98, 12), (20, -82, 34), (-28, -66, 30)), wide * 0.85, blood),
        (((20, -82, 34), (42, -62, 28)), wide * 0.75, blood),
        (((6, -30, -90), (4, -32, 40), (2, -40, 120)), 7.5, anatomy.soft.muscle_hu - 10),
        (((10, -60, 78), (22, -64, 110), (34, -60, 150)), wide * 0.4, blood),
        (((-8, -66, 78), (-24, -66, 110), (-36, -62, 150)), wide * 0.45, blood),
    )
    for points, radius, hu in chains:
        _paint_chain(canvas, layout.move(np.array(points, float) + generator.normal(0, 1.5, 3)), radius, hu)
    windpipe = (
        ((0, -66, 160), (0, -58, 80), (-2, -50, 46)),
        ((-2, -50, 46), (-38, -48, 22)),
        ((-2, -50, 46), (40, -44, 18)),
    )
    for points, radius in zip(windpipe, (9.5, 7.0, 6.5), strict=True):
        line = layout.move(np.array(points, float))
        _paint_chain(canvas, line, radius + 1.4, 30.0)
        _paint_chain(canvas, line, radius, -990.0)


def _paint_chain(canvas: Canvas, points: NDArray, radius: float, hu: float) -> None:
    for start, end in pairwise(points):
        reach = radius + 2
        window = canvas.window(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        if window is not None:
            canvas.blend(window, canvas.cover(capsule(window, start, end, radius, radius)), hu)


def grow(
    start: NDArray, towards: NDArray, radius: float, length: float, generator: np.random.Generator
) -> list[Branch]:
    """A tree of branches that halve and thin until they are too small to see."""
    branches, growing = [], [(start, unit(towards), radius, length)]
    while growing:
        origin, ahead, thick, reach = growing.pop()
        reach *= float(generator.uniform(0.75, 1.25))
        end = origin + ahead * reach
        branches.append(Branch(origin, end, thick, thick * 0.85))
        if thick < SMALLEST_MM or len(branches) > 600:
            continue
        side = unit(np.cross(ahead, generator.standard_normal(3)))
        for sign in (-1, 1):
            angle = sign * float(generator.uniform(0.3, 0.8))
            thinner = thick * float(generator.uniform(0.66, 0.84))
            growing.append((end, np.cos(angle) * ahead + np.sin(angle) * side, thinner, reach * 0.88))
    return branches


def paint_lung_trees(canvas: Canvas, hila: NDArray, soft: Soft, generator: np.random.Generator) -> None:
    """Arteries and veins of both lungs, with thin-walled airways beside some of the arteries.

    Args:
        hila: (2, 3) mm, where the trees of the right and the left lung start.
        soft: densities.
    """
    tissue = soft.muscle_hu if soft.blood_hu < 100 else soft.blood_hu
    for side, hilum in zip((-1, 1), hila, strict=True):
        for towards in _directions(side):
            ahead = unit(np.asarray(towards, float) + generator.normal(0, 0.25, 3))
            for number in range(2):
                start = hilum + generator.normal(0, 5, 3)
                thick, reach = float(generator.uniform(2.4, 4.2)), float(generator.uniform(22, 33))
                for branch in grow(start, ahead, thick, reach, generator):
                    _paint_vessel(canvas, branch, tissue)
                    if number == 0 and branch.radius > 1.0:
                        _paint_airway(canvas, branch)


def _directions(side: int) -> tuple[tuple[float, float, float], ...]:
    return (
        (side * 0.6, -0.2, 1.0), (side * 0.7, -0.8, 0.5), (side * 1.0, -0.7, -0.2), (side * 1.0, 0.1, 0.2),
        (side * 0.8, 0.7, 0.3), (side * 0.8, 0.6, -0.7), (side * 0.9, -0.3, -0.9), (side * 0.5, 0.7, -1.2),
    )  # fmt: skip


def _inside_lung(canvas: Canvas, branch: Branch, reach: float):
    """The window of a branch, and where it still is lung; None where it is not."""
    window = canvas.window(
        np.minimum(branch.start, branch.end) - reach, np.maximum(branch.start, branch.end) + reach
    )
    if window is None:
        return None, None
    hu = canvas.hu[window.slices]
    lung = (hu > LUNG_HU[0]) & (hu < LUNG_HU[1])
    return (window, lung) if lung.mean() > 0.25 else (None, None)


def _paint_vessel(canvas: Canvas, branch: Branch, hu: float) -> None:
    window, lung = _inside_lung(canvas, branch, branch.radius + 1.5)
    if window is not None:
        distance = capsule(window, branch.start, branch.end, branch.radius, branch.end_radius)
        canvas.blend(window, canvas.cover(distance) * lung, hu)


def _paint_airway(canvas: Canvas, branch: Branch) -> None:
    shift = np.array([2.2 * branch.radius, 0, 0])
    window, lung = _inside_lung(canvas, branch, 4 * branch.radius + 2)
    if window is not None:
        distance = capsule(window, branch.start + shift, branch.end + shift, branch.radius, branch.end_radius)
        canvas.blend(window, canvas.cover(distance - 0.7) * lung, 0.0)
        canvas.blend(window, canvas.cover(distance) * lung, -980.0)
