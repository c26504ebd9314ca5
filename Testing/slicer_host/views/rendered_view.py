"""A widget that shows what VTK draws into a window of its own, off the screen.

As in the application a view draws at most once for many requests: `scheduleRender` only notes that
something changed, and the event loop draws. `render_counts` tells tests how often a view was asked and how
often it drew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from ..widgets.host_class import stored


@dataclass(frozen=True)
class RenderCounts:
    """How often a view was asked to draw, and how often it drew."""

    requests: int
    renders: int


class RenderedView(QtWidgets.QWidget):
    """The base of slice and 3D views: a subclass calls `_show` and may fill in `_resized` and `_prepare`."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._requests = self._renders = self._paused = 0
        self._pending = False
        self._image: QtGui.QImage | None = None
        self._renderer = vtk.vtkRenderer()
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(0)
        self._window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._group: Any = None
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw_if_needed)
        slicer.app.renderPaused.connect(self._follow_application)
        self.setMinimumSize(80, 60)

    renderEnabled = stored(bool, "renderEnabled", True)

    def renderWindow(self) -> Any:
        """VTK's window."""
        return self._window

    def interactor(self) -> Any:
        """Takes VTK's mouse and key events."""
        return self._interactor

    def interactorStyle(self) -> Any:
        """Turns them into changes of the scene."""
        return self._interactor.GetInteractorStyle()

    def getDisplayableManagers(self) -> list[Any]:
        """The displayable managers of the view."""
        count = self._group.GetDisplayableManagerCount()
        return [self._group.GetNthDisplayableManager(index) for index in range(count)]

    def displayableManagerByClassName(self, name: str) -> Any:
        """One displayable manager, or None."""
        return self._group.GetDisplayableManagerByClassName(name)

    def scheduleRender(self) -> None:
        """Draw soon; further requests until then cost nothing."""
        self._requests += 1
        self._pending = True
        if not self._is_paused():
            self._timer.start(0)

    def forceRender(self) -> None:
        """Draw now."""
        if self._is_paused() or not self.renderEnabled:
            return
        self._timer.stop()
        self._pending = False
        width, height = max(self.width, 1), max(self.height, 1)
        if tuple(self._window.GetSize()) != (width, height):
            self._window.SetSize(width, height)
            self._resized(width, height)
        self._prepare()
        self._window.Render()
        self._renders += 1
        self._image = image_of(self._window)
        self.update()

    def pauseRender(self) -> int:
        """Draw nothing until `resumeRender` was called as often."""
        self._paused += 1
        return self._paused

    def resumeRender(self) -> int:
        """Undo one `pauseRender`."""
        self._paused = max(0, self._paused - 1)
        self._draw_if_needed()
        return self._paused

    def _show(self, factory: Any, managers: tuple[str, ...], node: Any, style: Any) -> None:
        """Draw what these displayable managers make of a view node; mouse and keys go to `style`."""
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._group = factory.InstantiateDisplayableManagers(self._renderer)
        self._group.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender())
        self._group.SetMRMLDisplayableNode(node)
        self._style = style
        style.SetDisplayableManagers(self._group)
        style.SetInteractor(self._interactor)

    def _is_paused(self) -> bool:
        return self._paused > 0 or slicer.app._paused > 0

    def _follow_application(self, paused: bool) -> None:
        if not paused:
            self._draw_if_needed()

    def _draw_if_needed(self) -> None:
        if self._pending and not self._is_paused():
            self.forceRender()

    def _resized(self, width: int, height: int) -> None:
        """Tell the scene the new size of the view in pixels."""

    def _prepare(self) -> None:
        """Bring what is drawn up to date."""

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Draw in the new size."""
        self.scheduleRender()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Show the last picture."""
        painter = QtGui.QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect, QtCore.Qt.GlobalColor.black)
        else:
            painter.drawImage(self.rect, self._image)
        painter.end()


def image_of(window: Any) -> QtGui.QImage:
    """What a VTK window shows."""
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.ShouldRerenderOff()
    grabber.Update()
    width, height, _ = grabber.GetOutput().GetDimensions()
    colours = vtk_to_numpy(grabber.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)
    rows = np.ascontiguousarray(colours[::-1])
    # The copy owns its pixels; the first image only borrows those of the array.
    return QtGui.QImage(rows.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888).copy()


def render_counts(view: RenderedView) -> RenderCounts:
    """For tests: how often a view was asked to draw, and how often it drew."""
    return RenderCounts(view._requests, view._renders)
