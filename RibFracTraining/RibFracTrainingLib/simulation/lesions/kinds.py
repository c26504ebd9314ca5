"""The shape of every kind of lesion: drawn, and made again from its record."""

from __future__ import annotations

import numpy as np

from .broken import BROKEN_KINDS, Broken, draw_broken
from .deformed import Buckle, Healed, draw_buckle, draw_healed
from .fracture import BUCKLE, HEALED, SHAM, Fracture
from .sham import Sham, draw_sham

Shape = Broken | Buckle | Healed | Sham
SHAPES: dict[str, type[Shape]] = dict.fromkeys(BROKEN_KINDS, Broken) | {
    BUCKLE: Buckle,
    HEALED: Healed,
    SHAM: Sham,
}


def draw_shape(kind: str, room: tuple[float, float], rng: np.random.Generator) -> Shape:
    """Draw the shape of one lesion; `room` as in `broken.draw_broken`."""
    if kind == BUCKLE:
        return draw_buckle(rng)
    if kind == HEALED:
        return draw_healed(rng)
    if kind == SHAM:
        return draw_sham(room, rng)
    return draw_broken(kind, room, rng)


def shape_of(fracture: Fracture) -> Shape:
    """The shape that a fracture's parameters describe."""
    return SHAPES[fracture.kind](**fracture.parameters)
