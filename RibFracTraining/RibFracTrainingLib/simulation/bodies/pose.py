"""How the one atlas becomes many bodies: moved, scaled, turned, mirrored, bent, thicker or thinner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pose:
    """How an atlas is changed.

    Attributes:
        scale: along x, y, z.
        turn: radians about x, y, z.
        shear: mm of height a rib loses for a mm towards the front.
        mirrored: left and right are exchanged.
        long_bend, short_bend: standard deviation in mm of smooth displacements.
        rib_growth, bone_growth: mm by which the surfaces of ribs and other bones move outwards.
        muscle_mm, fat_mm: mean layers around what the atlas shows.
    """

    scale: tuple[float, float, float]
    turn: tuple[float, float, float]
    shear: float
    mirrored: bool
    long_bend: float
    short_bend: float
    rib_growth: float
    bone_growth: float
    muscle_mm: float
    fat_mm: float


def draw_pose(generator: np.random.Generator) -> Pose:
    """A pose."""
    size = generator.normal(1, 0.06)
    scale = np.clip(size + generator.normal(0, [0.06, 0.08, 0.06]), 0.8, 1.22)
    turn = generator.normal(0, np.deg2rad([4, 3, 5]))
    return Pose(
        scale=tuple(scale.tolist()),
        turn=tuple(turn.tolist()),
        shear=float(generator.normal(0, 0.12)),
        mirrored=bool(generator.random() < 0.5),
        long_bend=float(generator.uniform(0, 4)),
        short_bend=float(generator.uniform(0, 0.8)),
        rib_growth=float(generator.uniform(-0.5, 0.5)),
        bone_growth=float(generator.uniform(-0.4, 0.6)),
        muscle_mm=float(generator.uniform(3, 12)),
        fat_mm=float(np.clip(generator.gamma(2, 6), 2, 38)),
    )


def pose_matrix(pose: Pose) -> NDArray[np.float64]:
    """From mm of the body to mm of the atlas, both from the middle of the ribs."""
    matrix = np.eye(3)
    for axis, angle in enumerate(pose.turn):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = np.sin(angle), -np.sin(angle)
        matrix = turn @ matrix
    matrix = np.diag(1 / np.array(pose.scale)) @ matrix
    matrix[2] += pose.shear * matrix[1]
    if pose.mirrored:
        matrix[0] *= -1
    return matrix
