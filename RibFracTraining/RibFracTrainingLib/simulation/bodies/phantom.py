"""A chest from numbers alone: everything is drawn from a seed, nothing comes from a patient."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..body import Body
from .anatomy import Anatomy, draw_anatomy
from .cage import fit_cage
from .canvas import Canvas, Frame, check_heights, drop_islands
from .girdle import paint_girdle
from .layout import Layout, lay_out
from .noise import spongy_tile
from .ribs import make_rib, paint_rib
from .soft_tissue import SoftTissue
from .spine import paint_spine
from .table import paint_table
from .trees import paint_great_vessels, paint_lung_trees

RIM_ISLAND = 0.05  # of a rib: what a grid leaves of thin rims; the scan's edge cuts ribs in larger pieces
MARGIN_MM = (14.0, 14.0, 6.0)
PARTS = ("chest", "right", "left")


@dataclass(frozen=True)
class PhantomSettings:
    """Which part of a chest, on which grid.

    Attributes:
        spacing: mm along x, y, z.
        part: "chest", or the "right" or "left" half with the spine.
        height_mm: least and greatest z of what is painted, relative to the middle of the seventh thoracic
            vertebra; None for all ribs.
    """

    spacing: tuple[float, float, float] = (0.78, 0.78, 1.1)
    part: str = "chest"
    height_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.part not in PARTS or min(self.spacing) <= 0:
            raise ValueError(f"expected a part of {PARTS} and a spacing above 0 mm, not {self}")


def make_phantom(settings: PhantomSettings, generator: np.random.Generator) -> tuple[Body, dict[str, Any]]:
    """One chest without fractures, and all that was drawn for it.

    Raises:
        InputError: no rib lies at the heights asked for.
    """
    anatomy = draw_anatomy(generator)
    layout = lay_out(anatomy.build, generator)
    ribs = [make_rib(number, layout, anatomy, generator) for number in range(1, 25)]
    cage = fit_cage(layout, ribs, anatomy, generator)
    canvas = Canvas(_frame(settings, layout, anatomy))
    tile = spongy_tile(generator, settings.spacing)
    SoftTissue(canvas, layout, cage, anatomy, generator).paint()
    paint_great_vessels(canvas, layout, anatomy, generator)
    hila = layout.move(np.array([(-36.0, -52.0, 22.0), (36.0, -52.0, 22.0)]))
    paint_lung_trees(canvas, hila, anatomy.soft, generator)
    paint_spine(canvas, layout, ribs, anatomy, tile, generator)
    paint_girdle(canvas, layout, ribs, cage, anatomy, tile, generator)
    for rib in ribs:
        paint_rib(canvas, rib, anatomy.bone, tile)
    paint_table(canvas, generator)
    drop_islands(canvas.ribs, RIM_ISLAND)
    return canvas.body(), {"phantom": asdict(anatomy), "part": settings.part}


def _frame(settings: PhantomSettings, layout: Layout, anatomy: Anatomy) -> Frame:
    """The grid around what shall be painted."""
    points = np.concatenate([*layout.ribs, layout.sternum, layout.vertebrae[1:14]])
    around = np.array(MARGIN_MM) + [1, 1, 0] * np.array(anatomy.build.muscle_mm + anatomy.build.fat_mm)
    low, high = points.min(0) - around, points.max(0) + around
    low[2], high[2] = np.concatenate(layout.ribs)[:, 2].min() - 25, layout.vertebrae[1, 2] + 25
    high[1] = max(high[1], layout.vertebrae[:, 1].max() + 62 + anatomy.build.fat_mm)
    if settings.part != "chest":
        middle = layout.move((0.0, 0.0, 0.0))[0]
        (high if settings.part == "right" else low)[0] = middle + (45 if settings.part == "right" else -45)
    if settings.height_mm is not None:
        middle = layout.move((0.0, 0.0, 0.0))[2]
        check_heights(settings.height_mm, np.concatenate(layout.ribs)[:, 2] - middle)
        low[2], high[2] = np.array(settings.height_mm) + middle
    spacing = np.array(settings.spacing)
    size = np.ceil((high - low) / spacing).astype(int) + 1
    return Frame(tuple(size.tolist()), settings.spacing, tuple(low.tolist()))
