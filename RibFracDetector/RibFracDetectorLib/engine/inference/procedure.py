"""The two modes of inference differ in these steps and in no other; see `original.py` and `standard.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from numpy.typing import NDArray
from torch import Tensor

from ...case.ct import CtVolume
from ..network import RawOutput
from .blending import Blend
from .boxes import ScoredBoxes
from .rib_region import RibRegion
from .spacing import Spacing
from .views import ViewGrid


class Procedure(Protocol):
    """Steps of inference that depend on the mode.

    Attributes:
        name: the mode, "original" or "standard".
    """

    name: str

    def read(self, ct: CtVolume) -> tuple[CtVolume, Spacing]:
        """The scan as the mode sees it, and the voxel size in mm that it believes in."""

    def is_blank(self, voxels: NDArray) -> bool:
        """Is there nothing in the scan that the network could be asked about?"""

    def find_ribs(self, voxels: NDArray, spacing: Spacing) -> RibRegion | None:
        """Where in the scan windows are needed; None asks for the original's grid of windows."""

    def make_blend(self, image_size: Sequence[int], importance: Tensor) -> Blend:
        """The accumulator of segmentation margins."""

    def check_numbers(self, output: RawOutput) -> None:
        """Look at the network's answer to a batch of windows.

        Raises:
            NoNumbersError: it is not finite, and the mode does not go on with that.
        """

    def boxes_to_scan(self, detections: ScoredBoxes, grid: ViewGrid) -> ScoredBoxes:
        """Boxes of a view in voxels of the scan."""

    def probability_on_scan(self, margin: Tensor, grid: ViewGrid) -> NDArray:
        """Foreground probability on the scan's grid, float32 [x, y, z], from a view's margin (X, Y, Z)."""

    def exclude_spine(self, probability: NDArray, spine: NDArray) -> NDArray:
        """The probability map after the mode's treatment of the spine hull, bool [x, y]."""

    def painting_order(self, detections: ScoredBoxes) -> Sequence[int]:
        """The order in which boxes are painted into the detection mask; later ones cover earlier ones."""
