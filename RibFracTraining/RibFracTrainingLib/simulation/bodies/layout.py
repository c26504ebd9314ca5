"""Where the bones of a mean adult chest lie, and how they move with build and pose.

The tables are proportions rounded to millimetres, relative to the middle of the body of the seventh thoracic
vertebra; they follow the shape of one public atlas (TotalSegmentator training data, case s0327, Wasserthal
et al. 2023, CC BY 4.0) and are then scaled, sheared, bent and jittered. x leads to the left, y to posterior,
z to superior; the right side of the tables is given with positive x and mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import Build
from .curves import unit

# y and z of the bodies of C7, T1 to T12, L1 to L3.
VERTEBRAE = np.array(
    [
        (-68, 154), (-53, 133), (-35, 115), (-20, 95), (-10, 73), (-4, 50), (-1, 25), (0, 0),
        (-1, -24), (-5, -49), (-9, -74), (-13, -102), (-17, -132), (-20, -165), (-23, -199), (-27, -234),
    ],
    float,
)  # fmt: skip
FIRST_RIB_VERTEBRA = 1

# Knots of each rib, from its head to its anterior end, relative to its own vertebra.
RIBS = (
    ((20, 7, 1), (44, 9, -2), (61, -5, -14), (65, -24, -31), (60, -40, -46), (52, -54, -60)),
    ((20, 6, 2), (50, 15, 7), (83, 3, -8), (93, -28, -32), (82, -60, -53), (58, -86, -69)),
    ((20, 6, 3), (57, 21, 9), (95, 5, -9), (110, -33, -41), (101, -74, -66), (70, -114, -92)),
    ((20, 6, 3), (60, 28, 12), (101, 11, -11), (119, -39, -48), (111, -91, -81), (80, -130, -111)),
    ((20, 7, 3), (62, 31, 12), (105, 13, -13), (123, -39, -50), (115, -99, -91), (84, -140, -125)),
    ((20, 7, 3), (62, 35, 12), (106, 19, -13), (125, -33, -53), (121, -87, -95), (97, -138, -127)),
    ((20, 7, 2), (60, 39, 10), (106, 27, -15), (130, -21, -51), (133, -71, -95), (120, -116, -139)),
    ((20, 7, 2), (58, 44, 8), (108, 33, -19), (135, -15, -59), (141, -59, -103), (131, -92, -139)),
    ((20, 7, 1), (56, 46, 4), (100, 39, -21), (129, 9, -55), (140, -21, -87), (141, -51, -109)),
    ((20, 7, 0), (56, 46, 0), (86, 49, -25), (110, 35, -49), (123, 15, -69), (129, 1, -85)),
    ((20, 7, -2), (50, 43, -8), (72, 48, -27), (88, 44, -47), (98, 35, -63), (105, 27, -75)),
    ((20, 7, -4), (44, 40, -10), (56, 44, -21), (68, 44, -33), (76, 42, -43), (82, 40, -51)),
)  # fmt: skip
# Where on the sternum, from its top (0) to its tip (1), the cartilages of ribs 1 to 7 end.
STERNAL_ENDS = (0.1, 0.27, 0.43, 0.58, 0.72, 0.84, 0.93)
STERNUM_TOP, STERNUM_TIP = (0.0, -106.0, 84.0), (0.0, -152.0, -62.0)
CHEST_CENTRE = (0.0, -58.0, 0.0)
LOWEST_FIXED_RIB = 10


@dataclass
class Layout:
    """Points of one chest in the frame of the scanner, mm.

    Attributes:
        vertebrae: (16, 3) middles of the bodies C7 to L3.
        ribs: knots (n, 3) of ribs 1 to 12 right, then left.
        cartilages: knots from the last point of ribs 1 to 10 on, by rib number 1 to 24.
        sternum: (n, 3) from top to tip.
        move: what takes a point of the mean chest to where it lies here.
    """

    vertebrae: NDArray
    ribs: list[NDArray]
    sternum: NDArray
    cartilages: dict[int, NDArray] = field(default_factory=dict)
    turn: NDArray = field(default_factory=lambda: np.eye(3))
    build: Build | None = None

    def move(self, points: ArrayLike) -> NDArray:
        """Scale, bend and turn points (..., 3) of the mean chest."""
        return _moved(np.asarray(points, float), self.build, self.turn)

    def left_across(self, along: NDArray) -> NDArray:
        """The unit vector (3,) to the person's left that is square to the unit vector `along`."""
        left = self.turn[:, 0]
        return unit(left - (left @ along) * along)


