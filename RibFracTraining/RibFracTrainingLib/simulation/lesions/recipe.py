"""What an insertion does to a block: move pieces of the rib, make bone denser, let tissue swell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..ribs.places import Place
from .matting import Matte, smooth_step
from .moving import Moved
from .noise import Noise
from .shapes import Coordinates, Piece

LUNG_HU = -150.0  # lung and its blurred edge lie below, fat above
PATCHINESS_MM = 1.5  # new bone and bruised tissue are uneven over about this distance; chosen by eye


@dataclass(frozen=True)
class Condensation:
    """New or impacted bone: the rib drawn towards a density.

    Attributes:
        hu: the density; denser bone stays as it is.
        strength: 0 to 1 in the middle.
        half_length: mm along the rib to 0.6 of the strength.
    """

    hu: float
    strength: float
    half_length: float


@dataclass(frozen=True)
class Swelling:
    """Blood or oedema beside the rib: fat, and lung where it reaches the pleura, become soft tissue.

    Attributes:
        hu: of the swollen tissue.
        strength: 0 to 1.
        outward: mm from the centreline to the middle of the swelling, negative towards the lung.
        radii: mm along, outward, across.
    """

    hu: float
    strength: float
    outward: float
    radii: tuple[float, float, float]


@dataclass(frozen=True)
class Recipe:
    """One insertion, in coordinates of the rib.

    Attributes:
        pieces: of the rib, which together are all of it where nothing is broken.
        reach: mm that a piece moves at most across the rib.
        filling_hu: of what fills the room that bone leaves.
        half_length: mm along the rib to both sides of `middle` that the label covers.
        middle: where the lesion is along the rib, for each point's place in the cross-section.
        condensation, swelling: what happens besides, None for nothing.
    """

    pieces: list[Piece]
    reach: float
    filling_hu: float
    half_length: float
    middle: Callable[[Coordinates], NDArray]
    condensation: Condensation | None = None
    swelling: Swelling | None = None


def at_the_point(points: Coordinates) -> NDArray:
    """The `middle` of a lesion that lies straight across the rib."""
    return np.zeros(len(points))


def condensed(moved: Moved, how: Condensation, place: Place, rng: np.random.Generator) -> NDArray[np.float32]:
    """The HU of `moved.voxels` with denser bone; tissue just outside the rib stays as it is."""
    strength = how.strength * np.exp(-0.5 * (moved.points[:, 0] / how.half_length) ** 2)
    uneven = _patchy(place, rng)[tuple(moved.voxels.T)]
    part = np.clip(strength * uneven, 0, 1) * smooth_step(moved.depth)
    return moved.hu + part * np.maximum(how.hu - moved.hu, 0)


def swollen(matte: Matte, how: Swelling, place: Place, noise: Noise, rng: np.random.Generator) -> Matte:
    """The matte with swollen tissue behind and beside the rib."""
    points = (place.along, place.outward - how.outward, place.across)
    distance = sum((axis / radius) ** 2 for axis, radius in zip(points, how.radii, strict=True))
    part = how.strength * smooth_step(2 * (1 - distance)) * (matte.behind < how.hu)
    part = part * np.clip(_patchy(place, rng), 0, 1)
    # Blood pushes the lung away with the pleura; only fat is soaked by degrees.
    part = np.where(matte.behind < LUNG_HU, smooth_step(3 * part), part)
    tissue = how.hu + noise.field(matte.behind.shape, rng)
    behind = np.where(part > 0, (1 - part) * matte.behind + part * tissue, matte.behind)
    return replace(matte, behind=behind.astype(np.float32))


def _patchy(place: Place, rng: np.random.Generator) -> NDArray[np.float32]:
    """A field over the block around 1, uneven by a fifth."""
    white = rng.standard_normal(place.known.shape, np.float32)
    smooth = ndimage.gaussian_filter(white, [PATCHINESS_MM / step for step in place.spacing])
    return 1 + 0.2 * smooth / max(float(smooth.std()), 1e-6)
