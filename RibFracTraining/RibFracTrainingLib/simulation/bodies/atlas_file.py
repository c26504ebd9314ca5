"""The atlas: organ labels of one person, read and turned into smooth distances.

Labels come on a coarse grid (1.5 mm), whose staircase no dressing would hide. So each kind of tissue is kept
as a signed distance, made of its label blurred by about one voxel: between voxels it is interpolated without
steps. All kinds lie side by side at each voxel, so that a look-up fetches them together.

The atlas that we use is case s0327 of the TotalSegmentator training data (Wasserthal et al. 2023, CC BY 4.0);
it does not come with this project.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.errors import InputError
from scipy import ndimage, special

from .atlas_labels import marked_ribs, read_labels
from .atlas_ribs import number_ribs
from .necks import add_necks

BLUR_MM = 1.3
STEP_MM = 1 / 24  # of near distances, kept as whole numbers around ZERO
FAR_STEP_MM = 0.4  # of the others, see `FAR_KINDS`
ZERO = 128
NUMBERED_VOXELS = 3
CLOSING_MM = 15.0
PADDING = 14  # voxels of air around the labels, which reach to the edge of their grid
KINDS: dict[str, tuple[str, ...]] = {
    "rib": ("rib_",),
    "spine": ("vertebrae_", "sacrum"),
    "girdle": ("scapula_", "clavicula_", "humerus_", "sternum"),
    "cartilage": ("costal_cartilages",),
    "rib or cartilage": ("rib_", "costal_cartilages"),
    "lung": ("lung_",),
    "airway": ("trachea",),
    "blood": (
        "heart", "atrial", "aorta", "brachiocephalic", "pulmonary_vein", "subclavian", "common_carotid",
        "inferior_vena", "superior_vena", "portal_vein", "iliac_a", "iliac_v",
    ),
    "solid": ("liver", "spleen", "kidney", "pancreas", "gallbladder", "adrenal", "thyroid"),
    "hollow": ("stomach", "colon", "small_bowel", "duodenum", "esophagus", "urinary_bladder"),
    "muscle": ("autochthon", "iliopsoas", "gluteus"),
    "cord": ("spinal_cord",),
}  # fmt: skip
FAR_KINDS = ("hull", "cavity", "far cartilage")
CHANNELS = (*KINDS, *FAR_KINDS)
IN_CAVITY = ("lung", "airway", "blood", "solid", "hollow")


@dataclass(frozen=True)
class Atlas:
    """Smooth anatomy on a coarse grid, LPS.

    Attributes:
        distances: uint8 (nx, ny, nz, channels), see `CHANNELS`; 0 mm is `ZERO`, inside is less.
        ribs: uint8 (nx, ny, nz), 1 to 24 in a rib and around it, whichever is nearest within a few voxels.
        spacing: mm.
        middle: (3,) mm, the middle of all ribs.
        hila: (2, 3) mm, where vessels enter the right and the left lung.
        floor: z in mm of the lowest rib.
    """

    distances: NDArray[np.uint8]
    ribs: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    middle: NDArray[np.float64]
    hila: NDArray[np.float64]
    floor: float


def channel_steps() -> NDArray[np.float32]:
    """Mm of one step of each channel."""
    return np.array([STEP_MM] * len(KINDS) + [FAR_STEP_MM] * len(FAR_KINDS), np.float32)


@functools.lru_cache(maxsize=1)
def read_atlas(path: str) -> Atlas:
    """The atlas of a file, kept for the next body.

    Raises:
        InputError: no label map, see `read_labels`; or its ribs cannot be told apart, see `number_ribs`.
    """
    labels, spacing, names = read_labels(Path(path))
    try:
        return make_atlas(labels, spacing, names)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def make_atlas(
    labels: NDArray[np.uint8], spacing: tuple[float, float, float], names: Mapping[str, int]
) -> Atlas:
    """Smooth distances of every kind of tissue around the ribs.

    Args:
        labels: uint8 [x, y, z] in LPS order.
        spacing: mm.
        names: number of each label; all ribs are named.

    Raises:
        InputError: the ribs cannot be told apart, see `number_ribs`.
    """
    bony, right = marked_ribs(labels, names)
    used = np.flatnonzero(bony.any(axis=(0, 1)))
    lowest = max(0, used[0] - round(45 / spacing[2]))
    around = ((PADDING, PADDING), (PADDING, PADDING), (0, 0))
    labels, bony, right = (np.pad(array[:, :, lowest:], around) for array in (labels, bony, right))
    masks = {kind: _of_kind(labels, names, starts) for kind, starts in KINDS.items()}
    ribs = add_necks(number_ribs(bony, right, spacing), masks["spine"], masks["cord"], spacing)
    masks["rib"] = ribs > 0
    masks["rib or cartilage"] = masks["rib"] | masks["cartilage"]
    distances = np.empty((*labels.shape, len(CHANNELS)), np.uint8)
    for channel, kind in enumerate(KINDS):
        distances[..., channel] = _stored(blurred_distance(masks[kind], spacing), STEP_MM)
    cavity = _closed(np.logical_or.reduce([masks[kind] for kind in IN_CAVITY]), spacing)
    hull = _closed(
        (labels > 0) & (labels != names.get("humerus_left", 0)) & (labels != names.get("humerus_right", 0)),
        spacing,
    )
    for name, mask in zip(FAR_KINDS, (hull, cavity, masks["cartilage"]), strict=True):
        distances[..., CHANNELS.index(name)] = _stored(_far_distance(mask, spacing), FAR_STEP_MM)
    points = np.argwhere(ribs) * np.array(spacing)
    vessels = np.argwhere(_of_kind(labels, names, ("pulmonary_vein",)))
    return Atlas(
        distances=distances,
        ribs=_nearest_rib(ribs),
        spacing=spacing,
        middle=(points.min(0) + points.max(0)) / 2,
        hila=_hila(vessels * np.array(spacing), points),
        floor=float(points[:, 2].min()),
    )


def _nearest_rib(ribs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The number of the nearest rib at every voxel, 0 further away than `NUMBERED_VOXELS`."""
    away, index = ndimage.distance_transform_edt(ribs == 0, return_indices=True)
    return np.where(away <= NUMBERED_VOXELS, ribs[tuple(index)], 0).astype(np.uint8)


