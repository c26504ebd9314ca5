"""The boxes of findings as ROI markups: light and locked, but for the active one, which has handles.

A ROI costs some milliseconds in every view, whether it is shown or not, so they are made when a finding is to
be shown, a few at a time, and kept. Boxes are moved and sized, never turned: they are parallel to the CT.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np
import vtk

from ..case.geometry import BoxRas
from .colors import Color
from .ownership import FINDING, add_node, finding_of, owned, remove_node

_LIGHT_MM, _HEAVY_MM, _DOT_MM = 0.6, 1.2, 0.5
_HANDLE_PERCENT = 2.0  # of the view


class FindingBoxes:
    """The ROI nodes of one case.

    Args:
        scene: where they are or will be.
        key: of the case.
        arrange: puts a new node in its folder and under the CT's transform.
    """

    def __init__(self, scene: vtk.vtkObject, key: str, arrange: Callable[[vtk.vtkObject], None]) -> None:
        self._scene = scene
        self._key = key
        self._arrange = arrange
        self._nodes = {finding_of(node): node for node in owned(scene, "box", key)}
        self._active: int | None = None

    def __contains__(self, finding_id: int) -> bool:
        return finding_id in self._nodes

    @property
    def ids(self) -> frozenset[int]:
        """The findings that have one."""
        return frozenset(self._nodes)

    def node(self, finding_id: int) -> vtk.vtkObject | None:
        """The ROI of a finding, None if there is none yet."""
        return self._nodes.get(finding_id)

    def make(self, finding_id: int, box: BoxRas, color: Color) -> None:
        """Make the ROI of a finding, hidden, unless there is one."""
        if finding_id in self._nodes:
            return
        node = add_node(self._scene, "vtkMRMLMarkupsROINode", f"Fracture {finding_id}", self._key, "box")
        node.SetAttribute(FINDING, str(finding_id))
        node.SetLocked(True)
        _place(node, box)
        node.CreateDefaultDisplayNodes()
        _style(node.GetDisplayNode(), color)
        self._nodes[finding_id] = node
        self._arrange(node)

    def place(self, finding_id: int, box: BoxRas) -> None:
        """Put a ROI where the finding's box is."""
        node = self._nodes.get(finding_id)
        if node is not None and not is_same_box(box_of(node), box):
            _place(node, box)

    def paint(self, finding_id: int, color: Color) -> None:
        """Colour a ROI."""
        node = self._nodes.get(finding_id)
        if node is not None and node.GetDisplayNode().GetSelectedColor() != color:
            _paint(node.GetDisplayNode(), color)

    def show(self, finding_ids: Collection[int]) -> None:
        """Show the ROIs of these findings and hide the others; only what changes is touched."""
        for number, node in self._nodes.items():
            visible = number in finding_ids
            display = node.GetDisplayNode()
            if bool(display.GetVisibility()) != visible:
                display.SetVisibility(visible)

    def activate(self, finding_id: int | None, editable: bool) -> None:
        """Give one ROI handles, if the case may be edited, and take them from the one that had them."""
        for number in {self._active, finding_id} - {None}:
            node = self._nodes.get(number)
            if node is not None:
                _emphasise(node, number == finding_id, number == finding_id and editable)
        self._active = finding_id

    def forget(self, node: vtk.vtkObject) -> None:
        """A ROI that has left the scene."""
        self._nodes = {number: kept for number, kept in self._nodes.items() if kept is not node}

    def remove(self, finding_ids: Iterable[int]) -> None:
        """Take ROIs out of the scene."""
        for number in finding_ids:
            node = self._nodes.pop(number, None)
            if node is not None:
                remove_node(self._scene, node)


def box_of(node: vtk.vtkObject) -> BoxRas:
    """The box that a ROI node has now, in its own millimetres."""
    matrix = node.GetObjectToNodeMatrix()
    axes = np.array([[matrix.GetElement(row, column) for row in range(3)] for column in range(3)])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    center = tuple(float(value) for value in node.GetCenter())
    size = tuple(float(value) for value in node.GetSize())
    return BoxRas(center, size, tuple(tuple(axis.tolist()) for axis in axes))


def _place(node: vtk.vtkObject, box: BoxRas) -> None:
    axes = np.array(box.axes)
    if np.linalg.det(axes) < 0:  # a ROI is right-handed; a box is the same either way
        axes[0] = -axes[0]
    matrix = vtk.vtkMatrix4x4()
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, axes[column, row])
        matrix.SetElement(row, 3, box.center[row])
    was_modifying = node.StartModify()
    node.SetSize(*box.size)
    node.SetAndObserveObjectToNodeMatrix(matrix)
    node.EndModify(was_modifying)


def is_same_box(first: BoxRas, second: BoxRas) -> bool:
    """Whether two boxes are one to a thousandth of a millimetre."""
    return all(
        np.allclose(one, other, rtol=0, atol=1e-3)
        for one, other in ((first.center, second.center), (first.size, second.size))
    ) and np.allclose(np.abs(np.asarray(first.axes)), np.abs(np.asarray(second.axes)), atol=1e-5)


def _style(display: vtk.vtkObject, color: Color) -> None:
    was_modifying = display.StartModify()
    display.SetVisibility(False)
    display.SetFillVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetHandlesInteractive(False)
    display.SetRotationHandleVisibility(False)
    # The dot in the middle cannot be hidden without the box, but be made too small to cover a fracture.
    # Handles are as large as dots, and must stay large enough on the screen, see `_emphasise`.
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(_DOT_MM)
    display.SetGlyphScale(_HANDLE_PERCENT)
    display.SetCurveLineSizeMode(display.UseLineDiameter)
    display.SetLineDiameter(_LIGHT_MM)
    _paint(display, color)
    display.EndModify(was_modifying)


def _paint(display: vtk.vtkObject, color: Color) -> None:
    was_modifying = display.StartModify()
    display.SetSelectedColor(*color)
    display.SetColor(*color)
    display.SetActiveColor(*color)
    display.EndModify(was_modifying)


def _emphasise(node: vtk.vtkObject, strong: bool, handles: bool) -> None:
    node.SetLocked(not handles)
    display = node.GetDisplayNode()
    was_modifying = display.StartModify()
    display.SetHandlesInteractive(handles)
    display.SetUseGlyphScale(handles)
    display.SetRotationHandleVisibility(False)
    display.SetLineDiameter(_HEAVY_MM if strong else _LIGHT_MM)
    display.EndModify(was_modifying)
