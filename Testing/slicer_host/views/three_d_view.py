"""A 3D view: view and camera nodes, and the scene drawn in space."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets

from ..widgets.host_class import host_class, in_column
from ..widgets.mrml_base import qMRMLWidget
from .rendered_view import RenderedView
from .slice_view import BAR_HEIGHT

MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
TOP, BOTTOM = (0.756, 0.764, 0.909), (0.455, 0.471, 0.745)  # the application's background


@host_class
class qMRMLThreeDView(RenderedView):
    """Draws the scene in space."""

    def __init__(self, node: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node = node
        self._renderer.SetGradientBackground(True)
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self._show(factory, MANAGERS, node, slicer.vtkMRMLThreeDViewInteractorStyle())

    def mrmlViewNode(self) -> Any:
        """The node that says how the view looks."""
        return self._node

    def cameraNode(self) -> Any:
        """The node of the camera."""
        return self.displayableManagerByClassName("vtkMRMLCameraDisplayableManager").GetCameraNode()

    def resetFocalPoint(self) -> None:
        """Turn the camera towards the middle of what is shown, from as far as needed to see it all."""
        self._renderer.ResetCamera()
        self.cameraNode().ResetClippingRange()
        self.scheduleRender()

    resetCamera = resetFocalPoint

    def lookFromViewAxis(self, axis: int) -> None:
        """Look from one of the six directions that `vtkMRMLCameraNode` numbers."""
        self.cameraNode().RotateTo(axis)
        self.resetFocalPoint()


@host_class
class qMRMLThreeDWidget(qMRMLWidget):
    """A 3D view and its bar."""

    def __init__(self, name: str, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLScene(slicer.mrmlScene)
        node = slicer.mrmlScene.AddNode(_view_node(name))
        slicer.app.applicationLogic().GetViewLogics().AddItem(self._logic)
        bar = QtWidgets.QLabel(name, self)
        bar.setFixedHeight(BAR_HEIGHT)
        bar.setStyleSheet("background: rgb(116, 120, 190); color: black; padding-left: 6px")
        self._view = qMRMLThreeDView(node, self)
        in_column(self, bar, self._view)

    def mrmlViewNode(self) -> Any:
        """The node that says how the view looks."""
        return self._view.mrmlViewNode()

    def threeDView(self) -> qMRMLThreeDView:
        """What draws the scene."""
        return self._view

    viewWidget = threeDView

    def viewLogic(self) -> Any:
        """The logic of the view."""
        return self._logic

    logic = viewLogic


def _view_node(name: str) -> Any:
    node = slicer.vtkMRMLViewNode()
    node.SetSingletonTag(name)
    node.SetName(f"View{name}")
    node.SetLayoutName(name)
    node.SetLayoutLabel(name)
    node.SetBackgroundColor(*TOP)
    node.SetBackgroundColor2(*BOTTOM)
    return node