def _of_kind(
    labels: NDArray[np.uint8], names: Mapping[str, int], starts: tuple[str, ...]
) -> NDArray[np.bool_]:
    chosen = np.zeros(256, bool)
    chosen[[number for name, number in names.items() if name.startswith(starts)]] = True
    return chosen[labels]


def blurred_distance(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Mm to the surface of a mask: where a blurred step has a value tells how far away it is."""
    blurred = ndimage.gaussian_filter(
        mask.astype(np.float32), [BLUR_MM / step for step in spacing], mode="nearest"
    )
    return special.ndtri(1 - np.clip(blurred, 1e-4, 1 - 1e-4)) * np.float32(BLUR_MM)


def _far_distance(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    signed = ndimage.distance_transform_edt(~mask, spacing) - ndimage.distance_transform_edt(mask, spacing)
    return ndimage.gaussian_filter(
        signed.astype(np.float32), [3.0 / step for step in spacing], mode="nearest"
    )


def _closed(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """The mask with gaps up to twice `CLOSING_MM` closed, slice by slice filled."""
    # At half the resolution, which is fine enough for a surface that is blurred later.
    step = [2 * size for size in spacing]
    grown = np.pad(mask[::2, ::2, ::2], 8)
    grown = ndimage.distance_transform_edt(~grown, step) <= CLOSING_MM
    coarse = (ndimage.distance_transform_edt(grown, step) > CLOSING_MM)[8:-8, 8:-8, 8:-8]
    closed = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)[tuple(slice(n) for n in mask.shape)] | mask
    for z in range(closed.shape[2]):
        closed[:, :, z] = ndimage.binary_fill_holes(closed[:, :, z])
    return closed


def _stored(distance: NDArray[np.float32], step: float) -> NDArray[np.uint8]:
    return np.clip(np.rint(distance / step) + ZERO, 0, 255).astype(np.uint8)


def _hila(vessels: NDArray, ribs: NDArray) -> NDArray[np.float64]:
    """Where the lung's vessels start: the outer parts of the pulmonary veins, else the middle of the ribs."""
    if len(vessels) < 50:
        middle = ribs.mean(0)
        return middle + np.array([(-40.0, 0, 0), (40.0, 0, 0)])
    edges = np.quantile(vessels[:, 0], [0.1, 0.9])
    return np.array([vessels[vessels[:, 0] <= edges[0]].mean(0), vessels[vessels[:, 0] >= edges[1]].mean(0)])
