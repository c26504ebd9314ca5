"""Masks of findings as the labelmaps of segments, and back: the same voxels, on the CT node's own axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..case.errors import InputError
from ..case.geometry import Grid, reindex
from ..case.mask_patches import MaskPatch, patches_of

# Between a labelmap's voxels and the CT's, in voxels; more is another grid.
_SAME_VOXEL = 1e-2


def labelmap_of(patches: Mapping[int, MaskPatch], lps: Grid, node_grid: Grid) -> vtk.vtkObject:
    """A labelmap that holds every patch under its number, no larger than they need.

    Args:
        patches: in voxels of `lps`; where they overlap the higher number is kept.
        lps: LPS grid of the CT.
        node_grid: the same voxels along the axes of the CT's node.

    Returns:
        vtkOrientedImageData, uint16; one voxel of background if there is nothing in the patches.
    """
    filled = [patch for patch in patches.values() if patch.count]
    low = np.min([patch.start for patch in filled], axis=0) if filled else np.zeros(3, int)
    ends = [np.add(patch.start, patch.voxels.shape) for patch in filled]
    high = np.max(ends, axis=0) if filled else np.ones(3, int)
    labels = np.zeros(high - low, np.uint16)
    for number in sorted(patches):
        patch = patches[number]
        if patch.count:
            MaskPatch(tuple(np.subtract(patch.start, low)), patch.voxels).paint(labels, number)
    return _oriented_image(labels, low, lps, node_grid)


def patch_of(image: vtk.vtkObject, label: int, lps: Grid) -> MaskPatch:
    """The voxels of one label as a patch on the LPS grid of the CT.

    Args:
        image: vtkOrientedImageData whose voxels are voxels of the CT.

    Raises:
        InputError: they are not, or some lie outside of the CT.
    """
    array, first = _array_of(image)
    return _on_ct(MaskPatch.of(array == label, first), image, lps)


def patches_in(image: vtk.vtkObject, lps: Grid) -> dict[int, MaskPatch | None]:
    """The patch of every label of a labelmap, in one pass; None for one that `patch_of` refuses."""
    array, first = _array_of(image)
    patches: dict[int, MaskPatch | None] = {}
    for label, patch in patches_of(array).items():
        moved = MaskPatch(tuple(np.add(patch.start, first).tolist()), patch.voxels)
        try:
            patches[label] = _on_ct(moved, image, lps)
        except InputError:
            patches[label] = None
    return patches


def _on_ct(inside: MaskPatch, image: vtk.vtkObject, lps: Grid) -> MaskPatch:
    """A patch of a labelmap's voxels on the LPS grid of the CT."""
    if not inside.count:
        return inside
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    affine = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(3)])
    places = np.argwhere(inside.voxels) + inside.start
    indices = lps.ras_to_index(places @ affine[:, :3].T + affine[:, 3])
    whole = np.round(indices).astype(int)
    if np.abs(indices - whole).max() > _SAME_VOXEL:
        raise InputError("the mask lies on another grid than the CT's; draw it with the CT as source volume")
    if (whole < 0).any() or (whole >= lps.size).any():
        raise InputError("the mask reaches out of the CT; draw it inside")
    low = whole.min(axis=0)
    voxels = np.zeros(whole.max(axis=0) - low + 1, bool)
    voxels[tuple((whole - low).T)] = True
    return MaskPatch(tuple(low.tolist()), voxels)


def erase(image: vtk.vtkObject, label: int) -> None:
    """Set the voxels of one label to background, in place."""
    array, _ = _array_of(image)
    array[array == label] = 0
    image.Modified()


def _oriented_image(labels: NDArray, low: NDArray, lps: Grid, node_grid: Grid) -> vtk.vtkObject:
    """The part of a label map that begins at voxel `low` of the LPS grid, on the node's axes."""
    corners = np.array([low, low + np.asarray(labels.shape) - 1])
    places = np.round(node_grid.lps_to_index(lps.index_to_lps(corners))).astype(int)
    first, last = places.min(axis=0), places.max(axis=0)
    part = Grid(labels.shape, lps.spacing, (0.0, 0.0, 0.0), lps.direction)
    size = tuple((last - first + 1).tolist())
    turned = reindex(labels, part, Grid(size, node_grid.spacing, (0.0, 0.0, 0.0), node_grid.direction))
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*np.stack([first, last], axis=1).ravel().tolist())
    image.SetGeometryFromImageToWorldMatrix(_matrix(node_grid))
    scalars = numpy_to_vtk(turned.ravel(order="F"), deep=True, array_type=vtk.VTK_UNSIGNED_SHORT)
    image.GetPointData().SetScalars(scalars)
    return image


def _matrix(grid: Grid) -> vtk.vtkMatrix4x4:
    """From voxel indices to RAS millimetres."""
    matrix = vtk.vtkMatrix4x4()
    origin = grid.index_to_ras((0, 0, 0))
    for column in range(3):
        step = grid.index_to_ras(np.eye(3)[column]) - origin
        for row in range(3):
            matrix.SetElement(row, column, step[row])
    for row in range(3):
        matrix.SetElement(row, 3, origin[row])
    return matrix


def _array_of(image: vtk.vtkObject) -> tuple[NDArray, tuple[int, int, int]]:
    """A view [i, j, k] of the voxels, and the index of the first."""
    extent = image.GetExtent()
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in range(3))
    scalars = image.GetPointData().GetScalars()
    if scalars is None or min(shape) < 1:
        return np.zeros((0, 0, 0), np.uint8), (0, 0, 0)
    return vtk_to_numpy(scalars).reshape(shape, order="F"), (extent[0], extent[2], extent[4])
