"""Where fractures go: places drawn along the ribs, apart from each other and from the ribs' ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..body import Body
from ..ribs.paths import STEP_MM, RibPath, rib_paths
from .broken import BROKEN_KINDS, LONGEST_TAPER, SHORTEST_TAPER, Broken, draw_broken
from .deformed import Buckle, Healed, draw_buckle, draw_healed
from .fracture import BUCKLE, DISPLACED, HEALED, LABELS, NON_DISPLACED, SEGMENTAL, Fracture

Shape = Broken | Buckle | Healed
SHAPES: dict[str, type[Shape]] = dict.fromkeys(BROKEN_KINDS, Broken) | {BUCKLE: Buckle, HEALED: Healed}
# Shares of the kinds unless told otherwise, segmental counted by pairs; chosen for training, not from life.
EVEN_MIX = {DISPLACED: 0.3, NON_DISPLACED: 0.3, BUCKLE: 0.2, SEGMENTAL: 0.1, HEALED: 0.1}
FROM_END_MM = 15.0  # cut ends and joints are no place for a break
SAME_RIB_MM = 40.0
ANY_RIB_MM = 22.0  # neighbouring ribs are often broken side by side
SEGMENT_MM = (15.0, 60.0)
# Other bone so near (transverse process, scapula, a touching rib) would be torn along with the rib.
CLEAR_MM, CLEAR_HU, CLEAR_MM3 = 11.0, 250.0, 100.0
TRIALS = 60  # places tried for each fracture


@dataclass(frozen=True)
class _Spot:
    path: RibPath
    at: float

    @property
    def point(self) -> NDArray[np.float64]:
        return self.path.points[round(self.at / STEP_MM)]

    def room(self, taken: list[_Spot]) -> tuple[float, float]:
        """Mm before and behind in which a rib may bend: to its ends, and halfway to other fractures."""
        before, behind = self.at - 2, self.path.length - self.at - 2
        for other in taken:
            if other.path is self.path and other.at < self.at:
                before = min(before, (self.at - other.at) / 2 - 1)
            elif other.path is self.path and other.at > self.at:
                behind = min(behind, (other.at - self.at) / 2 - 1)
        return tuple(max(SHORTEST_TAPER, min(side, LONGEST_TAPER)) for side in (before, behind))


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
    paths = [path for path in rib_paths(body.ribs, body.spacing) if path.length > 2 * FROM_END_MM]
    kinds, weights = list(mix), np.array(list(mix.values()), float)
    taken: list[_Spot] = []
    chosen: list[tuple[str, _Spot]] = []
    failures = 0
    while paths and len(chosen) < count and failures < TRIALS:
        kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        spots = _spots(kind, body, paths, taken, rng)
        if not spots or len(chosen) + len(spots) > count:
            failures += 1
            continue
        taken.extend(spots)
        chosen.extend((kind, spot) for spot in spots)
    return tuple(_fracture(body, kind, spot, taken, rng) for kind, spot in chosen)


def _spots(
    kind: str, body: Body, paths: list[RibPath], taken: list[_Spot], rng: np.random.Generator
) -> list[_Spot]:
    """One spot, or the two of a segmental fracture, with room around them; none where none was found."""
    lengths = np.array([path.length for path in paths])
    for _ in range(TRIALS):
        path = paths[int(rng.choice(len(paths), p=lengths / lengths.sum()))]
        first = _Spot(path, float(rng.uniform(FROM_END_MM, path.length - FROM_END_MM)))
        spots = [first]
        if kind == SEGMENTAL:
            spots.append(_Spot(path, first.at + float(rng.uniform(*SEGMENT_MM))))
        inside = all(spot.at <= path.length - FROM_END_MM for spot in spots)
        if not inside or not all(_apart(spot, other) for spot in spots for other in taken):
            continue
        if all(_is_clear(body, spot) for spot in spots):
            return spots
    return []


def _apart(spot: _Spot, other: _Spot) -> bool:
    if spot.path is other.path and abs(spot.at - other.at) < SAME_RIB_MM:
        return False
    return bool(np.linalg.norm(spot.point - other.point) >= ANY_RIB_MM)


def _is_clear(body: Body, spot: _Spot) -> bool:
    """Whether the rib is the only bone around a spot."""
    low = np.maximum(np.floor((spot.point - CLEAR_MM) / body.spacing), 0).astype(int)
    high = np.ceil((spot.point + CLEAR_MM) / body.spacing).astype(int) + 1
    window = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    own = ndimage.binary_dilation(body.ribs[window] == spot.path.rib, iterations=2)
    axes = [np.arange(side.start, side.start + n) for side, n in zip(window, own.shape, strict=True)]
    offsets = np.meshgrid(
        *(index * step - middle for index, step, middle in zip(axes, body.spacing, spot.point, strict=True)),
        indexing="ij",
        sparse=True,
    )
    near = sum(offset**2 for offset in offsets) < CLEAR_MM**2
    other = near & ~own & (body.hu[window] > CLEAR_HU)
    return bool(other.sum() * np.prod(body.spacing) < CLEAR_MM3)


def _fracture(body: Body, kind: str, spot: _Spot, taken: list[_Spot], rng: np.random.Generator) -> Fracture:
    shape = draw_shape(kind, spot.room(taken), rng)
    x, y, z = (int(value) for value in np.round(spot.point / body.spacing))
    seed = int(rng.integers(2**31))
    return Fracture(kind, LABELS[kind], spot.path.rib, (x, y, z), asdict(shape), seed)


def draw_shape(kind: str, room: tuple[float, float], rng: np.random.Generator) -> Shape:
    """Draw the shape of one lesion; `room` as in `broken.draw_broken`."""
    if kind == BUCKLE:
        return draw_buckle(rng)
    if kind == HEALED:
        return draw_healed(rng)
    return draw_broken(kind, room, rng)


def shape_of(fracture: Fracture) -> Shape:
    """The shape that a fracture's parameters describe."""
    return SHAPES[fracture.kind](**fracture.parameters)
