"""Breaks through the rib: displaced, non-displaced, and the two of a segmental fracture.

Sizes: in the taxonomy of the Chest Wall Injury Society (Edwards et al., J Trauma Acute Care Surg 2020;88:e40)
a fracture is undisplaced while more than 90 % of the cross-section keeps contact; ribs are 10 to 15 mm high
and 6 to 8 mm thick, so steps of less than 1 mm are undisplaced and those of 2 to 8 mm are not. Blood between
the ends: 30 to 45 HU unclotted, 45 to 70 HU clotted (radiological textbooks). How often what happens, tilts,
roughness and the length over which a rib bends are chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ribs.places import Place
from .fracture import DISPLACED, NON_DISPLACED, SEGMENTAL
from .recipe import Recipe, Swelling
from .shapes import BreakSurface, Piece, end_shift, seen_blur

SHORTEST_TAPER, LONGEST_TAPER = 8.0, 32.0  # mm over which a rib bends back to its place
COMPLETE = -50.0  # mm: a break that is open from far outside the rib


@dataclass(frozen=True)
class Broken:
    """A break, as drawn; lengths in mm, angles in degrees.

    Attributes:
        step: distance across the rib between the broken ends.
        direction: of the step in the cross-section, 0 outward.
        first_share: the part of the step that the first end makes.
        pull: of the ends away from each other; negative where they override.
        taper_before, taper_behind: over which the rib bends back to its place.
        tilt_outward, tilt_across: of the break against straight across the rib.
        roughness: standard deviation of the broken surface.
        gap: between the ends before they move.
        open_angle, open_from: an incomplete break lies beyond this offset in this direction.
        filling: HU of blood between the ends.
        half_length: of the label along the rib.
        swelling: strength, 0 for none.
        swelling_outward, swelling_along: where it lies and how far it reaches.
    """

    step: float
    direction: float
    first_share: float
    pull: float
    taper_before: float
    taper_behind: float
    tilt_outward: float
    tilt_across: float
    roughness: float
    gap: float
    open_angle: float
    open_from: float
    filling: float
    half_length: float
    swelling: float
    swelling_outward: float
    swelling_along: float

    @property
    def room(self) -> float:
        """Mm to both sides along the rib in which anything changes."""
        return max(self.taper_before, self.taper_behind, self.swelling_along, self.half_length + 4)

    def recipe(self, place: Place, rng: np.random.Generator) -> Recipe:
        """What it does to the rib at a place; `rng` of the surface's irregularity."""
        surface = BreakSurface(
            (self.tilt_outward, self.tilt_across),
            self.roughness,
            self.gap,
            (np.radians(self.open_angle), self.open_from),
            rng,
        )
        before, behind = surface.sides(seen_blur(place))
        first, second = self._ends()
        pieces = [
            Piece(end_shift(first, self.taper_before, -1), before),
            Piece(end_shift(second, self.taper_behind, 1), behind),
        ]
        reach = float(max(np.hypot(*first[1:]), np.hypot(*second[1:])))
        return Recipe(pieces, reach, self.filling, self.half_length, surface.height, None, self._swelling())

    def _ends(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Displacement of both ends: along, outward, across."""
        angle = np.radians(self.direction)
        outward, across = float(self.step * np.cos(angle)), float(self.step * np.sin(angle))
        one, other = self.first_share, 1 - self.first_share
        return (-self.pull / 2, one * outward, one * across), (
            self.pull / 2,
            -other * outward,
            -other * across,
        )

    def _swelling(self) -> Swelling | None:
        if self.swelling == 0:
            return None
        radii = (self.swelling_along, 0.5 * self.swelling_along, 0.8 * self.swelling_along)
        return Swelling(self.filling, self.swelling, self.swelling_outward, radii)


def draw_broken(kind: str, room: tuple[float, float], rng: np.random.Generator) -> Broken:
    """Draw a break.

    Args:
        kind: displaced, non-displaced, or segmental (one of its two breaks).
        room: mm along the rib before and behind the place in which it may bend.
    """
    displaced = kind == DISPLACED or (kind == SEGMENTAL and rng.random() < 0.6)
    tapers = [float(np.clip(rng.uniform(18, LONGEST_TAPER), SHORTEST_TAPER, limit)) for limit in room]
    common = {
        # More often in or out than up or down: the ribs' muscles hold them to each other.
        "direction": float(rng.choice([0, 180]) + rng.normal(0, 40)),
        "first_share": float(rng.uniform(0.15, 0.85)),
        "taper_before": tapers[0],
        "taper_behind": tapers[1],
        "tilt_outward": float(np.clip(rng.normal(0, 18), -45, 45)),
        "tilt_across": float(np.clip(rng.normal(0, 18), -45, 45)),
        "open_angle": float(rng.uniform(0, 360)),
        "filling": float(rng.uniform(30, 70)),
        "swelling_outward": float(rng.choice([-5, 4]) + rng.normal(0, 1)),
        "swelling_along": float(rng.uniform(7, 13)),
    }
    own = _draw_displaced(rng) if displaced else _draw_non_displaced(rng)
    return Broken(**common, **own)


def _draw_displaced(rng: np.random.Generator) -> dict[str, float]:
    step = float(rng.uniform(2, 8))
    overriding = step > 5 and rng.random() < 0.35  # ends that still face each other cannot override
    return {
        "step": step,
        "pull": float(rng.uniform(-6, -1) if overriding else rng.uniform(0, 2)),
        "roughness": float(rng.uniform(0.3, 0.8)),
        "gap": float(rng.uniform(0.3, 1.2)),
        "open_from": COMPLETE,
        "half_length": float(rng.uniform(6, 8)),
        "swelling": float(rng.uniform(0.5, 1) if rng.random() < 0.5 else 0),
    }


def _draw_non_displaced(rng: np.random.Generator) -> dict[str, float]:
    incomplete = rng.random() < 0.35
    return {
        "step": float(rng.uniform(0, 0.8)),
        "pull": 0.0,
        "roughness": float(rng.uniform(0.2, 0.6)),
        "gap": float(rng.uniform(0.7, 2)),
        "open_from": float(rng.uniform(-2, 1)) if incomplete else COMPLETE,
        "half_length": float(rng.uniform(5, 7)),
        "swelling": float(rng.uniform(0.3, 0.8) if rng.random() < 0.25 else 0),
    }


BROKEN_KINDS = (DISPLACED, NON_DISPLACED, SEGMENTAL)
