"""A small scripted module in the application's usual style, for the tests of the test host."""

from __future__ import annotations

from typing import Annotated

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


@parameterNodeWrapper
class HostDemoParameters:
    """What the panel shows and the scene keeps."""

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(-100, 2000)] = 300.0
    label: str = "bone"
    invert: bool = False


class HostDemo(ScriptedLoadableModule):
    """Describes the module."""

    def __init__(self, parent: object) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Host demo")
        parent.categories = ["Testing"]
        parent.contributors = ["The RibFrac contributors"]


class HostDemoWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent: object = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.entered: list[str] = []
        self.shortcut = None

    def setup(self) -> None:
        """Build the panel from its `.ui` file."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/HostDemo.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = HostDemoLogic()
        self.ui.countButton.connect("clicked(bool)", self.onCount)
        self.ui.inputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onInput)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.untie)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.tie)
        self.tie()
        self.onInput()

    def cleanup(self) -> None:
        """Let go of the scene, the widgets and the key."""
        self.releaseKey()
        self.removeObservers()
        self.untie()

    def tie(self, *event: object) -> None:
        """Show the parameters of the scene as it is now."""
        self.parameters = HostDemoParameters(self.logic.getParameterNode())
        named = {widget.property("SlicerParameterName"): widget for widget in vars(self.ui).values()}
        del named[None]
        self.tied = self.parameters.connectParametersToGui(named)

    def untie(self, *event: object) -> None:
        """Closing the scene empties the parameters: show them no longer."""
        self.parameters.disconnectGui(self.tied)

    def enter(self) -> None:
        """Take a key."""
        self.entered.append("enter")
        self.shortcut = qt.QShortcut(qt.QKeySequence("C"), slicer.util.mainWindow())
        self.shortcut.connect("activated()", self.onCount)

    def exit(self) -> None:
        """Give it back."""
        self.entered.append("exit")
        self.releaseKey()

    def releaseKey(self) -> None:
        """Leave no key behind, whether the module is left, reloaded or removed."""
        if self.shortcut is not None:
            self.shortcut.setParent(None)
            self.shortcut.deleteLater()
            self.shortcut = None

    def onInput(self, node: object = None) -> None:
        """A button that cannot work says so."""
        self.ui.countButton.enabled = self.ui.inputSelector.currentNode() is not None

    def onCount(self) -> None:
        """Count voxels and show the count in a table."""
        count = self.logic.count(self.parameters.inputVolume, self.parameters.threshold)
        self.ui.countLabel.text = count
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Counts")
        column = vtk.vtkIntArray()
        column.SetName("voxels")
        column.InsertNextValue(count)
        table.AddColumn(column)
        self.ui.countTable.setMRMLTableNode(table)


class HostDemoLogic(ScriptedLoadableModuleLogic):
    """Counts voxels."""

    def count(self, volume: object, threshold: float) -> int:
        """How many voxels of a volume lie above a threshold."""
        return int((slicer.util.arrayFromVolume(volume) > threshold).sum())


class HostDemoTest(ScriptedLoadableModuleTest):
    """The module's own test."""

    ran: list[str] = []

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def test_logic(self) -> None:
        """The logic can be made."""
        self.ran.append("test_logic")
        self.delayDisplay("done")
