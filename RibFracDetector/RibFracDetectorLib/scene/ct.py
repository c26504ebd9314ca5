"""The CT as a volume node: may results be placed on it, and is it the one they were made on?

Results lie in the node's own coordinates and hang under the node's parent transform, so they follow it. That
holds for linear transforms only: a warped CT would need warped boxes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..case.ct import CtVolume
from ..case.errors import InputError
from ..case.geometry import LPS_TO_RAS, Grid, reindex

_INT16 = np.iinfo(np.int16)
# Directions of a node are known to about 1e-7; more than this is a shear.
_RIGHT_ANGLE = 1e-3


def check_placeable(ct_node: vtk.vtkObject) -> None:
    """Refuse a volume on which results cannot be placed.

    Raises:
        InputError: no voxels, sheared axes, or a transform that is not linear, as slices at uneven distances
            get from the application.
    """
    name = ct_node.GetName()
    if ct_node.GetImageData() is None:
        raise InputError(f"the volume {name} has no voxels; load the CT again")
    transform = ct_node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise InputError(
            f"the volume {name} lies under a transform that is not linear ({transform.GetName()}), as slices "
            "at uneven distances do; harden the transform, or resample the volume to even slices, and detect "
            "again"
        )
    axes = grid_of_node(ct_node).direction_matrix
    if np.abs(axes.T @ axes - np.eye(3)).max() > _RIGHT_ANGLE:
        raise InputError(
            f"the axes of the volume {name} are not at right angles; resample it to a rectangular grid"
        )


def grid_of_node(volume_node: vtk.vtkObject) -> Grid:
    """The sampling grid of a volume node, along its own axes, before any transform."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    affine = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(3)])
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    return Grid(
        size=tuple(volume_node.GetImageData().GetDimensions()),
        spacing=tuple(spacing.tolist()),
        origin=tuple((LPS_TO_RAS @ affine[:, 3]).tolist()),
        direction=tuple((LPS_TO_RAS @ affine[:, :3] / spacing).ravel().tolist()),
    )


def lps_grid(grid: Grid) -> Grid:
    """The same voxels along axes nearest to left, posterior, superior."""
    axes = grid.direction_matrix
    order = _nearest_axes(axes)
    flipped = axes[range(3), order] < 0
    sizes = np.asarray(grid.size)[order]
    spacing = np.asarray(grid.spacing)[order]
    turned = axes[:, order] * np.where(flipped, -1, 1)
    corner = np.zeros(3)
    corner[order] = np.where(flipped, sizes - 1, 0)
    return Grid(
        size=tuple(sizes.tolist()),
        spacing=tuple(spacing.tolist()),
        origin=tuple(grid.index_to_lps(corner).tolist()),
        direction=tuple(turned.ravel().tolist()),
    )


def ct_of_node(volume_node: vtk.vtkObject, source: Path, case_id: str) -> CtVolume:
    """The CT in a volume node as the engine would read it from a file: int16, [x, y, z] in LPS order.

    Args:
        source: what to call its origin.
        case_id: of the case that it is compared with.

    Raises:
        InputError: a voxel holds more than one number, as in a colour picture.
    """
    if volume_node.GetImageData().GetNumberOfScalarComponents() != 1:
        raise InputError(
            f"the volume {volume_node.GetName()} has several numbers a voxel; choose a CT, with one"
        )
    stored = grid_of_node(volume_node)
    scalars = vtk_to_numpy(volume_node.GetImageData().GetPointData().GetScalars())
    voxels = reindex(scalars.reshape(stored.size, order="F"), stored, lps_grid(stored))
    if voxels.dtype != np.int16:
        voxels = np.clip(voxels, _INT16.min, _INT16.max).astype(np.int16)
    return CtVolume(voxels, lps_grid(stored), stored, source, case_id)


def to_world(node: vtk.vtkObject, points_ras: ArrayLike) -> NDArray[np.float64]:
    """World millimetres of places given in a node's own, shape (..., 3); its transform must be linear."""
    return _through(node, points_ras, inverse=False)


def from_world(node: vtk.vtkObject, points_ras: ArrayLike) -> NDArray[np.float64]:
    """A node's own millimetres of places in the world, shape (..., 3); its transform must be linear."""
    return _through(node, points_ras, inverse=True)


def _through(node: vtk.vtkObject, points_ras: ArrayLike, inverse: bool) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    transform = node.GetParentTransformNode()
    if transform is not None:
        transform.GetMatrixTransformToWorld(matrix)
    if inverse:
        matrix.Invert()
    affine = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(3)])
    return np.asarray(points_ras, dtype=np.float64) @ affine[:, :3].T + affine[:, 3]


def _nearest_axes(axes: NDArray[np.float64]) -> NDArray[np.int64]:
    """For left, posterior and superior the index axis that runs nearest to it, each used once."""
    strength = np.abs(axes)
    order = np.empty(3, np.int64)
    for _ in range(3):
        row, column = np.unravel_index(strength.argmax(), (3, 3))
        order[row] = column
        strength[row, :] = strength[:, column] = -1
    return order
