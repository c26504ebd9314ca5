"""`slicer.modules`: the application's own modules, of which the host has the logics, and scripted ones."""

from __future__ import annotations

import sys
import types
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from ..widgets.host_class import host_class, stored
from .quiet import missing_files_unreported

# Name of the module in the application -> class of its logic in slicer-core.
LOGICS = {
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Colors": "vtkSlicerColorLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Data": "vtkSlicerDataModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Units": "vtkSlicerUnitsLogic",
    "ViewControllers": "vtkSlicerViewControllersLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}


class _Module(QtCore.QObject):
    """What every module has."""

    def __init__(self, name: str, path: str = "") -> None:
        super().__init__()
        self.__dict__.update(_stored_name=name, _stored_path=path, _stored_title=name)
        self._panel: QtWidgets.QWidget | None = None
        self._logic: Any = None

    name = stored(str, "name", "")
    path = stored(str, "path", "")
    title = stored(str, "title", "")
    helpText = stored(str, "helpText", "")
    acknowledgementText = stored(str, "acknowledgementText", "")
    categories = stored("QStringList", "categories", [])
    contributors = stored("QStringList", "contributors", [])
    dependencies = stored("QStringList", "dependencies", [])
    associatedNodeTypes = stored("QStringList", "associatedNodeTypes", [])
    defaultDocumentationLink = stored(str, "defaultDocumentationLink", "")
    hidden = stored(bool, "hidden", False)
    index = stored(int, "index", -1)
    icon = stored("QVariant", "icon", None)

    def logic(self) -> Any:
        """The module's C++ logic, or None."""
        return self._logic

    def widgetRepresentation(self) -> QtWidgets.QWidget | None:
        """The module's panel."""
        return self._panel

    def mrmlScene(self) -> Any:
        """The application's scene."""
        return slicer.mrmlScene


@host_class
class qSlicerLoadableModule(_Module):
    """A module of the application, of which the host has the logic and an empty panel."""


@host_class
class qSlicerScriptedLoadableModule(_Module):
    """A scripted module: what the class named after its file fills in."""


@host_class
class qSlicerModuleManager(QtCore.QObject):
    """Knows the loaded modules."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def factoryManager(self) -> _FactoryManager:
        """What lists the modules; the application's has more than one kind of list."""
        return _FactoryManager(self)

    def modulesNames(self) -> list[str]:
        """The names of the loaded modules."""
        return [name for name in vars(slicer.moduleNames) if not name.startswith("_")]

    def module(self, name: str) -> _Module | None:
        """A module by its name, or None."""
        return getattr(slicer.modules, name.lower(), None)


class _FactoryManager:
    """The part of the module factory that `slicer.util.moduleNames` asks."""

    def __init__(self, manager: qSlicerModuleManager) -> None:
        self._manager = manager

    def loadedModuleNames(self) -> list[str]:
        """The names of the loaded modules."""
        return self._manager.modulesNames()


def register(module: _Module) -> None:
    """Make a module known as `slicer.modules.<name in lower case>`."""
    setattr(slicer.modules, module.name.lower(), module)
    setattr(slicer.moduleNames, module.name, module.name)
    slicer.app.moduleManager().moduleLoaded.emit(module.name)


def make_modules(scene: Any, application_logic: Any) -> None:
    """Make `slicer.modules` with the modules of `LOGICS`."""
    for name in ("modules", "moduleNames"):
        namespace = types.ModuleType(f"slicer.{name}")
        setattr(slicer, name, namespace)
        sys.modules[f"slicer.{name}"] = namespace
    with missing_files_unreported():  # terminologies and presets
        for name, class_name in LOGICS.items():
            _make_module(name, getattr(slicer, class_name)(), scene, application_logic)


def _make_module(name: str, logic: Any, scene: Any, application_logic: Any) -> None:
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(scene)
    application_logic.SetModuleLogic(name, logic)
    module = qSlicerLoadableModule(name)
    module._logic = logic
    setattr(slicer.modules, name.lower(), module)
    setattr(slicer.moduleNames, name, name)
