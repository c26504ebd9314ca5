"""A real scan as a body: its ribs from a mask, or found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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
    ct = read_ct(Path(spec.file))
    hu = ct.voxels.astype(np.float32, order="F")
    if not spec.ribs:
        from ..ribs.finding import find_ribs

        found = find_ribs(hu, ct.grid.spacing)
        if not found.usable:
            raise InputError(f"{spec.file}: {found.verdict}; give a mask of the ribs with ,ribs:FILE")
        return Body(hu, found.ribs, ct.grid.spacing)
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
    return Body(hu, ribs.astype(np.uint8), ct.grid.spacing)
