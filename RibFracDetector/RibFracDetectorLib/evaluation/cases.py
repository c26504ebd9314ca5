"""What one scan contributes to an evaluation: the lesions of its ground truth, and the detections of a run.

Boxes are (x1, y1, z1, x2, y2, z2) in voxels of the LPS-oriented volume, as everywhere; lesions have
half-open integer boxes, detections floats (spec 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..case.geometry import Grid

Boxes = NDArray[np.float64]

UNKNOWN_CLASS = 0
"""A lesion whose class nobody has stated; no class filter removes it."""


@dataclass(frozen=True)
class Detections:
    """The detections of one list (`det`, `seg` or `findings`) in one scan, in the order of their file.

    Attributes:
        boxes: (n, 6) voxels.
        centers: (n, 3) voxels.
        scores: (n,) in [0, 1].
        classes: (n,) 0-based class of the detector.
    """

    boxes: Boxes
    centers: Boxes
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Lesions:
    """The ground truth of one scan.

    Attributes:
        boxes: (n, 6) voxels, half-open.
        centers: (n, 3) voxels.
        classes: (n,) 1-based class, `UNKNOWN_CLASS` where none is stated.
        instances: (n,) value of each lesion in the instance mask.
        grid: of the LPS-oriented volume; None where no mask or review told.
        mask: the instance mask, where there is one.
    """

    boxes: Boxes
    centers: Boxes
    classes: NDArray[np.int64]
    instances: NDArray[np.int64]
    grid: Grid | None = None
    mask: Path | None = None

    def __len__(self) -> int:
        return len(self.instances)

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Millimetres between voxel centres along x, y, z, if they are known."""
        return None if self.grid is None else self.grid.spacing

    def of_classes(self, classes: frozenset[int]) -> Lesions:
        """The lesions of `classes`, and those of unknown class."""
        keep = np.isin(self.classes, [UNKNOWN_CLASS, *classes])
        return Lesions(
            self.boxes[keep],
            self.centers[keep],
            self.classes[keep],
            self.instances[keep],
            self.grid,
            self.mask,
        )


def no_detections() -> Detections:
    """An empty list."""
    return Detections(np.empty((0, 6)), np.empty((0, 3)), np.empty(0), np.empty(0, dtype=np.int64))
