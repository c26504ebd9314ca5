"""Find the ribs of a CT without a mask, well enough to insert fractures into.

On a grid of about 1.5 mm: bone near the lungs, without the spine, the sternum and whatever lies too far out
to be a rib (scapula, arms, table), falls into pieces. A piece whose cross-sections are those of a rib is
taken; the others are tried again at a higher threshold, where neighbours that touch come apart. What never
looks like a rib is left out: a missed rib costs nothing here, a fracture put into a scapula would.
Numbers count the found ribs of each side from the top and are as good as that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.engine.results.spine import spine_hull
from scipy import ndimage
from scipy.spatial import cKDTree

from ..body import RIBS_A_SIDE
from .numbering import number_paths
from .paths import RibPath, rib_paths

Spacing = tuple[float, float, float]
CELL_MM = 1.5
AIR_HU = -400.0
LEAST_LUNG_ML = 100.0
BONE_HU = (170.0, 250.0, 350.0)  # means over cells; marrow of ribs lies about 100 to 250, their cortex above
SURFACE_HU = 160.0  # halfway from muscle to a rib's cortex as a soft kernel shows it
SPINE_MARGIN_MM = 3.0
# Half the width of sternum and clavicle heads, and how far in front of the spine they begin at least.
STERNUM_HALF_MM, STERNUM_FRONT_MM = 36.0, 40.0
MIDDLE_HALF_MM = 20.0  # nothing so near the middle is rib
# Ribs are 6 to 8 mm thick on a few mm of pleura and muscle; the scapula begins outside of them. In the
# lower part of the lungs nothing else lies near, and ribs leave the lungs for the liver.
SHELL_MM, FAR_MM, UPPER_PART = 13.0, 60.0, 0.4
LEAST_PIECE_ML, MOST_PIECES = 1.0, 250
SECTION_MM2 = (20.0, 230.0)
SECTION_RADIUS_MM = 8.5  # root mean square distance from the centreline
LEAST_GOOD = 0.8
SHORTEST_MM, LONGEST_MM = 40.0, 400.0  # a longer piece is two ribs that touch
LUNG_MM = 11.0  # the nearest quarter of a rib is nearer to lung than this; the scapula is not
WHOLE_RIB_MM, WANTED_RIBS = 80.0, 8


@dataclass(frozen=True)
class FoundRibs:
    """The ribs of a CT.

    Attributes:
        ribs: uint8 [x, y, z], as in `body.Body`.
        lengths: mm of rib found under each number.
        usable: whether so much was found that the ribs' mask can be relied on.
        verdict: one sentence that tells why.
    """

    ribs: NDArray[np.uint8]
    lengths: dict[int, float]
    usable: bool
    verdict: str


def find_ribs(hu: NDArray, spacing: Spacing) -> FoundRibs:
    """Find the ribs.

    Args:
        hu: [x, y, z], LPS, the whole width of the chest.
        spacing: mm.
    """
    factors = tuple(max(1, round(CELL_MM / step)) for step in spacing)
    coarse = _block_means(hu, factors)
    cell = tuple(step * factor for step, factor in zip(spacing, factors, strict=True))
    lungs = _lungs(coarse, cell)
    hull = spine_hull(hu)[:: factors[0], :: factors[1]][: coarse.shape[0], : coarse.shape[1]]
    if not lungs.any() or not hull.any():
        missing = "lungs" if hull.any() else "spine"
        return FoundRibs(np.zeros(hu.shape, np.uint8), {}, False, f"no {missing} found: not a whole chest")
    to_lung = ndimage.distance_transform_edt(~lungs, cell).astype(np.float32)
    allowed = _where_ribs_may_be(lungs, to_lung, hull, cell)
    paths, pieces = _rib_like_pieces(coarse, allowed, to_lung, cell)
    numbers = number_paths(paths, float(np.argwhere(hull)[:, 0].mean() * cell[0]))
    coarse_ribs = np.zeros(coarse.shape, np.uint8)
    for piece, number in zip(pieces, numbers, strict=True):
        coarse_ribs[piece] = number
    ribs = _at_full_resolution(hu, coarse_ribs, factors, spacing)
    lengths: dict[int, float] = {}
    for path, number in zip(paths, numbers, strict=True):
        if number:
            lengths[number] = lengths.get(number, 0.0) + path.length
    return FoundRibs(ribs, dict(sorted(lengths.items())), *_verdict(lengths))


def _block_means(hu: NDArray, factors: tuple[int, ...]) -> NDArray[np.float32]:
    """Means over blocks; incomplete blocks at the far ends are left out."""
    counts = [size // factor for size, factor in zip(hu.shape, factors, strict=True)]
    cut = hu[tuple(slice(count * factor) for count, factor in zip(counts, factors, strict=True))]
    shape = [part for pair in zip(counts, factors, strict=True) for part in pair]
    return cut.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)


def _lungs(coarse: NDArray[np.float32], cell: Spacing) -> NDArray[np.bool_]:
    """Large air that does not touch the sides of the scan."""
    labels, count = ndimage.label(coarse < AIR_HU)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * np.prod(cell) / 1000
    wanted = sizes >= LEAST_LUNG_ML
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    wanted[np.unique(np.concatenate([side.ravel() for side in sides]))] = False
    wanted[0] = False
    return wanted[labels]


def _where_ribs_may_be(
    lungs: NDArray[np.bool_], to_lung: NDArray[np.float32], hull: NDArray[np.bool_], cell: Spacing
) -> NDArray[np.bool_]:
    """Around the lungs, without spine and sternum; `to_lung` is the distance to them, mm."""
    levels = np.flatnonzero(lungs.any(axis=(0, 1)))
    upper = np.arange(lungs.shape[2]) > levels[0] + UPPER_PART * (levels[-1] - levels[0])
    allowed = to_lung < np.where(upper, SHELL_MM, FAR_MM)
    middle = np.argwhere(hull).mean(axis=0)
    x, y = (
        (np.arange(size) - at) * step for size, at, step in zip(hull.shape, middle, cell[:2], strict=True)
    )
    sternum = (np.abs(x) < STERNUM_HALF_MM)[:, None] & (y < -STERNUM_FRONT_MM)
    sternum |= (np.abs(x) < MIDDLE_HALF_MM)[:, None]
    spine = ndimage.distance_transform_edt(~hull, cell[:2]) < SPINE_MARGIN_MM
    return allowed & ~(sternum | spine)[:, :, None]


def _rib_like_pieces(
    coarse: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    to_lung: NDArray[np.float32],
    cell: Spacing,
) -> tuple[list[RibPath], list[tuple[NDArray, ...]]]:
    """Paths of the pieces that look like ribs, and the cells of each that do."""
    paths, pieces = [], []
    left = allowed
    for threshold in BONE_HU:
        labels = _largest_pieces(left & (coarse > threshold), cell)
        left = labels > 0
        for path in rib_paths(labels, cell):
            cells = np.argwhere(labels == path.rib)
            good, of_rib = _sections(path, cells, cell)
            near_lung = np.percentile(to_lung[tuple(cells.T)], 25) < LUNG_MM
            fits = near_lung and SHORTEST_MM < path.length < LONGEST_MM
            if not fits or min(good, of_rib.mean()) < LEAST_GOOD:
                continue
            paths.append(path)
            pieces.append(tuple(cells[of_rib].T))
            left[tuple(cells.T)] = False
    return paths, pieces


def _largest_pieces(mask: NDArray[np.bool_], cell: Spacing) -> NDArray[np.uint8]:
    """Connected pieces by size, the largest first."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * np.prod(cell) / 1000
    sizes[0] = 0
    order = np.argsort(-sizes)[:MOST_PIECES]
    order = order[sizes[order] >= LEAST_PIECE_ML]
    number = np.zeros(count + 1, np.uint8)
    number[order] = np.arange(1, len(order) + 1)
    return number[labels]


