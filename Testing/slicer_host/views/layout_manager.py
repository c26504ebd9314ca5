"""The views of the main window: three slices and a 3D view, in the application's usual arrangement."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..widgets.host_class import host_class
from .slice_view import qMRMLSliceWidget
from .three_d_view import qMRMLThreeDWidget

SLICES = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
FOUR_UP = 3  # vtkMRMLLayoutNode::SlicerLayoutFourUpView
# Which views a layout shows, row by row; of the application's many, those that a detector needs.
LAYOUTS = {
    FOUR_UP: (("Red", "1"), ("Green", "Yellow")),
    4: (("1",),),
    6: (("Red",),),
    7: (("Yellow",),),
    8: (("Green",),),
}


@host_class
class qSlicerLayoutManager(QtCore.QObject):
    """Owns the views and arranges them in the main window."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._slices = {name: qMRMLSliceWidget(name, orientation) for name, orientation in SLICES.items()}
        self._three_d = [qMRMLThreeDWidget("1")]
        self._layout = 0
        self._container = QtWidgets.QWidget()
        slicer.app._main_window.setCentralWidget(self._container)
        self._grid = QtWidgets.QGridLayout(self._container)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for widget in self._widgets().values():
            widget.setParent(self._container)
        self.setLayout(FOUR_UP)

    layout = QtCore.Property(int, lambda self: self._layout, lambda self, value: self.setLayout(value))
    threeDViewCount = QtCore.Property(int, lambda self: len(self._three_d))
    tableViewCount = QtCore.Property(int, lambda self: 0)
    plotViewCount = QtCore.Property(int, lambda self: 0)

    def setLayout(self, number: int) -> None:
        """Arrange the views.

        Raises:
            NotImplementedError: the host does not know this layout of the application's.
        """
        if number not in LAYOUTS:
            raise NotImplementedError(f"the test host has the layouts {sorted(LAYOUTS)}, not {number}")
        shown = {name for row in LAYOUTS[number] for name in row}
        for name, widget in self._widgets().items():
            self._grid.removeWidget(widget)
            widget.setVisible(name in shown)
        for row, names in enumerate(LAYOUTS[number]):
            for column, name in enumerate(names):
                self._grid.addWidget(self._widgets()[name], row, column)
        self._layout = number
        self.layoutChanged.emit(number)

    def mrmlScene(self) -> Any:
        """The scene that the views show."""
        return slicer.mrmlScene

    def sliceViewNames(self) -> list[str]:
        """The names of the slice views."""
        return list(self._slices)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        """A slice view by its name."""
        return self._slices.get(name)

    def threeDWidget(self, index: int) -> qMRMLThreeDWidget | None:
        """A 3D view by its place."""
        return self._three_d[index] if 0 <= index < len(self._three_d) else None

    def mrmlSliceLogics(self) -> Any:
        """The logics of the slice views."""
        logics = vtk.vtkCollection()
        for widget in self._slices.values():
            logics.AddItem(widget.sliceLogic())
        return logics

    def activeMRMLThreeDViewNode(self) -> Any:
        """The node of the 3D view that was used last."""
        return self._three_d[0].mrmlViewNode()

    def resetThreeDViews(self) -> None:
        """Make the 3D views show everything."""
        for widget in self._three_d:
            widget.threeDView().resetFocalPoint()

    def resetSliceViews(self) -> None:
        """Make the slice views show all of their volumes."""
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def _widgets(self) -> dict[str, QtWidgets.QWidget]:
        return {**self._slices, **{str(index + 1): widget for index, widget in enumerate(self._three_d)}}
