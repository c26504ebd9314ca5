"""Which fractures go where: kinds, places and parameters, all drawn before anything is inserted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from ..body import Body
from ..ribs.paths import rib_paths
from .fracture import BUCKLE, DISPLACED, HEALED, LABELS, NON_DISPLACED, SEGMENTAL, SHAM, Fracture
from .kinds import draw_shape
from .spots import TRIALS, Spot, draw_spots, usable_paths

# Shares of the kinds unless told otherwise, segmental counted by pairs; chosen for training, not from life.
EVEN_MIX = {DISPLACED: 0.3, NON_DISPLACED: 0.3, BUCKLE: 0.2, SEGMENTAL: 0.1, HEALED: 0.1}
SEGMENT_MM = (20.0, 60.0)  # between the two breaks of a segmental fracture


def plan_fractures(
    body: Body, count: int, rng: np.random.Generator, mix: Mapping[str, float] = EVEN_MIX
) -> tuple[Fracture, ...]:
    """Draw fractures on the ribs of a body.

    Args:
        count: lesions wanted, both breaks of a segmental fracture counted. Where the ribs have no room for
            so many at their distance, there are fewer.
        mix: relative frequency of each kind, keys of `fracture.LABELS`.

    Raises:
        ValueError: a kind is not known.
    """
    if unknown := set(mix) - set(LABELS):
        raise ValueError(f"expected kinds of {sorted(LABELS)}, not {sorted(unknown)}")
    return _plan(body, count, rng, mix)


def plan_shams(body: Body, count: int, rng: np.random.Generator) -> tuple[Fracture, ...]:
    """Draw places for shams as those of fractures are drawn; see `sham`."""
    return _plan(body, count, rng, {SHAM: 1.0})


def _plan(body: Body, count: int, rng: np.random.Generator, mix: Mapping[str, float]) -> tuple[Fracture, ...]:
    paths = usable_paths(rib_paths(body.ribs, body.spacing))
    kinds, weights = list(mix), np.array(list(mix.values()), float)
    taken: list[Spot] = []
    chosen: list[tuple[str, Spot]] = []
    failures = 0
    while paths and len(chosen) < count and failures < TRIALS:
        kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        spots = draw_spots(body, paths, taken, rng, SEGMENT_MM if kind == SEGMENTAL else None)
        if not spots or len(chosen) + len(spots) > count:
            failures += 1
            continue
        taken.extend(spots)
        chosen.extend((kind, spot) for spot in spots)
    return tuple(_fracture(body, kind, spot, taken, rng) for kind, spot in chosen)


def _fracture(body: Body, kind: str, spot: Spot, taken: list[Spot], rng: np.random.Generator) -> Fracture:
    shape = draw_shape(kind, spot.room(taken), rng)
    x, y, z = (int(value) for value in np.round(spot.point / body.spacing))
    seed = int(rng.integers(2**31))
    return Fracture(kind, LABELS.get(kind, 0), spot.path.rib, (x, y, z), asdict(shape), seed)
