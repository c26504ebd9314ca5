"""Kinds of simulated lesions, their class codes, and the record of one.

Class codes are RibFrac's: 1 displaced, 2 non-displaced, 3 buckle, 4 segmental. The published system also
trains on a class 7, whose meaning is nowhere published; here 7 is a healed fracture with callus. That is our
own use of the code.

A segmental fracture is two breaks of one rib. Each break is an instance of its own with class 4: a box around
both would hold mostly healthy bone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DISPLACED, NON_DISPLACED, BUCKLE, SEGMENTAL, HEALED = (
    "displaced",
    "non-displaced",
    "buckle",
    "segmental",
    "healed",
)
SHAM = "sham"
"""No lesion at all; see `sham`. Its label is 0."""

LABELS: dict[str, int] = {DISPLACED: 1, NON_DISPLACED: 2, BUCKLE: 3, SEGMENTAL: 4, HEALED: 7}


@dataclass(frozen=True)
class Fracture:
    """One simulated fracture, as planned: the same record inserted into the same body gives the same shape.

    Attributes:
        kind: a key of `LABELS`, or `SHAM`.
        label: the class code, 0 for a sham.
        rib: 1 to 24, see `body.Body`.
        centre: voxel of the body on the rib's centreline.
        parameters: what was drawn, mm, degrees and HU by name; see `shapes`.
        seed: of what is drawn during insertion: the irregularity of the broken surface, textures.
    """

    kind: str
    label: int
    rib: int
    centre: tuple[int, int, int]
    parameters: Mapping[str, float]
    seed: int
