"""The sham: all that an insertion does to the image, without a fracture.

The rib is cut in two pieces that fit, moved by less than a voxel, resampled, laid over the tissue continued
behind it, and its noise restored. A detector that finds shams more often than untouched rib has learned the
simulator, not fractures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ribs.places import Place
from .broken import COMPLETE, LONGEST_TAPER, SHORTEST_TAPER
from .recipe import Recipe
from .shapes import BreakSurface, Piece, end_shift, seen_blur


@dataclass(frozen=True)
class Sham:
    """A sham, as drawn; mm, degrees and HU as in `broken.Broken`.

    Attributes:
        move: how far the rib is moved, mm.
        direction: degrees in the cross-section, 0 outward.
        taper_before, taper_behind: mm over which the rib comes back to its place.
        roughness: mm, of the surface between the pieces.
        filling: HU behind the rib.
        half_length: mm along the rib that count as the place of the sham.
    """

    move: float
    direction: float
    taper_before: float
    taper_behind: float
    roughness: float
    filling: float
    half_length: float

    @property
    def room(self) -> float:
        """Mm to both sides along the rib in which anything changes."""
        return max(self.taper_before, self.taper_behind)

    def recipe(self, place: Place, rng: np.random.Generator) -> Recipe:
        """What it does to the rib at a place; `rng` of the surface's irregularity."""
        surface = BreakSurface((0.0, 0.0), self.roughness, 0.0, (0.0, COMPLETE), rng)
        before, behind = surface.sides(seen_blur(place))
        angle = np.radians(self.direction)
        by = (0.0, float(self.move * np.cos(angle)), float(self.move * np.sin(angle)))
        pieces = [
            Piece(end_shift(by, self.taper_before, -1), before),
            Piece(end_shift(by, self.taper_behind, 1), behind),
        ]
        return Recipe(pieces, self.move, self.filling, self.half_length, surface.height)


def draw_sham(room: tuple[float, float], rng: np.random.Generator) -> Sham:
    """Draw a sham; `room` as in `broken.draw_broken`."""
    tapers = [float(np.clip(rng.uniform(18, LONGEST_TAPER), SHORTEST_TAPER, limit)) for limit in room]
    return Sham(
        move=float(rng.uniform(0.2, 0.5)),
        direction=float(rng.uniform(0, 360)),
        taper_before=tapers[0],
        taper_behind=tapers[1],
        roughness=float(rng.uniform(0.2, 0.6)),
        filling=float(rng.uniform(30, 70)),
        half_length=float(rng.uniform(5, 7)),
    )
