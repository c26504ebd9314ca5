"""A CT with its ribs marked: what a simulator of bodies makes, and what fractures are inserted into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RIBS_A_SIDE = 12
RIB_NUMBERS = range(1, 2 * RIBS_A_SIDE + 1)


@dataclass(frozen=True)
class Body:
    """A chest, voxel axes [x, y, z] pointing to the patient's left, to posterior and to superior (LPS).

    Attributes:
        hu: float32 HU.
        ribs: uint8, 0 where there is no rib, 1 to 12 in the right ribs from the top, 13 to 24 in the left
            ones. Bone without costal cartilage, marrow included.
        spacing: (sx, sy, sz) in mm.
    """

    hu: NDArray[np.float32]
    ribs: NDArray[np.uint8]
    spacing: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or self.hu.shape != self.ribs.shape:
            raise ValueError(f"expected HU and ribs on one grid, not {self.hu.shape} and {self.ribs.shape}")
        if self.hu.dtype != np.float32 or self.ribs.dtype != np.uint8:
            raise ValueError(f"expected float32 HU and uint8 ribs, not {self.hu.dtype} and {self.ribs.dtype}")
        if len(self.spacing) != 3 or min(self.spacing) <= 0:
            raise ValueError(f"expected three spacings above 0 mm, not {self.spacing}")

    def with_hu(self, hu: NDArray[np.float32]) -> Body:
        """The same ribs in other HU."""
        return Body(hu, self.ribs, self.spacing)


def rib_name(number: int) -> str:
    """`right 3` for 3, `left 1` for 13."""
    if number not in RIB_NUMBERS:
        raise ValueError(f"expected a rib from 1 to 24, not {number}")
    side = "right" if number <= RIBS_A_SIDE else "left"
    return f"{side} {(number - 1) % RIBS_A_SIDE + 1}"
