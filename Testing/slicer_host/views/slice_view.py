"""A slice view: slice and composite nodes, their logic, and the slice drawn with what lies on it."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..widgets.host_class import host_class, in_column, in_row
from ..widgets.mrml_base import qMRMLWidget
from .rendered_view import RenderedView

MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)
BAR_HEIGHT = 18  # pixels
# The application's colours of its three views.
COLOURS = {"Red": (0.95, 0.29, 0.25), "Yellow": (0.93, 0.84, 0.29), "Green": (0.43, 0.69, 0.29)}


@host_class
class qMRMLSliceView(RenderedView):
    """Draws the slice of a slice logic."""

    def __init__(self, logic: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._image_actor = vtk.vtkActor2D()
        self._image_actor.SetMapper(self._mapper)
        self._image_actor.GetProperty().SetDisplayLocationToBackground()
        self._renderer.AddViewProp(self._image_actor)
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        style = slicer.vtkMRMLSliceViewInteractorStyle()
        style.SetSliceLogic(logic)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self._show(factory, MANAGERS, logic.GetSliceNode(), style)
        logic.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.scheduleRender())

    def mrmlSliceNode(self) -> Any:
        """The node that says where the slice lies."""
        return self._logic.GetSliceNode()

    def convertRASToXYZ(self, ras: list[float]) -> list[float]:
        """Where a point in mm lies in the view, in pixels."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.mrmlSliceNode().GetXYToRAS(), inverse)
        return list(inverse.MultiplyPoint([*ras, 1.0])[:3])

    def _resized(self, width: int, height: int) -> None:
        self._logic.ResizeSliceNode(width, height)

    def _prepare(self) -> None:
        self._logic.UpdatePipeline()
        connection = self._logic.GetImageDataConnection()
        self._image_actor.SetVisibility(connection is not None)
        if connection is not None:
            self._mapper.SetInputConnection(connection)


@host_class
class qMRMLSliceControllerWidget(qMRMLWidget):
    """The bar above a slice view."""

    def __init__(self, logic: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self.setFixedHeight(BAR_HEIGHT)
        self._offset = QtWidgets.QLabel(self)
        self._offset.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        name = QtWidgets.QLabel(logic.GetSliceNode().GetLayoutName()[:1], self)
        in_row(self, name, self._offset)
        self.layout().setContentsMargins(6, 0, 6, 0)
        colour = [round(255 * value) for value in logic.GetSliceNode().GetLayoutColor()]
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"background: rgb({colour[0]}, {colour[1]}, {colour[2]}); color: black")
        logic.GetSliceNode().AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show_offset())
        self._show_offset()

    def fitSliceToBackground(self) -> None:
        """Show all of the volume."""
        self._logic.FitSliceToBackground()

    def sliceLogic(self) -> Any:
        """The logic of the slice."""
        return self._logic

    def mrmlSliceNode(self) -> Any:
        """The node of the slice."""
        return self._logic.GetSliceNode()

    def setSliceOffsetValue(self, offset: float) -> None:
        """Move the slice, in mm along its normal."""
        self._logic.SetSliceOffset(offset)

    def setSliceVisible(self, visible: bool) -> None:
        """Show the slice in the 3D views."""
        self._logic.GetSliceNode().SetSliceVisible(visible)

    def _show_offset(self) -> None:
        node = self._logic.GetSliceNode()
        self._offset.setText(f"{node.GetOrientation()}  {node.GetSliceOffset():.1f} mm")


@host_class
class qMRMLSliceWidget(qMRMLWidget):
    """A slice view and its bar."""

    def __init__(self, name: str, orientation: str, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = _slice_logic(name, orientation)
        self._controller = qMRMLSliceControllerWidget(self._logic, self)
        self._view = qMRMLSliceView(self._logic, self)
        in_column(self, self._controller, self._view)

    def sliceLogic(self) -> Any:
        """The logic of the slice."""
        return self._logic

    logic = sliceLogic

    def mrmlSliceNode(self) -> Any:
        """The node that says where the slice lies."""
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        """The node that says which volumes are shown."""
        return self._logic.GetSliceCompositeNode()

    def sliceView(self) -> qMRMLSliceView:
        """What draws the slice."""
        return self._view

    viewWidget = sliceView

    def sliceController(self) -> qMRMLSliceControllerWidget:
        """The bar above the slice."""
        return self._controller

    controllerWidget = sliceController

    def fitSliceToBackground(self) -> None:
        """Show all of the volume."""
        self._logic.FitSliceToBackground()

    def setSliceOrientation(self, orientation: str) -> None:
        """Show slices of another direction: "Axial", "Sagittal" or "Coronal"."""
        self.mrmlSliceNode().SetOrientation(orientation)


def _slice_logic(name: str, orientation: str) -> Any:
    """The logic of a new slice view, known to the application's logic."""
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSliceNode(slicer.mrmlScene.AddNode(_slice_node(name, orientation)))
    slicer.app.applicationLogic().GetSliceLogics().AddItem(logic)
    return logic


def _slice_node(name: str, orientation: str) -> Any:
    # Made by the scene, the node knows the usual orientations.
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSliceNode")
    node.UnRegister(None)
    node.SetSingletonTag(name)
    node.SetName(name)
    node.SetLayoutName(name)
    node.SetLayoutLabel(name[:1])
    node.SetLayoutColor(*COLOURS[name])
    node.SetOrientation(orientation)
    return node
