"""The main window: the panel of the current module on the left, the views in the middle."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtWidgets

from ..widgets.host_class import host_class
from ..widgets.mrml_base import qSlicerWidget
from .modules import qSlicerLoadableModule
from .scripted_modules import panel_of

NAME = "qSlicerMainWindow"  # by which slicer.util.mainWindow finds it
PANEL_WIDTH = 540


@host_class
class qSlicerModulePanel(qSlicerWidget):
    """Shows one module at a time: leaves the old one (`exit`) and enters the new one (`enter`)."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ModulePanel")
        self._current: QtWidgets.QWidget | None = None
        self._scroll = QtWidgets.QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setMinimumWidth(PANEL_WIDTH)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)

    def setModule(self, name: str) -> None:
        """Show a module; the empty name shows none."""
        module = slicer.app.moduleManager().module(name) if name else None
        panel = None if module is None or isinstance(module, qSlicerLoadableModule) else panel_of(module)
        if panel is self._current:
            return
        if self._current is not None:
            self._current.exit()
            self._scroll.takeWidget().hide()
        self._current = panel
        if panel is not None:
            self._scroll.setWidget(panel)
            panel.show()
            panel.enter()


@host_class
class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """Chooses the current module."""

    moduleSelected = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._selected = ""

    selectedModule = QtCore.Property(str, lambda self: self._selected)

    def selectModule(self, name: str) -> None:
        """Make a module current.

        Raises:
            RuntimeError: there is no such module; the application only prints a message.
        """
        if name and slicer.app.moduleManager().module(name) is None:
            raise RuntimeError(f"there is no module {name}")
        self._selected = name
        self.moduleSelected.emit(name)


@host_class
class qSlicerMainWindow(QtWidgets.QMainWindow):
    """Panel, views and status bar."""

    initialWindowShown = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName(NAME)
        self.setWindowTitle("Test host")
        self._selector = qSlicerModuleSelectorToolBar(self)
        self._panel = qSlicerModulePanel(self)
        self._selector.moduleSelected.connect(self._panel.setModule)
        dock = QtWidgets.QDockWidget("", self)
        dock.setObjectName("PanelDockWidget")
        dock.setTitleBarWidget(QtWidgets.QWidget(dock))
        dock.setWidget(self._panel)
        self.addDockWidget(QtCore.Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        central = QtWidgets.QFrame(self)
        central.setObjectName("CentralWidget")
        self.setCentralWidget(central)
        self.statusBar()

    def moduleSelector(self) -> qSlicerModuleSelectorToolBar:
        """What chooses the current module."""
        return self._selector
