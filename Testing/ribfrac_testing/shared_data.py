"""Real scans and a labelled thorax that may lie beside the checkout, and a CT made of the latter.

Nothing in the project depends on them: a test that uses them is skipped, with a reason, where they are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from RibFracDetectorLib.case.masks import read_mask
from scipy import ndimage

from .reference import shared_data_folder

AIR, LUNG, TISSUE, BONE = -1000, -850, 40, 350
TRUNK_BONES = ("rib_", "vertebrae_", "sternum", "clavicula", "scapula", "humerus", "hip_", "sacrum")
SKIN_MM = 12.0


def shared_file(name: str) -> Path:
    """A file of that folder; skips the test where it is absent."""
    folder = shared_data_folder()
    path = folder / name
    if not path.is_file():
        pytest.skip(f"no {name} in {folder}; set RIBFRAC_SHARED_DATA to a folder that holds it")
    return path


@dataclass(frozen=True)
class Thorax:
    """A simulated CT and where its ribs are; arrays are [x, y, z] in LPS order.

    Attributes:
        voxels: int16 HU.
        ribs: bool.
        body: bool, everything within the skin.
        sides: bool arrays of the lungs, by "left" and "right".
        spacing: mm.
    """

    voxels: NDArray[np.int16]
    ribs: NDArray[np.bool_]
    body: NDArray[np.bool_]
    sides: dict[str, NDArray[np.bool_]]
    spacing: tuple[float, float, float]

    def cut(self, *box: slice) -> Thorax:
        """A part of it."""
        sides = {name: mask[box] for name, mask in self.sides.items()}
        return replace(self, voxels=self.voxels[box], ribs=self.ribs[box], body=self.body[box], sides=sides)

    def with_voxels(self, voxels: NDArray) -> Thorax:
        """The same anatomy with other densities."""
        return replace(self, voxels=voxels.astype(np.int16))


def atlas_thorax() -> Thorax:
    """The labelled thorax as a CT: one density per kind of tissue, noise, and air around the skin."""
    labels, grid = read_mask(shared_file("thorax_atlas/labels.nii.gz"))
    names = {
        int(key): name
        for key, name in json.loads(shared_file("thorax_atlas/labels.json").read_text()).items()
    }

    def where(*prefixes: str) -> NDArray[np.bool_]:
        lookup = np.zeros(256, bool)
        lookup[[int(key) for key, name in names.items() if name.startswith(prefixes)]] = True
        return lookup[labels]

    body = _within_skin(labels > 0, grid.spacing)
    hu = np.full(labels.shape, AIR, np.float32)
    hu[body] = TISSUE
    hu[where("lung_")] = LUNG
    hu[where(*TRUNK_BONES, "femur", "skull")] = BONE
    noise = np.random.default_rng(0).standard_normal(hu.shape, np.float32)
    left = where("lung_upper_lobe_left", "lung_lower_lobe_left")
    sides = {"left": left, "right": where("lung_") & ~left}
    return Thorax((hu + 20 * noise).astype(np.int16), where("rib_"), body, sides, grid.spacing)


def _within_skin(labelled: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Everything within 12 mm of a labelled voxel, axial slices without holes."""
    near = ndimage.distance_transform_edt(~labelled, sampling=spacing) <= SKIN_MM
    for z in range(near.shape[2]):
        near[:, :, z] = ndimage.binary_fill_holes(near[:, :, z])
    return near
