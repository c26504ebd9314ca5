"""The module RibFracDetector: a thin door between the application and RibFracDetectorLib.

The library is imported when the panel is opened, not when the application starts, and neither torch nor MONAI
is ever loaded in the application's process: the engine runs in a process of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

LIBRARY = "RibFracDetectorLib"
NEEDED_PYTHON = (3, 10)
STATUSES = ["accepted", "rejected", "accepted"]  # that the self-test gives its three findings


class RibFracDetector(ScriptedLoadableModule):
    """What the application shows of the module."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = _("RibFrac Detector")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Volumes", "Segmentations", "Markups", "Tables"]
        parent.contributors = ["The RibFrac contributors"]
        parent.helpText = _(
            "Finds rib fractures in chest CT and presents them for review: choose a CT and a model, click "
            "Detect, then accept or reject each finding, correct it, add what was missed, and export. "
            "For research use only; not a medical device."
        )
        parent.acknowledgementText = _(
            "Re-implements the method of the system mmdet4med, and is evaluated as the RibFrac challenge is "
            "(ribfrac.grand-challenge.org). The networks run on PyTorch and MONAI."
        )
        slicer.app.connect("startupCompleted()", register_sample_data)


def register_sample_data() -> None:
    """Offer what lies in Resources/SampleData in the module Sample Data; nothing if there is nothing."""
    from RibFracDetectorLib.gui.sample_data import register

    register()


def too_old_label() -> qt.QLabel:
    """What stands in place of the panel where the library cannot even be imported."""
    text = _(
        "RibFrac needs Python {needed} or newer, and this application has {found}: please use a newer "
        "version of the application, 5.10 or later."
    )
    needed, found = (".".join(map(str, version[:2])) for version in (NEEDED_PYTHON, sys.version_info))
    label = qt.QLabel(text.format(needed=needed, found=found))
    label.wordWrap = True
    return label


class RibFracDetectorWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Brings the panel up and tells it what happens in the application."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.panel = None
        self.sceneChanged = False  # while a batch keeps us from looking at it

    def setup(self) -> None:
        """Make the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        if sys.version_info < NEEDED_PYTHON:
            self.layout.addWidget(too_old_label())
            return
        from RibFracDetectorLib.gui.panel import Panel

        widget = slicer.util.loadUI(self.resourcePath("UI/RibFracDetector.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = RibFracDetectorLogic()
        self.panel = Panel(widget, self.logic.getParameterNode)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        for event in (scene.EndCloseEvent, scene.EndImportEvent, scene.EndRestoreEvent):
            self.addObserver(scene, event, self.onSceneReady)
        self.addObserver(scene, scene.EndBatchProcessEvent, self.onBatchEnd)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self.onNodeRemoved)

    def enter(self) -> None:
        """The user opens the module."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """The user leaves the module."""
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self) -> None:
        """The module is unloaded or the application ends."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def onReload(self) -> None:
        """Reload the library as well, which the application by itself would keep."""
        for name in [name for name in sys.modules if name.partition(".")[0] == LIBRARY]:
            del sys.modules[name]
        super().onReload()

    def onSceneStartClose(self, _caller: Any, _event: str) -> None:
        """Let go of the scene's nodes."""
        self.panel.scene_closes()

    def onSceneReady(self, _caller: Any, _event: str) -> None:
        """Another scene is there, or will be when the batch that this is a part of is over."""
        if slicer.mrmlScene.IsBatchProcessing():
            self.sceneChanged = True
        else:
            self.panel.scene_is_ready()

    def onBatchEnd(self, _caller: Any, _event: str) -> None:
        """Clearing and loading in one go, for example, is over."""
        if self.sceneChanged:
            self.sceneChanged = False
            self.panel.scene_is_ready()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, _caller: Any, _event: str, node: Any) -> None:
        """A node came into the scene."""
        self.panel.node_added(node)

    def onNodeRemoved(self, _caller: Any, _event: str) -> None:
        """A node was taken out of the scene."""
        if not slicer.mrmlScene.IsClosing():
            self.panel.node_removed()


class RibFracDetectorLogic(ScriptedLoadableModuleLogic):
    """For scripts; what the panel shows is made by the library."""

    def getParameterNode(self) -> Any:
        """The parameters in the scene, see `RibFracDetectorLib.gui.parameters`."""
        from RibFracDetectorLib.gui.parameters import DetectorParameters

        return DetectorParameters(super().getParameterNode())

    def openCase(self, findingsFile: str, ctNode: Any, reader: str) -> tuple[Any, Any]:
        """Show a stored case on a CT of the scene.

        Args:
            findingsFile: `{case}_findings.json`.
            ctNode: the volume that it belongs to.
            reader: who reviews.

        Returns:
            the review session, which has to be closed in the end, and its appearance in the scene.

        Raises:
            RibFracDetectorLib.case.errors.InputError: the file is no case, or of another CT.
        """
        from RibFracDetectorLib.gui.open_case import case_files_of, show_case

        return show_case(case_files_of(Path(findingsFile)), ctNode, reader)


class RibFracDetectorTest(ScriptedLoadableModuleTest):
    """What Reload & Test runs, in the application too: no network and no weights are needed."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run every test."""
        self.setUp()
        self.test_case_is_reviewed_saved_and_restored()

    def test_case_is_reviewed_saved_and_restored(self) -> None:
        """What a reader decided comes back from the case's files and from a saved scene."""
        from RibFracDetectorLib.case.findings_file import read_findings
        from RibFracDetectorLib.case.review_replay import replay
        from RibFracDetectorLib.scene.small_case import small_volume, store_small_case
        from RibFracDetectorLib.scene.stored import stored_cases

        with tempfile.TemporaryDirectory() as folder:
            self.delayDisplay(_("Reviewing a small case"))
            node = small_volume(slicer.mrmlScene)
            files = store_small_case(Path(folder) / "cases", node)
            session, shown = RibFracDetectorLogic().openCase(str(files.findings), node, "self-test")
            session.activate(1)
            session.decide(1, "accepted")
            session.decide(2, "rejected")
            session.decide(2, "unsure")
            session.undo()
            added = session.add_at((20.0, 20.0, 20.0))
            box, found = shown.box_node(1), session.finding(1).box_ras
            self.assertIsNotNone(box)
            for length, expected in zip(box.GetSize(), found.size, strict=True):
                self.assertAlmostEqual(length, expected, delta=0.01)
            self.assertEqual(shown.nodes.segmentation.GetSegmentation().GetNumberOfSegments(), 3)
            expected = session.state.findings
            session.close()

            self.delayDisplay(_("Saving the scene and loading it again"))
            scene = str(Path(folder) / "scene.mrb")
            self.assertTrue(slicer.util.saveScene(scene))
            slicer.mrmlScene.Clear()
            slicer.util.loadScene(scene)
            (stored,) = stored_cases(slicer.mrmlScene)
            restored = replay(read_findings(files.findings).findings, stored.events).findings
            self.assertEqual(restored, expected)
            self.assertEqual([restored[number].status for number in (1, 2, added)], STATUSES)
            slicer.mrmlScene.Clear()
        self.delayDisplay(_("Test passed"))
