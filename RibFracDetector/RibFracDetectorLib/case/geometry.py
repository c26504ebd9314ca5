"""Where voxels are: the sampling grid of a volume, and boxes in millimetres.

Points and boxes are in continuous voxel indices in the order x, y, z; a voxel's centre is its integer
index. Millimetres are LPS inside ITK and RAS in everything that leaves the engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Grid:
    """The sampling grid of a volume, with ITK's meaning of its fields.

    Attributes:
        size: voxels along x, y, z.
        spacing: millimetres between voxel centres along x, y, z.
        origin: LPS millimetres of the centre of voxel (0, 0, 0).
        direction: 3x3, row-major; column k is the LPS unit vector along index axis k.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def direction_matrix(self) -> NDArray[np.float64]:
        """Columns are the LPS unit vectors of the index axes, shape (3, 3)."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm³."""
        return float(np.prod(self.spacing))

    def index_to_lps(self, points: ArrayLike) -> NDArray[np.float64]:
        """Millimetres LPS of continuous voxel indices, shape (..., 3)."""
        scaled = np.asarray(points, dtype=np.float64) * np.asarray(self.spacing)
        return scaled @ self.direction_matrix.T + np.asarray(self.origin)

    def index_to_ras(self, points: ArrayLike) -> NDArray[np.float64]:
        """Millimetres RAS of continuous voxel indices, shape (..., 3)."""
        return self.index_to_lps(points) @ LPS_TO_RAS

    def lps_to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """Continuous voxel indices of millimetres LPS, shape (..., 3)."""
        shifted = np.asarray(points, dtype=np.float64) - np.asarray(self.origin)
        return shifted @ np.linalg.inv(self.direction_matrix).T / np.asarray(self.spacing)

    def ras_to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """Continuous voxel indices of millimetres RAS, shape (..., 3)."""
        return self.lps_to_index(np.asarray(points, dtype=np.float64) @ LPS_TO_RAS)

    def box_to_ras(self, box: ArrayLike) -> BoxRas:
        """The oriented box in RAS of a voxel box (x1, y1, z1, x2, y2, z2)."""
        low, high = np.asarray(box, dtype=np.float64).reshape(2, 3)
        return BoxRas(
            center=_triple(self.index_to_ras((low + high) / 2)),
            size=_triple((high - low) * np.asarray(self.spacing)),
            axes=tuple(_triple(row) for row in (LPS_TO_RAS @ self.direction_matrix).T),
        )

    def box_from_ras(self, box: BoxRas) -> tuple[float, ...]:
        """The voxel box (x1, y1, z1, x2, y2, z2) of a box whose axes are parallel to this grid's."""
        half_edges = np.asarray(box.axes) * (np.asarray(box.size)[:, None] / 2)
        reach = half_edges.sum(axis=0)
        corners = self.ras_to_index([box.center - reach, box.center + reach])
        return tuple(np.concatenate([corners.min(axis=0), corners.max(axis=0)]).tolist())


def reindex(array: NDArray, source: Grid, target: Grid) -> NDArray:
    """The voxels of `array`, given on `source`, along the index axes of `target`; a view, nothing is copied.

    Both grids must be the same set of voxels with axes permuted and reversed, as a file's grid and its LPS
    grid are. This is exact, so what goes one way comes back bit for bit.

    Args:
        array: indexed along the axes of `source`, shape `source.size`.

    Returns:
        indexed along the axes of `target`, shape `target.size`.

    Raises:
        ValueError: the grids differ by more than the order and the sense of their axes.
    """
    signed = np.round(source.direction_matrix.T @ target.direction_matrix)
    order = np.abs(signed).argmax(axis=0)
    reversed_axes = signed[order, range(3)] < 0
    if (
        sorted(order) != [0, 1, 2]
        or tuple(array.shape) != source.size
        or tuple(source.size[axis] for axis in order) != target.size
    ):
        raise ValueError(f"no reindexing leads from {source} (array {array.shape}) to {target}")
    return array.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in reversed_axes)]


def grids_apart(one: Grid, other: Grid) -> bool:
    """Whether two grids are other voxels, wherever their axes begin and in whatever order they come.

    Corners may lie half a voxel apart: headers are rounded.
    """
    order = np.abs(one.direction_matrix.T @ other.direction_matrix).argmax(axis=0)
    if tuple(one.size[axis] for axis in order) != other.size:
        return True
    distances = np.linalg.norm(_corners(one)[:, None] - _corners(other)[None], axis=2)
    return bool(max(distances.min(axis=0).max(), distances.min(axis=1).max()) > min(one.spacing) / 2)


def _corners(grid: Grid) -> NDArray[np.float64]:
    """LPS millimetres of the outermost voxels' centres, (8, 3)."""
    return grid.index_to_lps(np.stack(np.meshgrid(*[(0, n - 1) for n in grid.size]), axis=-1).reshape(-1, 3))


def corners_apart(one: Grid, other: Grid) -> float:
    """The largest distance in mm, along an axis of LPS, of outermost voxels of two grids of one size."""
    return float(np.abs(_corners(one) - _corners(other)).max())


def grid_text(grid: Grid) -> str:
    """A grid in words, to tell two of them apart."""
    size, spacing = (" x ".join(f"{value:g}" for value in values) for values in (grid.size, grid.spacing))
    origin, direction = (
        ", ".join(f"{value + 0.0:.4g}" for value in values) for values in (grid.origin, grid.direction)
    )
    return f"{size} voxels of {spacing} mm from ({origin}) mm LPS along ({direction})"


@dataclass(frozen=True)
class BoxRas:
    """An oriented box in patient space, the form that MRML ROI markups take.

    Attributes:
        center: RAS millimetres.
        size: edge lengths in millimetres along the three `axes`.
        axes: three unit vectors in RAS, the directions of the volume's index axes x, y, z.
    """

    center: tuple[float, float, float]
    size: tuple[float, float, float]
    axes: tuple[tuple[float, float, float], ...]


def _triple(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in np.asarray(values))
    return x, y, z
