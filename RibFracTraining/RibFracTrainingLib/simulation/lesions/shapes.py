"""How the parts of a broken rib move: surfaces of breaks, shifts and bulges in coordinates of the rib.

All functions work on coordinates (n, 3) in mm: along, outward, across. A shift tells for every point where a
part of the rib has been pulled from: the part shows at `p` what lay at `p - shift(p)`. Shifts vary slowly,
so evaluating them where the rib arrives instead of where it leaves makes no visible difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ribs.places import Place
from .matting import smooth_step

Coordinates = NDArray[np.float32]
WAVES = 6
SCANNER_BLUR_MM = 0.8
ROUGHEST_MM = (3.0, 9.0)  # wavelengths of a break's irregularity; chosen by eye


@dataclass(frozen=True)
class Piece:
    """A part of the rib that moves by itself.

    Attributes:
        shift: from coordinates (n, 3) to the part's displacement there (n, 3), mm.
        share: from coordinates in the unmoved rib (n, 3) to the part of the bone there that belongs to
            this piece, 0 to 1.
    """

    shift: Callable[[Coordinates], Coordinates]
    share: Callable[[Coordinates], NDArray[np.float32]]


class BreakSurface:
    """An oblique, slightly irregular surface across the rib, with a gap that may close on one side."""

    def __init__(
        self,
        tilts: tuple[float, float],
        roughness: float,
        gap: float,
        open_from: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        """Draw the irregularity.

        Args:
            tilts: degrees against the plane across the rib, outward and across.
            roughness: mm, standard deviation of the surface.
            gap: mm between the broken ends.
            open_from: an angle in radians and an offset in mm: the break exists where outward * cos(angle) +
                across * sin(angle) exceeds the offset, so a very low offset means a complete break.
        """
        self._slopes = np.tan(np.radians(tilts))
        self._gap, self._open_from = gap, open_from
        lengths = rng.uniform(*ROUGHEST_MM, WAVES)
        angles = rng.uniform(0, 2 * np.pi, WAVES)
        self._waves = 2 * np.pi / lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self._phases = rng.uniform(0, 2 * np.pi, WAVES)
        self._height = roughness * np.sqrt(2 / WAVES)

    def height(self, points: Coordinates) -> NDArray:
        """Where the surface crosses the rib, mm along it, for each point's place in the cross-section."""
        section = points[:, 1:]
        waves = np.cos(section @ self._waves.T + self._phases).sum(axis=1)
        return section @ self._slopes + self._height * waves

    def gap(self, points: Coordinates) -> NDArray:
        """Width of the gap, mm, 0 where the bone is whole."""
        angle, offset = self._open_from
        beyond = points[:, 1] * np.cos(angle) + points[:, 2] * np.sin(angle) - offset
        return self._gap * smooth_step(beyond / 1.5)

    def sides(self, blur: float) -> tuple[Callable, Callable]:
        """The shares of the bone before and behind the gap.

        Args:
            blur: mm over which an edge is seen: a narrow gap is a faint one.
        """

        def before(points: Coordinates) -> NDArray[np.float32]:
            distance = self.height(points) - self.gap(points) / 2 - points[:, 0]
            return np.clip(distance / blur + 0.5, 0, 1).astype(np.float32)

        def behind(points: Coordinates) -> NDArray[np.float32]:
            distance = points[:, 0] - self.height(points) - self.gap(points) / 2
            return np.clip(distance / blur + 0.5, 0, 1).astype(np.float32)

        return before, behind


def seen_blur(place: Place) -> float:
    """Mm along the rib over which a broken edge is seen, from the scan's voxels and its sharpness."""
    return float(np.hypot(np.linalg.norm(place.basis[0] * place.spacing), SCANNER_BLUR_MM))


def whole(points: Coordinates) -> NDArray[np.float32]:
    """The share of a piece that is all of the rib."""
    return np.ones(len(points), np.float32)


def end_shift(by: tuple[float, float, float], taper: float, sign: int) -> Callable:
    """One broken end moved, the rib bending back to its place over `taper` mm.

    Args:
        by: mm along, outward, across at the break.
        sign: -1 for the end whose rib lies at negative coordinates along, 1 for the other.
    """

    def shift(points: Coordinates) -> Coordinates:
        part = smooth_step(1 - sign * points[:, 0] / taper)
        return part[:, None] * np.array(by, np.float32)

    return shift


def bulge_shift(height: float, half_length: float, angle: float, sharp: float) -> Callable:
    """One side of the rib pushed out over a short stretch.

    Args:
        height: mm at the top, negative where the side is pressed in.
        half_length: mm from the top to where the height has fallen to 0.6 of it.
        angle: radians in the cross-section, 0 outward: the side that bulges.
        sharp: 0 for a rounded top, 1 for an edge.
    """
    side = np.array([np.cos(angle), np.sin(angle)], np.float32)

    def shift(points: Coordinates) -> Coordinates:
        ratio = np.abs(points[:, 0]) / half_length
        profile = (1 - sharp) * np.exp(-0.5 * ratio**2) + sharp * np.exp(-0.72 * ratio)
        reach = smooth_step((points[:, 1:] @ side + 3.0) / 7.0)
        return np.concatenate(
            [np.zeros((len(points), 1), np.float32), (height * profile * reach)[:, None] * side], axis=1
        )

    return shift


def swelling_shift(growth: float, half_length: float) -> Callable:
    """The rib thickened like a spindle, by the factor 1 + `growth` in the middle."""

    def shift(points: Coordinates) -> Coordinates:
        factor = 1 + growth * np.exp(-0.5 * (points[:, 0] / half_length) ** 2)
        moved = points * (1 - 1 / factor)[:, None]
        moved[:, 0] = 0
        return moved.astype(np.float32)

    return shift
