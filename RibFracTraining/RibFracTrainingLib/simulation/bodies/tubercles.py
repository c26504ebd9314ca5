"""Costotransverse joints: where the tubercle of a rib faces the transverse process of its vertebra.

On CT the two facets are plates of compact bone with a cleft of 1 to 3 mm between them, at any angle to the
slices, and towards the head the process runs on beside the neck. A detector that has never seen that takes it
for a fracture of the rib's neck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canvas import Window
from .solids import Distance, Rod, joined, rods

LOWEST_RIB = 10  # ribs 11 and 12 touch no transverse process
SEAM_MM = 1.5
FACET_MM = 1.0  # by which the plane of a facet cuts a round end off
BESIDE_MM = 14.0  # of the neck, at most, beside which a process runs


@dataclass(frozen=True)
class Tubercle:
    """The bump of one rib that bears the facet.

    Attributes:
        position: mm along the rib from its head.
        towards: unit vector (out, up) in the rib's cross-section that leads to the process.
        height: mm from the rib's middle to the facet.
        radius: of the bump and of the tip of the process, mm.
        cleft_mm: between the two facets.
        beside_mm: of the neck beside which the process runs before it reaches the facet.
    """

    position: float
    towards: tuple[float, float]
    height: float
    radius: float
    cleft_mm: float
    beside_mm: float

    def added(self, distance: NDArray, position: NDArray, out: NDArray, up: NDArray) -> NDArray:
        """Signed distance in mm to a rib with its tubercle, from that to the rib and places in its frame."""
        ahead = out * self.towards[0] + up * self.towards[1]
        beside = out * self.towards[1] - up * self.towards[0]
        middle = self.height + FACET_MM - self.radius
        ball = np.sqrt((position - self.position) ** 2 + (ahead - middle) ** 2 + beside**2) - self.radius
        return joined([distance, np.maximum(ball, ahead - self.height)], SEAM_MM)


@dataclass(frozen=True)
class Facet:
    """Where a transverse process ends, in the frame of the scanner.

    Attributes:
        point: (3,) mm, in the middle of the rib's facet.
        direction: (3,) unit vector from there to the process.
        headwards: (3,) mm along the neck, towards the head, as far as the process runs beside it.
        radius: of the process's tip, mm.
        cleft_mm: from the point to the process.
    """

    point: NDArray
    direction: NDArray
    headwards: NDArray
    radius: float
    cleft_mm: float

    def process(self, window: Window, root: NDArray, root_mm: float) -> Distance:
        """Signed distance in mm to a transverse process from `root`, of radius `root_mm`, to this facet."""
        tip = self.point + self.direction * (self.cleft_mm + self.radius - FACET_MM)
        bend = tip + self.headwards
        parts = [Rod(root, bend, root_mm, self.radius), Rod(bend, tip, self.radius, self.radius)]
        x, y, z = (
            (axis - np.float32(p)) * np.float32(d)
            for axis, p, d in zip((window.x, window.y, window.z), self.point, self.direction, strict=True)
        )
        return np.maximum(rods(window, parts), np.float32(self.cleft_mm) - (x + y + z))


def draw_tubercle(
    half_out: float, half_up: float, twist: float, position: float, generator: np.random.Generator
) -> Tubercle:
    """One tubercle, from none to speak of to a knob, with clefts from narrower than a voxel to gaping ones.

    Args:
        half_out, half_up: half axes of the rib there, mm.
        twist: radians by which the rib's flat side is turned from the back upwards.
        position: mm from the rib's head.
        generator: of everything.
    """
    angle = -twist + generator.normal(0, 0.25)
    out, up = float(np.cos(angle)), float(np.sin(angle))
    surface = float(np.hypot(out * half_out, up * half_up))
    return Tubercle(
        position=position,
        towards=(out, up),
        height=surface + float(generator.uniform(0, 3)),
        radius=float(generator.uniform(3.5, 5.5)),
        cleft_mm=float(generator.uniform(0.4, 3)),
        beside_mm=float(generator.uniform(0, BESIDE_MM)),
    )
