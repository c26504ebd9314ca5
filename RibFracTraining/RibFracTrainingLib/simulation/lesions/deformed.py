"""Fractures of bone that keeps together: the buckled cortex and the healed fracture with its callus.

A buckle is the cortex on the compressed side, mostly the inner one, broken and folded, while the other side
stays whole (Love and Symes, J Forensic Sci 2004;49:1153; Yang et al., Leg Med 2011;13:233, who describe it in
CT). Callus makes the rib thicker by 15 to 45 % over one to three centimetres and denser; woven bone and
hardening callus are seen between 300 and 700 HU. The sizes of both are chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ribs.places import Place
from .recipe import Condensation, Recipe, at_the_point
from .shapes import BreakSurface, Piece, bulge_shift, seen_blur, swelling_shift, whole

THICK_MM = 8.0  # from a rib's centreline to the farthest of its surface, about


@dataclass(frozen=True)
class Buckle:
    """A buckled cortex, as drawn: two lips of a fold that a crack parts.

    Attributes:
        height: mm that the higher lip rises.
        second_share: the part of it that the other lip rises, negative for one that is pressed in.
        fold_length: mm along the rib from the crack to where a lip has fallen to 0.6 of its height.
        angle: degrees in the cross-section of the side that is buckled, 0 outward, 180 towards the lung.
        sharp: 0 for a rounded fold, 1 for an edge.
        crack: mm between the lips.
        crack_from: mm from the centreline towards the buckled side where the crack begins.
        tilt_outward, tilt_across: degrees of the crack against straight across the rib.
        roughness: mm, standard deviation of the broken surface.
        impaction: 0 to 1, how much denser the buckled bone is.
        filling: HU behind the rib and in the crack.
        half_length: mm of the label along the rib.
    """

    height: float
    second_share: float
    fold_length: float
    angle: float
    sharp: float
    crack: float
    crack_from: float
    tilt_outward: float
    tilt_across: float
    roughness: float
    impaction: float
    filling: float
    half_length: float

    @property
    def room(self) -> float:
        """Mm to both sides along the rib in which anything changes."""
        return 8 * self.fold_length + 4

    def recipe(self, place: Place, rng: np.random.Generator) -> Recipe:
        """What it does to the rib at a place; `rng` of the crack's irregularity."""
        angle = float(np.radians(self.angle))
        tilts = (self.tilt_outward, self.tilt_across)
        crack = BreakSurface(tilts, self.roughness, self.crack, (angle, self.crack_from), rng)
        heights = (self.height, self.second_share * self.height)
        folds = [bulge_shift(height, self.fold_length, angle, self.sharp) for height in heights]
        pieces = [Piece(*one) for one in zip(folds, crack.sides(seen_blur(place)), strict=True)]
        dense = Condensation(500.0, self.impaction, self.fold_length) if self.impaction else None
        return Recipe(pieces, self.height, self.filling, self.half_length, at_the_point, dense)


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
    length = float(rng.uniform(1.2, 2.8))
    return Buckle(
        height=float(rng.uniform(1.2, 3)),
        second_share=float(rng.uniform(-0.4, 0.8)),
        fold_length=length,
        angle=float(rng.choice([0, 180], p=[0.2, 0.8]) + rng.normal(0, 25)),
        sharp=float(rng.uniform(0.3, 1)),
        crack=float(rng.uniform(0, 0.8)),
        crack_from=float(rng.uniform(-0.5, 1.5)),
        tilt_outward=float(np.clip(rng.normal(0, 15), -40, 40)),
        tilt_across=float(np.clip(rng.normal(0, 15), -40, 40)),
        roughness=float(rng.uniform(0.2, 0.5)),
        impaction=float(rng.uniform(0, 0.5)),
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
