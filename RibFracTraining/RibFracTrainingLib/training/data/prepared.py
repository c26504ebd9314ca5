"""One prepared case: cached arrays, read through memory maps, and its lesions.

The instance mask is kept as a list of its voxels: fractures fill less than a thousandth of a scan, so a list
is a hundred times smaller than the mask, and a crop's part of it is found faster than a mask is read. Arrays
are opened anew at each use: nothing is shared between workers, and nothing open is pickled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.json_files import read_json

from .classes import ClassMap

VERSION = 1
IMAGE_FILE, VOXELS_FILE, CASE_FILE = "image.npy", "lesion_voxels.npy", "case.json"


@dataclass(frozen=True)
class Lesion:
    """One lesion of a case.

    Attributes:
        instance: its value in the instance mask.
        label: its class in the label file, 1-based, or `classes.UNKNOWN`.
        box: (x1, y1, z1, x2, y2, z2) voxels, half-open.
        voxels: how many it has.
    """

    instance: int
    label: int
    box: tuple[int, int, int, int, int, int]
    voxels: int


@dataclass(frozen=True)
class PreparedCase:
    """A case in the cache.

    Attributes:
        case_id: its name.
        folder: of its arrays.
        grid: of the arrays; LPS.
        lesions: by ascending instance; empty for a scan without fractures.
        data: what the scan is: "real", "simulated" or "unknown".
        source: what it was made from, to see whether that has changed.
    """

    case_id: str
    folder: Path
    grid: Grid
    lesions: tuple[Lesion, ...]
    data: str = "unknown"
    source: Mapping[str, Any] = field(default_factory=dict)

    def image(self) -> NDArray[np.int16]:
        """HU, [x, y, z], memory-mapped, read-only.

        Raises:
            InputError: the file is missing, or of another size or type.
        """
        array = _open_array(self.folder / IMAGE_FILE, mmap_mode="r")
        if array.dtype != np.int16 or array.shape != self.grid.size:
            raise InputError(
                f"{self.folder / IMAGE_FILE}: {array.dtype} {array.shape} is there, int16 {self.grid.size} "
                f"is expected; remove {self.folder} and prepare the case again"
            )
        return array

    def lesion_voxels(self) -> NDArray[np.uint16]:
        """Every voxel of a lesion, (n, 4): x, y, z, instance.

        Raises:
            InputError: the file is missing, or of another size or type.
        """
        array = _open_array(self.folder / VOXELS_FILE)
        count = sum(lesion.voxels for lesion in self.lesions)
        if array.dtype != np.uint16 or array.shape != (count, 4):
            raise InputError(
                f"{self.folder / VOXELS_FILE}: {array.dtype} {array.shape} is there, uint16 {(count, 4)} is "
                f"expected; remove {self.folder} and prepare the case again"
            )
        return array

    def lesions_of(self, classes: ClassMap) -> tuple[Lesion, ...]:
        """The lesions that the detector shall find."""
        return tuple(lesion for lesion in self.lesions if classes.detector_class(lesion.label) is not None)

    def boxes(self, classes: ClassMap) -> NDArray[np.float64]:
        """Half-open boxes of the lesions that the detector shall find, (n, 6) voxels."""
        return np.array([lesion.box for lesion in self.lesions_of(classes)], dtype=np.float64).reshape(-1, 6)

    def instance_map(self, classes: ClassMap) -> NDArray[np.uint16]:
        """The mask of the lesions that the detector shall find, [x, y, z]."""
        voxels = self.lesion_voxels()
        wanted = np.isin(voxels[:, 3], [lesion.instance for lesion in self.lesions_of(classes)])
        x, y, z, instance = voxels[wanted].T
        mask = np.zeros(self.grid.size, dtype=np.uint16)
        mask[x, y, z] = instance
        return mask

    def ct(self) -> CtVolume:
        """The scan as the detector takes it; voxels in memory, x fastest."""
        return CtVolume(np.asfortranarray(self.image()), self.grid, self.grid, self.folder, self.case_id)


def to_json(case: PreparedCase) -> dict[str, Any]:
    """The content of `case.json`."""
    return {
        "version": VERSION,
        "case": case.case_id,
        "data": case.data,
        "grid": dataclasses.asdict(case.grid),
        "lesions": [dataclasses.asdict(lesion) for lesion in case.lesions],
        "source": dict(case.source),
    }


def read_case(folder: Path) -> PreparedCase:
    """The case whose arrays lie in `folder`.

    Raises:
        InputError: not prepared, prepared by another version, or a damaged `case.json`.
    """
    path = folder / CASE_FILE
    if not path.is_file():
        raise InputError(f"{path}: missing, the case is not prepared; run `ribfrac prepare`")
    content = read_json(path)
    try:
        if content["version"] != VERSION:
            raise InputError(
                f"{path}: of version {content['version']}, {VERSION} is expected; run `ribfrac prepare` again"
            )
        return PreparedCase(
            case_id=content["case"],
            folder=folder,
            grid=Grid(**{name: tuple(values) for name, values in content["grid"].items()}),
            lesions=tuple(Lesion(**{**entry, "box": tuple(entry["box"])}) for entry in content["lesions"]),
            data=content["data"],
            source=content["source"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: no prepared case ({error!r}); remove {folder} and run `ribfrac prepare` again"
        ) from None


def _open_array(path: Path, mmap_mode: Literal["r"] | None = None) -> NDArray:
    try:
        return np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: no readable array ({error}); remove {path.parent} and run `ribfrac prepare` again"
        ) from None
