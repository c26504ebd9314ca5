"""A real scan as a body: its ribs from a mask, or found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.reading import read_ct

from ..body import RIB_NUMBERS, Body
from .settings import BodySpec


def read_body(spec: BodySpec) -> Body:
    """The body of a scan.

    Raises:
        InputError: the scan or the mask cannot be used.
    """
    ct, ribs = read_files(spec)
    hu = ct.voxels.astype(np.float32, order="F")
    if ribs is None:
        from ..ribs.finding import find_ribs

        found = find_ribs(hu, ct.grid.spacing)
        if not found.usable:
            raise InputError(f"{spec.file}: {found.verdict}; give a mask of the ribs with ,ribs:FILE")
        ribs = found.ribs
    return Body(hu, ribs, ct.grid.spacing)


def read_files(spec: BodySpec) -> tuple[CtVolume, NDArray[np.uint8] | None]:
    """The scan, and the mask of its ribs where one is named.

    Raises:
        InputError: one cannot be read, or the mask does not fit the scan.
    """
    ct = read_ct(Path(spec.file))
    if not spec.ribs:
        return ct, None
    ribs, grid = read_mask(Path(spec.ribs))
    if grid.size != ct.grid.size:
        raise InputError(
            f"{spec.ribs}: {grid.size} voxels, its scan has {ct.grid.size}; "
            "make the mask on the grid of the scan"
        )
    strange = set(np.unique(ribs).tolist()) - {0, *RIB_NUMBERS}
    if strange:
        raise InputError(
            f"{spec.ribs}: value {min(strange)} is no rib; expected 1 to 12 in the right ribs from "
            "the top and 13 to 24 in the left ones"
        )
    return ct, ribs.astype(np.uint8)
