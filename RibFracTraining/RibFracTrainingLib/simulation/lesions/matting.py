"""The rib as a layer that can be moved: how much of each voxel is bone, and what lies behind it.

A block is taken apart as hu = bone + (1 - cover) * behind, where `cover` falls from 1 in the rib to 0 a
little outside and `bone` is what the rib adds, noise and all. Put together unmoved this is the block again,
exactly; with `bone` and `cover` moved, the rib moves with its cortex, marrow and texture, and the tissue
around it stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..body import Body
from ..ribs.places import Place
from .noise import Noise

# A mask ends about where bone has half its density; the scanner's blur reaches further. Chosen by eye.
RIM_MM, RIM_VOXELS = 1.0, 0.5
FADE_MM = 1.2
NEAR_MM, DEEP_MM = 1.5, 2.5  # tissue continues that far beneath the rim; below lies what fills a fracture
OTHER_BONE_HU = 200.0
LUNG_HU, TISSUE_HU = -300.0, -50.0  # between lie the blurred edge of lung, and fat


@dataclass(frozen=True)
class Matte:
    """A block taken apart; float32 [x, y, z].

    Attributes:
        cover: 0 to 1, the share of bone.
        bone: HU that the bone adds: hu - (1 - cover) * behind.
        behind: HU of what would be seen without the rib.
        rim: mm outside the mask where the bone's share ends.
    """

    cover: NDArray[np.float32]
    bone: NDArray[np.float32]
    behind: NDArray[np.float32]
    rim: float


def take_apart(body: Body, place: Place, filling_hu: float, noise: Noise, rng: np.random.Generator) -> Matte:
    """Take the block of a place apart.

    Args:
        filling_hu: HU of what fills the room that the bone leaves.
        noise: of the block.
        rng: of the filling's texture.
    """
    hu = body.hu[place.window]
    rim = RIM_MM + RIM_VOXELS * max(place.spacing)
    cover = smooth_step((place.depth + rim) / FADE_MM)
    # Lung that touches the rib is not carried along with it.
    airless = smooth_step((hu - LUNG_HU) / (TISSUE_HU - LUNG_HU))
    cover = np.where(place.depth < 0, cover * airless, cover)
    outside = (cover == 0) & (hu < OTHER_BONE_HU)
    tissue = _continued(hu, outside, place.spacing, filling_hu)
    deep = smooth_step((place.depth + rim - 0.5) / DEEP_MM)
    filled = (1 - deep) * tissue + deep * filling_hu + noise.field(hu.shape, rng)
    # Bone only adds: where the scan is darker than what is expected behind the outer rim, the scan is right.
    behind = filled + (1 - smooth_step(2 * cover)) * np.minimum(hu - filled, 0)
    behind = np.where(cover > 0, behind, hu).astype(np.float32)
    return Matte(cover, hu - (1 - cover) * behind, behind, rim)


def smooth_step(x: NDArray) -> NDArray[np.float32]:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _continued(
    hu: NDArray[np.float32], outside: NDArray[np.bool_], spacing: tuple[float, float, float], default: float
) -> NDArray[np.float32]:
    """The tissue outside the rib continued into it; `default` where there is none near."""
    sigma = [NEAR_MM / step for step in spacing]
    weight = ndimage.gaussian_filter(outside.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(outside, hu, 0).astype(np.float32), sigma)
    little = 1e-3
    return (total + little * default) / (weight + little)