def lay_out(build: Build, generator: np.random.Generator) -> Layout:
    """The bones of one chest."""
    turn = _rotation(build.turn)
    spine = np.column_stack([np.zeros(len(VERTEBRAE)), VERTEBRAE[:, 0] * build.kyphosis, VERTEBRAE[:, 1]])
    spine[:, 1] += (build.kyphosis - 1) * 12
    ribs = [_rib(number, side, spine, build, generator) for side in (-1, 1) for number in range(len(RIBS))]
    sternum = np.linspace(STERNUM_TOP, STERNUM_TIP, 9)
    sternum[:, 1] += 6 * np.sin(np.linspace(0, np.pi, 9)) * -1
    sternum[:, 2] += (1 - build.slope) * 70
    cartilages = _cartilages(ribs, sternum, generator)
    layout = Layout(spine, ribs, sternum, cartilages, turn, build)
    layout.vertebrae = layout.move(spine)
    layout.ribs = [layout.move(rib) for rib in ribs]
    layout.sternum = layout.move(sternum)
    layout.cartilages = {number: layout.move(knots) for number, knots in cartilages.items()}
    return layout


def _rib(number: int, side: int, spine: NDArray, build: Build, generator: np.random.Generator) -> NDArray:
    """Knots of one rib in the frame of the mean chest, jittered more towards its free end."""
    knots = np.array(RIBS[number], float)
    far = np.linspace(0, 1, len(knots))[:, None]
    # The slope changes in the part that is free to: from the angle of the rib on.
    knots[2:, 2] = knots[1, 2] + (knots[2:, 2] - knots[1, 2]) * build.slope
    span = np.linalg.norm(knots[-1] - knots[0])
    knots += generator.normal(0, build.jitter, knots.shape) * (0.25 + far) * min(1.0, span / 150)
    knots[2:] *= 1 + generator.normal(0, 0.012)
    length = 1 + generator.normal(0, 0.03)
    knots[-1] = knots[-2] + (knots[-1] - knots[-2]) * length
    knots[:, 0] *= side
    return knots + spine[FIRST_RIB_VERTEBRA + number]


def _cartilages(ribs: list[NDArray], sternum: NDArray, generator: np.random.Generator) -> dict[int, NDArray]:
    """Ribs 1 to 7 reach the sternum, 8 to 10 the cartilage above; 11 and 12 end freely with a short tip."""
    found: dict[int, NDArray] = {}
    for side, sign in ((0, -1), (12, 1)):
        for rib in range(1, LOWEST_FIXED_RIB + 1):
            end, before = ribs[side + rib - 1][-1], ribs[side + rib - 1][-2]
            ahead = (end - before) / np.linalg.norm(end - before)
            if rib <= len(STERNAL_ENDS):
                target = on_line(sternum, STERNAL_ENDS[rib - 1]) + np.array([sign * 19.0, 2, 0])
            else:
                above = found[side + rib - 1]
                target = above[1] + (above[2] - above[1]) * 0.35 + np.array([0, 0, -9.0])
            reach = np.linalg.norm(target - end)
            turn = end + ahead * reach * 0.35 + np.array([0, 0, -0.04 * reach])
            knots = np.array([end, turn, (turn + 2 * target) / 3, target])
            knots[1:3] += generator.normal(0, 1.5, (2, 3))
            found[side + rib] = knots
    return found


def on_line(points: NDArray, part: float) -> NDArray:
    """The place on a line of points (n, 3) at a part of it, 0 at its first point, 1 at its last."""
    place = part * (len(points) - 1)
    return np.array([np.interp(place, np.arange(len(points)), points[:, axis]) for axis in range(3)])


def _moved(points: NDArray, build: Build, turn: NDArray) -> NDArray:
    centre = np.array(CHEST_CENTRE)
    scaled = (points - centre) * [build.width, build.depth, build.height]
    bend = build.bend * np.sin(np.pi * (points[..., 2] + 150) / 330)
    scaled = scaled + np.stack([bend, 0 * bend, 0 * bend], axis=-1)
    return scaled @ turn.T


def _rotation(angles: tuple[float, float, float]) -> NDArray:
    """Turn about x, then y, then z."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn[[i, j, i, j], [i, j, j, i]] = [c, c, -s, s]
        result = turn @ result
    return result
