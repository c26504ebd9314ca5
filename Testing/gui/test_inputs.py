"""The choices before Detect: what is preselected, what is refused and why, what the engine is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .processes import Wait
from .reviewer import Reviewer


def looked_at(panel: Any) -> bool:
    """Whether the pre-flight has looked at the volume."""
    return "Looking at the volume" not in panel.ui.detectButton.toolTip


def test_nothing_to_detect_in(panel: Any) -> None:
    assert not panel.ui.detectButton.enabled
    assert panel.ui.detectButton.toolTip == "Choose a CT volume."
    assert "Load a CT" in panel.ui.preflightLabel.text


def test_the_volume_in_the_views_is_preselected(ct_node: Any, panel: Any, wait: Wait) -> None:
    import slicer
    import slicer.util

    wait(lambda: panel.ui.detectButton.enabled)
    assert panel.ui.ctSelector.currentNodeID == ct_node.GetID()
    assert "64 × 56 × 48 voxels of 2.00 × 2.00 × 2.00 mm" in panel.ui.preflightLabel.text
    other = slicer.util.addVolumeFromArray(np.zeros((40, 40, 40), np.int16), np.diag([-2.0, -2, 2, 1]))
    slicer.mrmlScene.RemoveNode(
        slicer.util.getModuleWidget("RibFracDetector").logic.getParameterNode().parameterNode
    )
    slicer.app.applicationLogic().GetSelectionNode().SetActiveVolumeID(other.GetID())
    slicer.util.selectModule("")
    slicer.util.selectModule("RibFracDetector")
    assert panel.ui.ctSelector.currentNodeID == other.GetID()


def test_the_first_volume_is_chosen_while_the_panel_is_open(panel: Any, wait: Wait) -> None:
    import slicer
    import slicer.util

    ui, voxels = panel.ui, np.zeros((40, 40, 40), np.int16)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    first = slicer.util.addVolumeFromArray(voxels, np.diag([-2.0, -2, 2, 1]))
    wait(lambda: ui.ctSelector.currentNode() is not None)
    assert ui.ctSelector.currentNodeID == first.GetID()
    wait(lambda: "40 × 40 × 40 voxels" in ui.preflightLabel.text)
    slicer.util.addVolumeFromArray(voxels, name="second")
    settle()
    assert ui.ctSelector.currentNodeID == first.GetID(), "a choice is kept"
    ui.ctSelector.setCurrentNode(None)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    settle()
    assert ui.ctSelector.currentNode() is None, "so is that of none, until another volume comes"
    slicer.mrmlScene.Clear()
    settle()
    assert ui.ctSelector.currentNode() is None
    again = slicer.util.addVolumeFromArray(voxels)
    wait(lambda: ui.ctSelector.currentNodeID == again.GetID())
    slicer.util.selectModule("")


def test_no_volume_is_chosen_beside_an_open_case(open_stored: Callable[..., Reviewer]) -> None:
    import slicer.util

    reader = open_stored()
    settle()
    reader.ui.ctSelector.setCurrentNode(None)
    slicer.util.addVolumeFromArray(np.zeros((40, 40, 40), np.int16))
    settle()
    assert reader.ui.ctSelector.currentNode() is None
    assert reader.session is not None


def settle() -> None:
    """Run what is to be done when the event loop has time."""
    import slicer

    for _ in range(5):
        slicer.app.processEvents()


def test_the_device_is_asked_of_the_engines_python(panel: Any, wait: Wait) -> None:
    wait(
        lambda: "cpu" in panel.ui.deviceComboBox.itemText(1) and "Device: cpu" in preflight_with_volume(panel)
    )


def preflight_with_volume(panel: Any) -> str:
    """The pre-flight, with some volume chosen."""
    import slicer.util

    if panel.ui.ctSelector.currentNode() is None:
        node = slicer.util.addVolumeFromArray(np.zeros((40, 40, 40), np.int16), np.diag([-2.0, -2, 2, 1]))
        panel.ui.ctSelector.setCurrentNode(node)
    return panel.ui.preflightLabel.text


REFUSED = {
    "no HU": (np.full((40, 40, 40), 500, np.int16) + np.arange(40, dtype=np.int16), 2.0, "Hounsfield"),
    "too small": (np.zeros((8, 40, 40), np.int16), 2.0, "at least 32 voxels"),
    "metres": (np.zeros((40, 40, 40), np.int16), 0.002, "spacing"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_chest_ct_is_refused(panel: Any, wait: Wait, fault: str) -> None:
    import slicer.util

    voxels, step, told = REFUSED[fault]
    node = slicer.util.addVolumeFromArray(voxels, np.diag([-step, -step, step, 1.0]))
    panel.ui.ctSelector.setCurrentNode(node)
    wait(lambda: looked_at(panel))
    assert not panel.ui.detectButton.enabled
    assert told in panel.ui.detectButton.toolTip
    assert told in panel.ui.preflightLabel.text


def test_a_warped_volume_is_refused_with_the_remedy(panel: Any, ct_node: Any, wait: Wait) -> None:
    import slicer

    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Acquisition transform")
    ct_node.SetAndObserveTransformNodeID(warp.GetID())
    panel.ui.ctSelector.setCurrentNode(ct_node)
    wait(lambda: looked_at(panel))
    assert "Acquisition transform" in panel.ui.detectButton.toolTip
    assert "resample" in panel.ui.detectButton.toolTip


def test_models_of_the_catalogue_and_a_file(panel: Any, ct_node: Any, wait: Wait, tmp_path: Path) -> None:
    ui = panel.ui
    assert ui.modelComboBox.currentText == "Tiny model of the tests"
    assert not ui.modelPathEdit.isVisibleTo(ui.inputsCollapsibleButton)
    assert "UNTRAINED" in ui.bannerLabel.text
    ui.ctSelector.setCurrentNode(ct_node)
    ui.modelComboBox.setCurrentIndex(ui.modelComboBox.count - 1)
    assert ui.modelPathEdit.isVisibleTo(ui.inputsCollapsibleButton)
    wait(lambda: looked_at(panel))
    assert "Choose a model" in ui.detectButton.toolTip
    ui.modelPathEdit.currentPath = str(tmp_path / "gone.pth")
    assert "gone.pth" in ui.detectButton.toolTip
    (tmp_path / "mine.pth").write_bytes(b"weights")
    ui.modelPathEdit.currentPath = str(tmp_path / "mine.pth")
    assert ui.detectButton.enabled
    assert not ui.bannerLabel.visible
    assert panel.detect._options().weights == str(tmp_path / "mine.pth")


def test_the_engine_is_told_what_was_chosen(panel: Any, settings: Any) -> None:
    from RibFracDetectorLib.gui.engine_command import detect_arguments

    ui = panel.ui
    assert panel.detect._options().settings == ()
    ui.useModelSettingsCheckBox.setChecked(False)
    ui.scoreThresholdSlider.setValue(0.35)
    ui.flipsCheckBox.setChecked(True)
    ui.originalModeCheckBox.setChecked(True)
    ui.exhaustiveCheckBox.setChecked(True)
    ui.engineComboBox.setCurrentIndex(1)
    ui.deviceComboBox.setCurrentIndex(1)
    arguments = detect_arguments(Path("ct.nrrd"), "case", panel.detect._options())
    assert {"score_thr=0.35", "exhaustive=true"} <= set(arguments)
    assert 'flips=["diagonal", "headfeet", "all3axis"]' in arguments
    assert arguments[arguments.index("--mode") + 1] == "original"
    assert arguments[arguments.index("--engine") + 1] == "torch"
    assert arguments[arguments.index("--device") + 1] == "cpu"
    assert {"--lifeline", "--temporary-input"} <= set(arguments)
    assert settings.value("RibFrac/device") == "cpu"
    ui.useModelSettingsCheckBox.setChecked(True)
    assert not any(argument.startswith("score_thr") for argument in panel.detect._options().settings)


DEMONSTRATION = "ribfrac-s-simulated"
PUBLISHED_FLIPS = 'flips=["diagonal", "headfeet", "all3axis"]'


def choose(panel: Any, model: str) -> None:
    """Choose a model of the catalogue."""
    panel.ui.modelComboBox.setCurrentIndex(panel.ui.modelComboBox.findData(model))


def told(panel: Any) -> set[str]:
    """The settings that the engine is told."""
    return set(panel.detect._options().settings)


def test_changing_settings_begins_with_those_of_the_model(panel: Any, tmp_path: Path) -> None:
    ui = panel.ui
    choose(panel, DEMONSTRATION)
    ui.useModelSettingsCheckBox.setChecked(False)
    assert not ui.useModelSettingsCheckBox.checked
    assert told(panel) == {"score_thr=0.2", "cutoff=0.3", "overlap=0.25"}, "its one flip stays its own"
    assert (ui.cutoffSlider.value, ui.overlapSlider.value) == (0.3, 0.25)
    choose(panel, "tiny")
    assert told(panel) == {"score_thr=0.2", "cutoff=0.5", "overlap=0"}
    ui.modelComboBox.setCurrentIndex(ui.modelComboBox.count - 1)
    ui.modelPathEdit.currentPath = str(tmp_path / "mine.pth")
    assert told(panel) == {"score_thr=0.2", "cutoff=0.5", "overlap=0.4"}


def test_the_defaults_are_those_of_the_procedure(app: Any) -> None:  # noqa: ARG001
    from RibFracDetectorLib.engine.settings import InferenceSettings
    from RibFracDetectorLib.gui.model_settings import ALL_FLIPS, KEYS
    from RibFracDetectorLib.gui.parameters import DEFAULTS

    published = InferenceSettings(flips=ALL_FLIPS)
    assert {name: getattr(published, key) for name, key in KEYS.items()} == {
        name: DEFAULTS[name] for name in KEYS
    }


def test_changed_settings_stay_with_their_model_until_its_own_are_wanted(panel: Any) -> None:
    import slicer.util

    ui = panel.ui
    choose(panel, DEMONSTRATION)
    ui.useModelSettingsCheckBox.setChecked(False)
    ui.cutoffSlider.setValue(0.61)
    ui.flipsCheckBox.setChecked(True)
    changed = told(panel)
    assert {"cutoff=0.61", PUBLISHED_FLIPS} <= changed
    choose(panel, "tiny")
    assert not ui.flipsCheckBox.checked
    slicer.util.selectModule("")
    slicer.util.selectModule("RibFracDetector")
    choose(panel, DEMONSTRATION)
    assert told(panel) == changed
    for wanted in (True, False):
        ui.useModelSettingsCheckBox.setChecked(wanted)
    assert told(panel) == {"score_thr=0.2", "cutoff=0.3", "overlap=0.25"}
    choose(panel, "tiny")
    ui.useModelSettingsCheckBox.setChecked(True)
    assert told(panel) == set()


def test_choices_are_saved_with_the_scene(panel: Any, ct_node: Any, tmp_path: Path) -> None:
    import slicer
    import slicer.util

    panel.ui.ctSelector.setCurrentNode(ct_node)
    panel.ui.useModelSettingsCheckBox.setChecked(False)
    panel.ui.cutoffSlider.setValue(0.61)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert panel.ui.ctSelector.currentNode() is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert panel.ui.ctSelector.currentNode().GetName() == "chest"
    assert panel.ui.cutoffSlider.value == pytest.approx(0.61)
    assert not panel.ui.useModelSettingsCheckBox.checked


ESTIMATED = "judging by the last run"


def test_the_time_is_that_of_the_same_choices(ready: Any, settings: Any) -> None:
    from RibFracDetectorLib.gui.pace import remember_pace

    ui = ready.ui
    remember_pace(ready.detect._options(), 100.0)
    ui.originalModeCheckBox.setChecked(True)
    assert ESTIMATED not in ui.preflightLabel.text
    ui.originalModeCheckBox.setChecked(False)
    assert "Time: about 17 s, " + ESTIMATED in ui.preflightLabel.text
    for box in (ui.exhaustiveCheckBox, ui.originalModeCheckBox):
        box.setChecked(True)
        assert ESTIMATED not in ui.preflightLabel.text, box.text
        box.setChecked(False)
    settings.setValue("RibFrac/enginePython", "/another/python")
    ui.useModelSettingsCheckBox.setChecked(False)
    remember_pace(ready.detect._options(), 200.0)
    ui.cutoffSlider.setValue(0.7)
    assert "Time: about 34 s, " + ESTIMATED in ui.preflightLabel.text, "a cutoff takes no time"
    ui.flipsCheckBox.setChecked(True)
    assert ESTIMATED not in ui.preflightLabel.text
    ui.flipsCheckBox.setChecked(False)
    ui.overlapSlider.setValue(0.5)
    assert ESTIMATED not in ui.preflightLabel.text
    ui.overlapSlider.setValue(0.0)
    assert ESTIMATED in ui.preflightLabel.text
    ui.precisionComboBox.setCurrentIndex(2)
    assert ESTIMATED not in ui.preflightLabel.text


def test_left_copies_of_killed_applications_are_swept(panel: Any, tmp_path: Path) -> None:
    import subprocess
    import sys

    from RibFracDetectorLib.case.processes import this_host
    from RibFracDetectorLib.gui.panel import Panel

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"ribfrac-ct-{this_host()}-{ended.pid}-x"
    left.mkdir()
    import slicer.util

    Panel(
        slicer.util.loadUI(
            slicer.util.getModuleWidget("RibFracDetector").resourcePath("UI/RibFracDetector.ui")
        ),
        panel._get_parameters,
    ).cleanup()
    assert not left.exists()
