"""Scripted modules: a Python file, loaded and shown as the application does it.

A file `X.py` holds the class `X`, which describes the module, and `XWidget`, its panel, made when it is first
shown. The folder of the file is appended to `sys.path`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from ..widgets.host_class import host_class, stored
from ..widgets.mrml_base import qSlicerWidget
from .modules import qSlicerScriptedLoadableModule, register


@host_class
class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The C++ half of a module's panel: it owns the Python half and calls its functions."""

    def __init__(self, module: qSlicerScriptedLoadableModule) -> None:
        super().__init__(None)
        self._module, self._python = module, None
        self.moduleName = module.name
        self.setLayout(QtWidgets.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)
        self._make()

    moduleName = stored(str, "moduleName", "")
    isEntered = QtCore.Property(bool, lambda self: self.__dict__.get("_entered", False))

    def self(self) -> Any:
        """The Python half."""
        return self._python

    def module(self) -> qSlicerScriptedLoadableModule:
        """The module whose panel it is."""
        return self._module

    def enter(self) -> None:
        """The panel becomes current."""
        self._entered = True
        self._call("enter")

    def exit(self) -> None:
        """The panel is left."""
        self._entered = False
        self._call("exit")

    def reload(self) -> None:
        """Make the Python half anew, from the class as it is now."""
        self._make()
        if self.isEntered:
            self._call("enter")

    def _make(self) -> None:
        widget_class = getattr(sys.modules[self._module.name], f"{self._module.name}Widget")
        self._python = widget_class(self)
        setattr(slicer.modules, f"{self._module.name}Widget", self._python)
        self._python.setup()

    def _call(self, function: str) -> None:
        if hasattr(self._python, function):
            getattr(self._python, function)()


def load_module(path: Path) -> ModuleType:
    """Load a module file; its panel is made by `panel_of`. Returns the Python module."""
    name = path.stem
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(name, path)
    python = importlib.util.module_from_spec(spec)
    sys.modules[name] = python
    spec.loader.exec_module(python)
    module = qSlicerScriptedLoadableModule(name, str(path.resolve()))
    setattr(slicer.modules, f"{name}Instance", getattr(python, name)(module))
    register(module)
    return python


def panel_of(module: qSlicerScriptedLoadableModule) -> qSlicerScriptedLoadableModuleWidget:
    """The panel of a scripted module, made when it is first asked for."""
    if module._panel is None:
        module._panel = qSlicerScriptedLoadableModuleWidget(module)
    return module._panel


def unload_module(name: str) -> None:
    """Leave and clean up a module's panel, as when the application ends; the next one is made anew."""
    module = slicer.app.moduleManager().module(name)
    panel = module._panel
    if panel is None:
        return
    if panel.isEntered:
        panel.exit()
    slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(name)
    module._panel = None
    panel.hide()
    panel.deleteLater()
    if hasattr(slicer.modules, f"{name}Widget"):
        delattr(slicer.modules, f"{name}Widget")
