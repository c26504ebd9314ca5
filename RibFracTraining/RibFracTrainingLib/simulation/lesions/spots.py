"""Places on the ribs for lesions: apart from each other, from the ribs' ends and from other bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..body import Body
from ..ribs.paths import STEP_MM, RibPath
from .broken import LONGEST_TAPER, SHORTEST_TAPER
from .fracture import Fracture

FROM_END_MM = 15.0  # cut ends and joints are no place for a break
SAME_RIB_MM = 40.0
ANY_RIB_MM = 22.0  # neighbouring ribs are often broken side by side
# Other bone so near (transverse process, scapula, a touching rib) would be torn along with the rib.
CLEAR_MM, CLEAR_HU, CLEAR_MM3 = 11.0, 250.0, 100.0
TRIALS = 60  # places tried for each lesion


@dataclass(frozen=True)
class Spot:
    """A point of a path, `at` mm from its first."""

    path: RibPath
    at: float

    @property
    def point(self) -> NDArray[np.float64]:
        """In mm."""
        return self.path.points[round(self.at / STEP_MM)]

    def room(self, taken: list[Spot]) -> tuple[float, float]:
        """Mm before and behind in which a rib may bend: to its ends, and halfway to other lesions."""
        before, behind = self.at - 2, self.path.length - self.at - 2
        for other in taken:
            if other.path is self.path and other.at < self.at:
                before = min(before, (self.at - other.at) / 2 - 1)
            elif other.path is self.path and other.at > self.at:
                behind = min(behind, (other.at - self.at) / 2 - 1)
        first, last = (max(SHORTEST_TAPER, min(side, LONGEST_TAPER)) for side in (before, behind))
        return first, last

    def is_apart(self, other: Spot) -> bool:
        """Whether two lesions can be told from each other here."""
        if self.path is other.path and abs(self.at - other.at) < SAME_RIB_MM:
            return False
        return bool(np.linalg.norm(self.point - other.point) >= ANY_RIB_MM)


def usable_paths(paths: list[RibPath]) -> list[RibPath]:
    """Those long enough for a lesion."""
    return [path for path in paths if path.length > 2 * FROM_END_MM]


def spot_of(fracture: Fracture, paths: list[RibPath], body: Body) -> Spot:
    """Where a planned fracture lies.

    Raises:
        ValueError: on a rib that has no path.
    """
    centre = np.multiply(fracture.centre, body.spacing)
    candidates = []
    for path in paths:
        if path.rib == fracture.rib:
            distances = np.linalg.norm(path.points - centre, axis=1)
            candidates.append((float(distances.min()), Spot(path, int(distances.argmin()) * STEP_MM)))
    if not candidates:
        raise ValueError(f"rib {fracture.rib} of the plan is not in the body")
    return min(candidates, key=lambda candidate: candidate[0])[1]


def draw_spots(
    body: Body,
    paths: list[RibPath],
    taken: list[Spot],
    rng: np.random.Generator,
    partner_mm: tuple[float, float] | None = None,
) -> list[Spot]:
    """Draw a spot with room around it, uniformly along all ribs; empty where none was found.

    Args:
        taken: spots to keep away from.
        partner_mm: distance along the rib, least and greatest, of a second spot; None for one spot only.
    """
    lengths = np.array([path.length for path in paths])
    for _ in range(TRIALS):
        path = paths[int(rng.choice(len(paths), p=lengths / lengths.sum()))]
        spots = [Spot(path, float(rng.uniform(FROM_END_MM, path.length - FROM_END_MM)))]
        if partner_mm is not None:
            spots.append(Spot(path, spots[0].at + float(rng.uniform(*partner_mm))))
        if spots[-1].at > path.length - FROM_END_MM:
            continue
        if all(spot.is_apart(other) for spot in spots for other in taken) and all(
            _is_clear(body, spot) for spot in spots
        ):
            return spots
    return []


def _is_clear(body: Body, spot: Spot) -> bool:
    """Whether the rib is the only bone around a spot."""
    low = np.maximum(np.floor((spot.point - CLEAR_MM) / body.spacing), 0).astype(int)
    high = np.ceil((spot.point + CLEAR_MM) / body.spacing).astype(int) + 1
    window = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    own = ndimage.binary_dilation(body.ribs[window] == spot.path.rib, iterations=2)
    squares = [
        ((np.arange(n) + first) * step - middle) ** 2
        for n, first, step, middle in zip(own.shape, low, body.spacing, spot.point, strict=True)
    ]
    x, y, z = np.ix_(*squares)
    other = (x + y + z < CLEAR_MM**2) & ~own & (body.hu[window] > CLEAR_HU)
    return bool(other.sum() * np.prod(body.spacing) < CLEAR_MM3)
