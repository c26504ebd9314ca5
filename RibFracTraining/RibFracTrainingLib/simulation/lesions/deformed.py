"""Fractures without a gap: the buckled cortex and the healed fracture with its callus.

A buckle is a bulge or a dent of 1 to 3 mm of one cortex over a few millimetres. Callus makes the rib thicker
by 15 to 45 % over one to three centimetres and denser; woven bone and hardening callus are seen between 300
and 700 HU. The sizes of both are chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ribs.places import Place
from .recipe import Condensation, Recipe, at_the_point
from .shapes import Piece, bulge_shift, swelling_shift, whole

THICK_MM = 8.0  # from a rib's centreline to the farthest of its surface, about


@dataclass(frozen=True)
class Buckle:
    """A buckled cortex, as drawn.

    Attributes:
        height: mm, negative for a dent.
        bulge_length: mm from the top to 0.6 of its height.
        angle: degrees in the cross-section of the side that is buckled, 0 outward, 180 towards the lung.
        sharp: 0 for a rounded top, 1 for an edge.
        impaction: 0 to 1, how much denser the buckled bone is.
        filling: HU behind the rib.
        half_length: mm of the label along the rib.
    """

    height: float
    bulge_length: float
    angle: float
    sharp: float
    impaction: float
    filling: float
    half_length: float

    @property
    def room(self) -> float:
        """Mm to both sides along the rib in which anything changes."""
        return 8 * self.bulge_length + 4

    def recipe(self, place: Place, rng: np.random.Generator) -> Recipe:  # noqa: ARG002 (of every lesion)
        """What it does to the rib at a place."""
        shift = bulge_shift(self.height, self.bulge_length, float(np.radians(self.angle)), self.sharp)
        dense = Condensation(500.0, self.impaction, self.bulge_length) if self.impaction else None
        pieces = [Piece(shift, whole)]
        return Recipe(pieces, abs(self.height), self.filling, self.half_length, at_the_point, dense)


@dataclass(frozen=True)
class Healed:
    """A healed fracture, as drawn.

    Attributes:
        growth: by how much the rib is thicker, 0.3 for 30 %.
        callus_length: mm from the middle to 0.6 of the growth.
        density: HU of the callus.
        strength: 0 to 1, how far the rib is drawn to that density.
        filling: HU behind the rib.
        half_length: mm of the label along the rib.
    """

    growth: float
    callus_length: float
    density: float
    strength: float
    filling: float
    half_length: float

    @property
    def room(self) -> float:
        """Mm to both sides along the rib in which anything changes."""
        return 4 * self.callus_length

    def recipe(self, place: Place, rng: np.random.Generator) -> Recipe:  # noqa: ARG002 (of every lesion)
        """What it does to the rib at a place."""
        pieces = [Piece(swelling_shift(self.growth, self.callus_length), whole)]
        dense = Condensation(self.density, self.strength, self.callus_length)
        reach = self.growth * THICK_MM
        return Recipe(pieces, reach, self.filling, self.half_length, at_the_point, dense)


def draw_buckle(rng: np.random.Generator) -> Buckle:
    """Draw a buckled cortex."""
    dent = rng.random() < 0.25
    length = float(rng.uniform(1.5, 3.0))
    return Buckle(
        height=float(rng.uniform(1, 3) * (-1 if dent else 1)),
        bulge_length=length,
        angle=float(rng.choice([0, 180]) + rng.normal(0, 25)),
        sharp=float(rng.uniform(0, 0.8)),
        impaction=float(rng.uniform(0, 0.4)),
        filling=float(rng.uniform(30, 60)),
        half_length=2 * length + 2,
    )


def draw_healed(rng: np.random.Generator) -> Healed:
    """Draw a healed fracture."""
    length = float(rng.uniform(4, 9))
    return Healed(
        growth=float(rng.uniform(0.15, 0.45)),
        callus_length=length,
        density=float(rng.uniform(350, 700)),
        strength=float(rng.uniform(0.25, 0.65)),
        filling=float(rng.uniform(30, 60)),
        half_length=1.2 * length + 2,
    )
