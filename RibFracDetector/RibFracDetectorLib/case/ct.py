"""A CT in memory, as every room sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .geometry import Grid


@dataclass(frozen=True)
class CtVolume:
    """One CT scan in Hounsfield units, oriented LPS.

    Attributes:
        voxels: int16 HU, indexed [x, y, z]; x grows to the patient's left, y to posterior, z to superior.
        grid: the grid of `voxels` (directions nearest to the identity; oblique scans keep their obliquity).
        stored_grid: the grid of the file, before reorientation; masks are written on it.
        source: the file or DICOM folder it was read from.
        case_id: see `reading.case_id_of`.
        series_uid: DICOM SeriesInstanceUID, if the source carries one.
        warnings: what the checks found unusual but acceptable, one line each.
    """

    voxels: NDArray[np.int16]
    grid: Grid
    stored_grid: Grid
    source: Path
    case_id: str
    series_uid: str | None = None
    warnings: tuple[str, ...] = field(default=())
