"""What looks like a fracture on a rib and is none: inserted without a label, as hard negatives.

A nutrient groove is a thin dark canal that runs obliquely through one cortex. At a costochondral joint bone
ends in a cup and goes on as cartilage of 90 to 150 HU with a denser rim; cartilage carries flecks of chalk.
Sizes and densities of all are chosen by eye. Those that concern whole slices are in `slices`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..body import Body
from ..ribs.paths import RibPath, rib_paths
from ..ribs.places import Place, place_on
from .fracture import Fracture
from .matting import smooth_step
from .spots import Spot, draw_spots, spot_of, usable_paths

GROOVE, JOINT, FLECKS = "groove", "joint", "flecks"
BLUR_MM = 0.6
ALONG_MM = 45.0  # of the block, to both sides
FRONT_MM = 40.0  # of y between the ends of a rib whose front end can be told
FROM_FRONT_MM = (3.0, 10.0)  # of a joint, before the end of bone


@dataclass(frozen=True)
class Imitator:
    """One imitator, as inserted.

    Attributes:
        kind: groove, joint or flecks.
        rib: 1 to 24.
        centre: voxel of the body.
    """

    kind: str
    rib: int
    centre: tuple[int, int, int]


def insert_imitators(
    body: Body, count: int, rng: np.random.Generator, avoid: tuple[Fracture, ...] = ()
) -> tuple[NDArray[np.float32], list[Imitator]]:
    """New HU with imitators at places drawn along the ribs.

    Args:
        count: imitators wanted; fewer where the ribs have no room.
        avoid: fractures to keep away from.
    """
    paths = usable_paths(rib_paths(body.ribs, body.spacing))
    taken = [spot_of(fracture, paths, body) for fracture in avoid]
    hu, made = body.hu.copy(order="K"), []
    for kind in rng.choice([GROOVE, GROOVE, JOINT, FLECKS], count if paths else 0).tolist():
        spots = draw_spots(body, paths, taken, rng) if kind == GROOVE else _front_end(paths, taken, rng)
        for spot in spots:
            place = place_on(body, spot.path, spot.at, ALONG_MM)
            hu[place.window] = PAINTERS[kind](hu[place.window], place, _to_the_front(spot.path), rng)
            made.append(Imitator(kind, spot.path.rib, place.centre))
        taken.extend(spots)
    return hu, made


def _to_the_front(path: RibPath) -> int:
    """1 where the path runs to the front of the chest, -1 where it comes from there."""
    return 1 if path.points[-1, 1] < path.points[0, 1] else -1


def _front_end(paths: list[RibPath], taken: list[Spot], rng: np.random.Generator) -> list[Spot]:
    """A spot at the front end of a rib, none where all are taken."""
    spots = []
    for path in paths:
        if abs(path.points[-1, 1] - path.points[0, 1]) > FRONT_MM:
            inside = float(rng.uniform(*FROM_FRONT_MM))
            spots.append(Spot(path, path.length - inside if _to_the_front(path) > 0 else inside))
    free = [spot for spot in spots if all(spot.is_apart(other) for other in taken)]
    return [free[int(rng.integers(len(free)))]] if free else []


def _groove(
    block: NDArray[np.float32], place: Place, sense: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A canal from the surface to the marrow, mostly along the rib, on one side of it."""
    length, width = rng.uniform(6, 16), rng.uniform(0.9, 1.8)
    side, turn = rng.uniform(0, 2 * np.pi), rng.uniform(-0.06, 0.06)  # radians, radians a mm
    reached = sense * place.along / length + 0.5  # 0 where it enters, 1 in the marrow
    angle = np.arctan2(place.across, place.outward) - side - turn * place.along
    beside = np.hypot(place.across, place.outward) * np.abs((angle + np.pi) % (2 * np.pi) - np.pi)
    deep = place.depth - rng.uniform(2, 3) * np.clip(reached, 0, 1)
    distance = np.hypot(beside, deep)
    within = smooth_step(8 * reached) * smooth_step(8 * (1 - reached))
    part = within * np.clip((width / 2 - distance) / BLUR_MM + 0.5, 0, 1)
    return _towards(block, part, rng.uniform(20, 90), darker=True)


def _joint(
    block: NDArray[np.float32], place: Place, sense: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The rib's last stretch turned to cartilage behind a cup-shaped end, with a rim that is denser."""
    cup = rng.uniform(0, 3) * (1 - np.clip(np.hypot(place.outward, place.across) / 6, 0, 1) ** 2)
    beyond = sense * place.along + cup
    inside = smooth_step((place.depth + 1.5) / 1.5)
    gristle = np.clip(beyond / 1.2 + 0.5, 0, 1) * inside
    block = _towards(block, gristle, rng.uniform(90, 150), darker=True)
    rim = np.exp(-0.5 * ((place.depth - 0.5) / 0.6) ** 2) * gristle * rng.uniform(0, 0.9)
    return _towards(block, rim, rng.uniform(200, 450), darker=False)


def _flecks(
    block: NDArray[np.float32], place: Place, sense: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Chalk in the cartilage beyond the rib's end."""
    for _ in range(int(rng.integers(2, 7))):
        middle = (sense * rng.uniform(8, 20), rng.normal(0, 2), rng.normal(0, 3))
        radii = rng.uniform(0.8, 2.2, 3) * (rng.uniform(1, 2.5), 1, 1)
        axes = zip((place.along, place.outward, place.across), middle, radii, strict=True)
        part = np.exp(-0.5 * sum(((axis - at) / radius) ** 2 for axis, at, radius in axes))
        block = _towards(block, part * place.known, rng.uniform(250, 900), darker=False)
    return block


PAINTERS: dict[str, Callable[..., NDArray[np.float32]]] = {GROOVE: _groove, JOINT: _joint, FLECKS: _flecks}


def _towards(block: NDArray[np.float32], part: NDArray, hu: float, darker: bool) -> NDArray[np.float32]:
    """Drawn towards a density by `part`, only ever darker or only ever denser."""
    change = part * (hu - block)
    return (block + (np.minimum(change, 0) if darker else np.maximum(change, 0))).astype(np.float32)
