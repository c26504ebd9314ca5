"""Slice views while findings are reviewed: CT, bone window, close-ups, and all as it was afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer
import vtk

# Wide enough for cortical bone and the soft tissue beside it.
BONE_WINDOW, BONE_LEVEL = 1800.0, 400.0
FIELD_OF_VIEW_MM = 60.0


@dataclass(frozen=True)
class _Slice:
    """How a slice view was."""

    node: vtk.vtkObject
    slice_to_ras: vtk.vtkMatrix4x4
    field_of_view: tuple[float, float, float]
    origin: tuple[float, float, float]
    layers: vtk.vtkObject | None
    background: str | None


@dataclass(frozen=True)
class _Window:
    """How a volume was shown."""

    display: vtk.vtkObject
    automatic: int
    window: float
    level: float


class SliceViews:
    """The slice views of a layout, borrowed from `enter` to `leave`.

    Args:
        slice_nodes: vtkMRMLSliceNode of each view.
    """

    def __init__(self, slice_nodes: Sequence[vtk.vtkObject]) -> None:
        self._nodes = tuple(slice_nodes)
        self._slices: tuple[_Slice, ...] = ()
        self._window: _Window | None = None
        self._shown: str | None = None

    def enter(self, volume_node: vtk.vtkObject) -> None:
        """Remember how everything is, and show the CT in a bone window; again does nothing."""
        if self._slices:
            return
        self._slices = tuple(_remembered(node) for node in self._nodes)
        self._shown = volume_node.GetID()
        for before in self._slices:
            if before.layers is not None:
                before.layers.SetBackgroundVolumeID(self._shown)
        display = volume_node.GetDisplayNode()
        if display is not None:
            self._window = _Window(
                display, display.GetAutoWindowLevel(), display.GetWindow(), display.GetLevel()
            )
            _set_window(display, 0, BONE_WINDOW, BONE_LEVEL)

    def jump(self, ras: Sequence[float], field_of_view_mm: float = FIELD_OF_VIEW_MM) -> None:
        """Centre every view on a place in the world, as close as told; one modification a view."""
        for node in self._nodes:
            was_modifying = node.StartModify()
            node.SetXYZOrigin(0, 0, 0)
            node.JumpSliceByCentering(*ras)
            width, height, _ = node.GetDimensions()
            shorter = max(min(width, height), 1)
            scale = field_of_view_mm / shorter
            node.SetFieldOfView(max(width, 1) * scale, max(height, 1) * scale, node.GetFieldOfView()[2])
            node.EndModify(was_modifying)

    def leave(self) -> None:
        """Put everything back as `enter` found it; again does nothing."""
        for before in self._slices:
            self._put_back(before)
            was_modifying = before.node.StartModify()
            before.node.GetSliceToRAS().DeepCopy(before.slice_to_ras)
            before.node.SetFieldOfView(*before.field_of_view)
            before.node.SetXYZOrigin(*before.origin)
            before.node.UpdateMatrices()
            before.node.EndModify(was_modifying)
        if self._window is not None:
            before = self._window
            _set_window(before.display, before.automatic, before.window, before.level)
        self._slices, self._window = (), None

    def _put_back(self, before: _Slice) -> None:
        """The volume that a view showed, unless it left the scene or the user chose another one meanwhile."""
        layers, scene = before.layers, before.node.GetScene()
        if layers is None or layers.GetBackgroundVolumeID() != self._shown:
            return
        if before.background is None or (scene is not None and scene.GetNodeByID(before.background)):
            layers.SetBackgroundVolumeID(before.background)


def _remembered(node: vtk.vtkObject) -> _Slice:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(node.GetSliceToRAS())
    layers = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node)
    background = layers.GetBackgroundVolumeID() if layers is not None else None
    return _Slice(node, matrix, node.GetFieldOfView(), node.GetXYZOrigin(), layers, background)


def _set_window(display: vtk.vtkObject, automatic: int, window: float, level: float) -> None:
    was_modifying = display.StartModify()
    display.SetAutoWindowLevel(automatic)
    display.SetWindowLevel(window, level)
    display.EndModify(was_modifying)