def _sections(path: RibPath, cells: NDArray, cell: Spacing) -> tuple[float, NDArray[np.bool_]]:
    """The part of a path along which the piece looks like a rib, and which cells belong to that part."""
    distance, row = cKDTree(path.points).query(cells * np.array(cell))
    rows = len(path.points)
    near = np.ones(5)  # sections of one cell are ragged: look at five mm
    count = np.convolve(np.bincount(row, minlength=rows), near, "same")
    spread = np.convolve(np.bincount(row, distance**2, minlength=rows), near, "same")
    area = count * np.prod(cell) / len(near)
    radius = np.sqrt(spread / np.maximum(count, 1))
    good = (area > SECTION_MM2[0]) & (area < SECTION_MM2[1]) & (radius < SECTION_RADIUS_MM)
    return float(good.mean()), good[row] & (distance < 2 * SECTION_RADIUS_MM)


def _at_full_resolution(
    hu: NDArray, coarse: NDArray[np.uint8], factors: tuple[int, ...], spacing: Spacing
) -> NDArray[np.uint8]:
    """Each rib's bone in its own voxels: what is dense in and beside its cells, and all of its core."""
    ribs = np.zeros(hu.shape, np.uint8)
    for number, part in enumerate(ndimage.find_objects(coarse, 2 * RIBS_A_SIDE), start=1):
        if part is None:
            continue
        block = tuple(
            slice(max(side.start - 3, 0), min(side.stop + 3, size))
            for side, size in zip(part, coarse.shape, strict=True)
        )
        cells = ndimage.binary_closing(coarse[block] == number, iterations=2)
        core = ndimage.binary_erosion(ndimage.binary_fill_holes(cells))
        beside = ndimage.binary_dilation(cells)
        window = tuple(
            slice(side.start * factor, side.stop * factor)
            for side, factor in zip(block, factors, strict=True)
        )
        dense = (
            ndimage.gaussian_filter(hu[window].astype(np.float32), [0.5 / s for s in spacing]) > SURFACE_HU
        )
        rib = (dense & _enlarged(beside, factors)) | _enlarged(core, factors)
        ribs[window][rib & (ribs[window] == 0)] = number
    return ribs


def _enlarged(cells: NDArray[np.bool_], factors: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask of cells in voxels."""
    for axis, factor in enumerate(factors):
        cells = np.repeat(cells, factor, axis)
    return cells


def _verdict(lengths: dict[int, float]) -> tuple[bool, str]:
    whole = [number for number, length in lengths.items() if length >= WHOLE_RIB_MM]
    right = sum(number <= RIBS_A_SIDE for number in whole)
    left = len(whole) - right
    usable = min(right, left) >= WANTED_RIBS
    found = f"{right} right and {left} left ribs longer than {WHOLE_RIB_MM:.0f} mm found"
    return usable, found if usable else f"{found}, at least {WANTED_RIBS} a side wanted"
