"""Which rib each piece of bone of an atlas is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.errors import InputError
from scipy import ndimage

from ..body import RIBS_A_SIDE

SMALLEST_RIB_MM3 = 675.0  # smaller pieces are calcified cartilage
FEWEST_RIBS_A_SIDE = 8  # of a chest that is cut, or whose lowest ribs are missing
SIDES = ("right", "left")


def rib_names() -> list[str]:
    """The names of all ribs as TotalSegmentator gives them, right ones first."""
    return [f"rib_{side}_{number}" for side in SIDES for number in range(1, RIBS_A_SIDE + 1)]


def number_ribs(
    bony: NDArray[np.bool_], right: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """Ribs 1 to 24 from the union of all, by side and from the top.

    Each piece is one rib, whatever its label said: automatic labels change their number along a rib. They
    do not change their side, which is that of most of its voxels: where the chest lies in the grid tells
    nothing.

    Args:
        bony: [x, y, z] in LPS order, voxels of any rib.
        right: of the same shape, those that are labelled as right ribs.
        spacing: mm.

    Returns:
        uint8 of the same shape, 0 outside of ribs.

    Raises:
        InputError: a side has fewer than 8 pieces or more than 12, or right ribs lie on the left; the text
            names no file.
    """
    pieces, count = ndimage.label(bony, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    share_right = np.bincount(pieces[right], minlength=count + 1) / np.maximum(sizes, 1)
    boxes = ndimage.find_objects(pieces)
    large = [n for n in range(1, count + 1) if sizes[n] * np.prod(spacing) >= SMALLEST_RIB_MM3]
    sides = [[n for n in large if (share_right[n] >= 0.5) == on_right] for on_right in (True, False)]
    _check_sides(sides, boxes)
    ribs = np.zeros(bony.shape, np.uint8)
    for first, own in zip((1, 1 + RIBS_A_SIDE), sides, strict=True):
        # Rib 1 starts highest in the spine; of two cut by the upper edge the lower one ends lower.
        own.sort(key=lambda n: (-boxes[n - 1][2].stop, -boxes[n - 1][2].start))
        for number, piece in enumerate(own, start=first):
            box = boxes[piece - 1]
            ribs[box][pieces[box] == piece] = number
    return ribs


def _check_sides(sides: list[list[int]], boxes: list[tuple[slice, slice, slice]]) -> None:
    for side, own in zip(SIDES, sides, strict=True):
        if not FEWEST_RIBS_A_SIDE <= len(own) <= RIBS_A_SIDE:
            raise InputError(
                f"{len(own)} pieces of {side} ribs; expected {FEWEST_RIBS_A_SIDE} to {RIBS_A_SIDE}: join "
                "what is one rib, part ribs that touch"
            )
    right, left = (np.mean([boxes[n - 1][0].start + boxes[n - 1][0].stop for n in own]) for own in sides)
    if right > left:
        raise InputError(
            "its right ribs lie to the left of its left ones; correct the orientation in its header, or the "
            "label names"
        )
