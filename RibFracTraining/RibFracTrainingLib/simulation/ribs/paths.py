"""The centreline of each rib, from its mask.

Geodesic distance from one end of the rib orders its voxels; the centroids of slices of equal distance,
smoothed, are the line. That holds for ribs cut by the field of view, for staircases of coarse masks and for
bulges where ribs touch: nothing is thinned, so nothing branches. A rib in two pieces gives two paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

CELL_MM = 2.0  # voxels are gathered in cells of this size, or of their own: a rib has a few thousand
SLICE_MM = 4.0
THIN = 0.4  # of the usual content of a slice
SMOOTHING_MM = 5.0  # takes off staircases of 1.5 mm and keeps the rib's angle
STEP_MM = 1.0
SHORTEST_MM = 25.0  # shorter pieces have no direction to speak of
FEWEST_CELLS = int(SHORTEST_MM / CELL_MM)
FLAT_MM = 4.0  # a path that leaves its own chord by less than this has no plane of its own
# Half of the steps to the 26 neighbours; the other half are the same edges the other way.
NEIGHBOURS = [d for d in np.ndindex(3, 3, 3) if d > (1, 1, 1)]


@dataclass(frozen=True)
class RibPath:
    """One rib, or one piece of it, as a line with a frame; rows are `STEP_MM` apart along the rib.

    Attributes:
        rib: 1 to 24.
        points: (n, 3) in mm, voxel index times spacing.
        tangents: (n, 3) unit vectors along the rib.
        outward: (n, 3) unit vectors across the rib, away from the lung.
        across: (n, 3) unit vectors, tangent x outward: towards the next rib, up or down.
    """

    rib: int
    points: NDArray[np.float64]
    tangents: NDArray[np.float64]
    outward: NDArray[np.float64]
    across: NDArray[np.float64]

    @property
    def length(self) -> float:
        """In mm."""
        return (len(self.points) - 1) * STEP_MM


def rib_paths(ribs: NDArray[np.uint8], spacing: tuple[float, float, float]) -> list[RibPath]:
    """The paths of all ribs in a mask, by rib number, the longest first within a rib.

    Args:
        ribs: [x, y, z], 0 or the number of a rib.
        spacing: mm.
    """
    centre = np.multiply(ribs.shape, spacing) / 2
    paths = []
    for number, window in enumerate(ndimage.find_objects(ribs), start=1):
        if window is None:
            continue
        voxels = np.argwhere(ribs[window] == number) + [part.start for part in window]
        lines = (_centreline(*piece) for piece in _pieces(voxels, np.array(spacing)))
        pieces = [line for line in lines if line is not None]
        pieces.sort(key=len, reverse=True)
        paths.extend(_with_frame(number, line, centre) for line in pieces)
    return paths


def _pieces(voxels: NDArray[np.int64], spacing: NDArray[np.float64]) -> list[tuple]:
    """Connected pieces of some voxels (n, 3) as (points mm, weights, graph), a point for each cell.

    Cells that touch by a corner are connected; a point is the mean of the voxels in its cell.
    """
    cells, cell_of, counts = np.unique(
        np.floor(voxels * np.minimum(spacing / CELL_MM, 1)).astype(np.int64),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    cell_of = cell_of.reshape(-1)
    sums = np.stack([np.bincount(cell_of, voxels[:, axis]) for axis in range(3)], axis=1)
    points = sums / counts[:, None] * spacing
    graph = _graph(cells, points)
    count, label = connected_components(graph, directed=False)
    chosen = [np.flatnonzero(label == number) for number in range(count)]
    return [
        (points[rows], counts[rows], graph[rows][:, rows]) for rows in chosen if len(rows) > SHORTEST_MM / 2
    ]


def _graph(cells: NDArray[np.int64], points: NDArray[np.float64]) -> csr_matrix:
    """Neighbouring cells with their distance in mm, as a sparse matrix (n, n)."""
    low = cells.min(axis=0) - 1
    index = np.full(cells.max(axis=0) - low + 2, -1)
    index[tuple((cells - low).T)] = np.arange(len(cells))
    rows, columns, lengths = [], [], []
    for neighbour in NEIGHBOURS:
        step = np.array(neighbour) - 1
        other = index[tuple((cells - low + step).T)]
        found = np.flatnonzero(other >= 0)
        rows.append(found)
        columns.append(other[found])
        lengths.append(np.linalg.norm(points[other[found]] - points[found], axis=1))
    edges = (np.concatenate(rows), np.concatenate(columns))
    return coo_matrix((np.concatenate(lengths), edges), (len(cells), len(cells))).tocsr()


def _centreline(points: NDArray, weights: NDArray, graph: csr_matrix) -> NDArray | None:
    """Points `STEP_MM` apart along one piece, None where it is too short."""
    first = int(dijkstra(graph, directed=False, indices=0).argmax())
    distance = dijkstra(graph, directed=False, indices=first)
    if distance.max() < SHORTEST_MM:
        return None
    line = _evenly(_centroids(points, weights, (distance / SLICE_MM).astype(np.int64)))
    for _ in range(2):  # slices across the line found so far, instead of spheres around its end
        line = _evenly(_smoothed(line))
        if len(line) < SHORTEST_MM:
            return None
        _, nearest = cKDTree(line).query(points)
        line = _evenly(_centroids(points, weights, (nearest * STEP_MM / SLICE_MM).astype(np.int64)))
    line = _evenly(_smoothed(line))
    return line if len(line) > SHORTEST_MM else None


def _centroids(points: NDArray, weights: NDArray, slice_of: NDArray[np.int64]) -> NDArray:
    """The weighted mean point of each slice in order; thin ones, mostly corners of an end, are left out."""
    total = np.bincount(slice_of, weights)
    sums = [np.bincount(slice_of, weights * points[:, axis]) for axis in range(3)]
    used = total > THIN * np.median(total[total > 0])
    return np.stack(sums, axis=1)[used] / total[used, None]


def _evenly(line: NDArray) -> NDArray:
    """The polyline resampled at equal steps of `STEP_MM`."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.arange(0.0, lengths[-1] + 1e-9, STEP_MM)
    return np.stack([np.interp(at, lengths, line[:, axis]) for axis in range(3)], axis=1)


def _smoothed(line: NDArray) -> NDArray:
    """Smoothed with its ends kept, by odd reflection."""
    pad = min(int(3 * SMOOTHING_MM / STEP_MM), len(line) - 1)
    before, after = 2 * line[0] - line[pad:0:-1], 2 * line[-1] - line[-2 : -2 - pad : -1]
    longer = np.concatenate([before, line, after])
    smooth = ndimage.gaussian_filter1d(longer, SMOOTHING_MM / STEP_MM, axis=0, mode="nearest")
    return smooth[pad : pad + len(line)]


def _with_frame(rib: int, line: NDArray, centre: NDArray) -> RibPath:
    """The frame of a line: a rib bends around the lung, so outward is away from its own middle."""
    tangents = _unit(np.gradient(line, axis=0))
    middle = line.mean(axis=0)
    _, spread, axes = np.linalg.svd(line - middle, full_matrices=False)
    if spread[1] / np.sqrt(len(line)) < FLAT_MM / 3:
        # A straight piece: outward is horizontal, away from the middle of the volume.
        outward = (line - centre) * (1, 1, 0)
    else:
        outward = line - middle - ((line - middle) @ axes[2])[:, None] * axes[2]
    outward = outward - (outward * tangents).sum(axis=1, keepdims=True) * tangents
    outward = _unit(outward)
    return RibPath(rib, line, tangents, outward, np.cross(tangents, outward))


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
