"""Costochondral joints: where a rib ends in front and its cartilage begins.

On CT of adults the end of the rib is a cup: the rib widens towards it, its compact bone runs on as a rim over
the cartilage, often further on one side, and a thin hollow plate of bone lies up to 8 mm behind the rim. In a
slice that looks like a broken cortex with a step, and detectors mark it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLARE_MM = 25.0  # of the rib before its end


@dataclass(frozen=True)
class Joint:
    """The end of one rib.

    Attributes:
        cup_mm: depth of the hollow, from the rim's edge.
        lean: mm by which the rim reaches further per mm outwards; below 0 the inner side reaches further.
        plate_mm: thickness of the plate that closes the spongy bone.
        flare: factor of the rib's thickness at its end.
        rim: factor of the compact bone's thickness at its end.
    """

    cup_mm: float
    lean: float
    plate_mm: float
    flare: float
    rim: float

    def ahead(self, beyond: NDArray, depth: NDArray, outward: NDArray | float = 0.0) -> NDArray:
        """How far places lie in front of the end of the bone, mm, negative in the bone.

        Args:
            beyond: mm in front of the rim's edge, along the rib.
            depth: beneath the surface of rib and cartilage, 0 there and 1 in the middle.
            outward: mm outwards from the middle.
        """
        return beyond + self.cup_mm * depth * (2 - depth) - self.lean * outward

    def widened(self, position: NDArray, length: float) -> NDArray:
        """Factor of the thickness at places along the rib (mm from its head), 1 up to its last stretch."""
        share = np.clip((position - length) / FLARE_MM + 1, 0, 1)
        return 1 + (self.flare - 1) * share * share

    def thickened(self, along: NDArray) -> NDArray:
        """Factor of the compact bone's thickness at places along the rib (0 at its head, 1 at its end)."""
        return 1 + (self.rim - 1) * np.clip(12 * along - 11, 0, 1)


# Ribs 11 and 12 have no cartilage to speak of: nothing to be hollow for.
FREE_END = Joint(cup_mm=1.0, lean=0.0, plate_mm=0.7, flare=1.0, rim=1.0)


def draw_joint(generator: np.random.Generator) -> Joint:
    """One joint, from nearly even ends to deep, leaning cups."""
    return Joint(
        cup_mm=float(generator.uniform(0.8, 8)),
        lean=float(generator.normal(0, 0.7)),
        plate_mm=float(generator.uniform(0.4, 1.4)),
        flare=float(generator.uniform(1, 1.6)),
        rim=float(generator.uniform(0.7, 2)),
    )
