"""`slicer.app`: the one application object, with a scene and the logics of slicer-core."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import slicer
import slicer.util
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from ..widgets.host_class import host_class, stored
from .dicom import ctkDICOMDatabase
from .files import qSlicerIOManager
from .modules import make_modules, qSlicerModuleManager
from .subject_hierarchy import keep_items

# As whose settings those of the host are kept, in a file of its own below the temporary folder.
ORGANISATION = "ribfrac-test-host"


@host_class
class qSlicerCommandOptions(QtCore.QObject):
    """The options of the command line."""

    runPythonAndExit = stored(bool, "runPythonAndExit", False)
    testingEnabled = stored(bool, "testingEnabled", True)
    noMainWindow = stored(bool, "noMainWindow", False)


@host_class
class qSlicerApplication(QtWidgets.QApplication):
    """The application. `exit` is recorded, not done: the tests go on."""

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)
    renderPaused = QtCore.Signal(bool)

    def __init__(self) -> None:
        super().__init__(["Slicer"])
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-host-")
        self._exit_code: int | None = None
        self._paused = 0
        self._startup_environment = QtCore.QProcessEnvironment.systemEnvironment()
        self._options = qSlicerCommandOptions(self)
        self._module_manager = qSlicerModuleManager(self)
        self._files = qSlicerIOManager(self)
        self._layout_manager: Any = None
        self.setApplicationName("Slicer")
        self.setOrganizationName(ORGANISATION)
        _keep_settings_in(self._folder.name)

    temporaryPath = QtCore.Property(str, lambda self: self._folder.name)
    slicerHome = QtCore.Property(str, lambda self: str(Path(slicer.util.__file__).parent))
    majorVersion = stored(int, "majorVersion", 5)
    minorVersion = stored(int, "minorVersion", 12)
    revision = stored(str, "revision", "test-host")
    documentationBaseUrl = stored(str, "documentationBaseUrl", "")

    def testingEnabled(self) -> bool:
        """Whether message boxes answer themselves."""
        return self._options.testingEnabled

    def commandOptions(self) -> qSlicerCommandOptions:
        """The options of the command line."""
        return self._options

    def mrmlScene(self) -> Any:
        """The scene."""
        return slicer.mrmlScene

    def applicationLogic(self) -> Any:
        """The application's logic."""
        return self._logic

    def moduleManager(self) -> qSlicerModuleManager:
        """Knows the modules."""
        return self._module_manager

    def moduleLogic(self, name: str) -> Any:
        """The logic of a module."""
        return self._module_manager.module(name).logic()

    def moduleDocumentationUrl(self, name: str) -> str:
        """Where a module is documented."""
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def ioManager(self) -> qSlicerIOManager:
        """Reads and writes files."""
        return self._files

    coreIOManager = ioManager

    def dicomDatabase(self) -> ctkDICOMDatabase:
        """The DICOM database."""
        return slicer.dicomDatabase

    def layoutManager(self) -> Any:
        """The views; they are made when they are first asked for."""
        if self._layout_manager is None:
            from ..views.layout_manager import qSlicerLayoutManager

            self._layout_manager = qSlicerLayoutManager()
        return self._layout_manager

    def settings(self) -> QtCore.QSettings:
        """The user's settings."""
        return QtCore.QSettings()

    userSettings = revisionUserSettings = settings

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        """The environment in which the application was started."""
        return self._startup_environment

    def pauseRender(self) -> None:
        """Draw nothing until `resumeRender` was called as often."""
        self._paused += 1
        self.renderPaused.emit(True)

    def resumeRender(self) -> None:
        """Undo one `pauseRender`; the views that changed meanwhile are drawn once."""
        self._paused = max(0, self._paused - 1)
        if self._paused == 0:
            self.renderPaused.emit(False)

    def exit(self, code: int = 0) -> None:
        """Remember that the application was asked to end, with this code."""
        self._exit_code = code


def _keep_settings_in(folder: str) -> None:
    settings = QtCore.QSettings
    settings.setDefaultFormat(settings.Format.IniFormat)
    settings.setPath(settings.Format.IniFormat, settings.Scope.UserScope, folder)


def make_application() -> qSlicerApplication:
    """Make `slicer.app`, `slicer.mrmlScene`, `slicer.modules` and what belongs to them."""
    app = slicer.app = qSlicerApplication()
    app.setStyle("Fusion")
    app.setFont(QtGui.QFont("DejaVu Sans", 9))
    slicer.dicomDatabase = ctkDICOMDatabase(app)
    scene = slicer.mrmlScene = slicer.vtkMRMLScene()
    app._logic = _application_logic(scene, app.temporaryPath)
    make_modules(scene, app._logic)
    app._remote = _remote_io(scene, app._logic, app.temporaryPath)
    keep_items(scene)
    return app


def _application_logic(scene: Any, folder: str) -> Any:
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    scene.AddNode(slicer.vtkMRMLSelectionNode())
    scene.AddNode(slicer.vtkMRMLInteractionNode())
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.SetTemporaryPath(folder)
    logic.SetHomeDirectory(folder)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    scene.AddNode(_label_colours())
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    for factory in (
        "vtkMRMLThreeDViewDisplayableManagerFactory",
        "vtkMRMLSliceViewDisplayableManagerFactory",
    ):
        getattr(slicer, factory).GetInstance().SetMRMLApplicationLogic(logic)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return logic


def _label_colours() -> Any:
    """The table of colours that new label maps refer to; the wheel lacks the file of the application's."""
    table = slicer.vtkMRMLColorTableNode()
    table.SetTypeToRandom()
    table.SetSingletonTag("FileGenericColors.txt")
    table.SetHideFromEditors(True)
    table.SetSaveWithScene(False)
    return table


def _remote_io(scene: Any, application_logic: Any, folder: str) -> tuple[Any, Any]:
    """What a scene needs to read the files that its nodes name."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.GetCacheManager().SetRemoteCacheDirectory(folder)
    manager = slicer.vtkDataIOManagerLogic()
    manager.SetMRMLScene(scene)
    manager.SetMRMLApplicationLogic(application_logic)
    manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return remote, manager
