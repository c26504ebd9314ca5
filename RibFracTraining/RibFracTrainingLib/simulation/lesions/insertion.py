"""Insert planned fractures into a body: new HU, a mask of instances, the class of each.

Each fracture is worked out in a block around its place, one after the other on the same volume. Only voxels
of the rib, of the room it moves into and of swollen tissue change; all others keep their bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..body import Body
from ..ribs.paths import rib_paths
from ..ribs.places import MARGIN_MM, Place, place_on
from .fracture import Fracture
from .kinds import shape_of
from .matting import take_apart
from .moving import Moved, move
from .noise import measure_noise
from .planning import plan_shams
from .recipe import Recipe, condensed, swollen
from .spots import spot_of

CLOSING_MM = 2.0  # smooths the label where ends stand beside each other


@dataclass(frozen=True)
class Insertion:
    """A body with lesions.

    Attributes:
        hu: float32 HU [x, y, z].
        instances: uint16 [x, y, z], 0 or the number of a lesion.
        labels: the class code of each instance, 0 for shams.
        records: the fracture of each instance, in order, from 1.
    """

    hu: NDArray[np.float32]
    instances: NDArray[np.uint16]
    labels: dict[int, int]
    records: list[Fracture]


def insert_fractures(body: Body, plan: tuple[Fracture, ...], rng: np.random.Generator) -> Insertion:
    """Insert fractures.

    Args:
        plan: from `planning.plan_fractures` for this body. Shapes come from each fracture's own seed.
        rng: of the noise that makes up for what interpolation smooths.

    Raises:
        ValueError: a fracture lies on a rib that the body does not show.
    """
    hu = body.hu.copy(order="K")
    instances = np.zeros_like(hu, np.uint16)
    paths = rib_paths(body.ribs, body.spacing) if plan else []
    for number, fracture in enumerate(plan, start=1):
        shape = shape_of(fracture)
        spot = spot_of(fracture, paths, body)
        place = place_on(body, spot.path, spot.at, shape.room + MARGIN_MM / 2)
        shape_rng = np.random.default_rng(fracture.seed)
        recipe = shape.recipe(place, shape_rng)
        block, moved = changed_block(body.with_hu(hu), place, recipe, shape_rng, rng)
        hu[place.window] = block
        label = _label(moved, place, recipe) & (instances[place.window] == 0)
        instances[place.window][label] = number
    labels = {number: fracture.label for number, fracture in enumerate(plan, start=1)}
    return Insertion(hu, instances, labels, list(plan))


def sham_insertions(body: Body, count: int, rng: np.random.Generator) -> Insertion:
    """Do all that an insertion does, without a fracture, at some places; `instances` tells where.

    Args:
        count: places wanted; fewer where the ribs have no room.
        rng: of the places and of the noise.
    """
    return insert_fractures(body, plan_shams(body, count, rng), rng)


def changed_block(
    body: Body, place: Place, recipe: Recipe, shape_rng: np.random.Generator, noise_rng: np.random.Generator
) -> tuple[NDArray[np.float32], Moved]:
    """The HU of a place's block after an insertion, and what moved.

    Args:
        shape_rng: of unevenness.
        noise_rng: of noise.
    """
    block = body.hu[place.window]
    noise = measure_noise(block, place.depth > -2)
    matte = take_apart(body, place, recipe.filling_hu, noise, noise_rng)
    result = block.copy()
    if recipe.swelling is not None:
        healthy, matte = matte, swollen(matte, recipe.swelling, place, noise, shape_rng)
        result += (1 - matte.cover) * (matte.behind - healthy.behind)
    moved = move(result, matte, place, recipe.pieces, recipe.reach, noise, noise_rng)
    hu = moved.hu
    if recipe.condensation is not None:
        hu = condensed(moved, recipe.condensation, place, shape_rng)
    result[tuple(moved.voxels.T)] = hu
    return result, moved


def _label(moved: Moved, place: Place, recipe: Recipe) -> NDArray[np.bool_]:
    """The lesion in the block: both ends and all between them, one solid piece."""
    near = np.abs(moved.points[:, 0] - recipe.middle(moved.points)) <= recipe.half_length
    label = np.zeros(place.known.shape, bool)
    label[tuple(moved.voxels[near & moved.swept].T)] = True
    label = ndimage.binary_fill_holes(_closed(label, place.spacing))
    pieces, count = ndimage.label(label)
    if count > 1:
        label = pieces == 1 + int(np.bincount(pieces.ravel())[1:].argmax())
    return label


def _closed(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Morphological closing with a ball of `CLOSING_MM`."""
    closed = np.zeros_like(mask)
    for window in ndimage.find_objects(mask.astype(np.uint8)):
        padding = int(np.ceil(CLOSING_MM / min(spacing))) + 1
        part = np.pad(mask[window], padding)
        grown = ndimage.distance_transform_edt(~part, spacing) <= CLOSING_MM
        small = ndimage.distance_transform_edt(grown, spacing) > CLOSING_MM
        closed[window] = small[(slice(padding, -padding),) * 3]
    return closed
