"""A scripted module is loaded, shown, driven, left and reloaded as in the application."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qt
import slicer
import slicer.util
import slicer_host
from ribfrac_testing.reference import REPOSITORY
from slicer_host.application.scripted_modules import load_module

MODULE = Path(__file__).parent / "demo_module" / "HostDemo.py"
pytestmark = pytest.mark.usefixtures("scene", "settings", "no_slot_errors")


@pytest.fixture
def panel(show_module: Callable[[Path], Any]) -> Any:
    """The demo module's panel."""
    return show_module(MODULE)


@pytest.fixture
def volume() -> Any:
    """A volume with 64 voxels of 1000 and none else above 0."""
    voxels = np.zeros((10, 12, 14), np.int16)
    voxels[2:6, 3:7, 4:8] = 1000
    return slicer.util.addVolumeFromArray(voxels)


def test_the_module_describes_itself(panel: Any) -> None:
    module = slicer.modules.hostdemo
    assert (module.title, module.categories, module.path) == ("Host demo", ["Testing"], str(MODULE))
    assert slicer.util.modulePath("HostDemo") == str(MODULE)
    assert "HostDemo" in slicer.util.moduleNames()
    assert slicer.util.getModuleLogic("HostDemo") is panel.logic


def test_a_click_does_what_the_panel_says(panel: Any, volume: Any) -> None:
    assert not panel.ui.countButton.enabled
    panel.ui.inputSelector.setCurrentNode(volume)
    assert panel.ui.countButton.enabled
    panel.ui.countButton.click()
    assert panel.ui.countLabel.text == "64"
    assert panel.ui.countTable.model().item(0, 0).text() == "64"


def test_parameters_and_widgets_follow_each_other(panel: Any, volume: Any) -> None:
    panel.ui.thresholdSlider.value = 1200
    panel.ui.labelEdit.text = "rib"
    panel.ui.inputSelector.setCurrentNode(volume)
    parameters = panel.parameters
    assert (parameters.threshold, parameters.label, parameters.inputVolume) == (1200.0, "rib", volume)
    parameters.threshold = 250
    parameters.invert = True
    assert (panel.ui.thresholdSlider.value, panel.ui.invertBox.checked) == (250.0, True)
    slicer.mrmlScene.RemoveNode(volume)
    assert parameters.inputVolume is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("threshold", 5000.0, ValueError),
        ("threshold", "300", TypeError),
        ("invert", 1, TypeError),
        ("inputVolume", slicer.vtkMRMLTextNode(), TypeError),
        ("treshold", 300.0, AttributeError),
    ],
)
def test_parameters_refuse_what_they_cannot_keep(panel: Any, name: str, value: Any, error: type) -> None:
    with pytest.raises(error):
        setattr(panel.parameters, name, value)


def test_keys_reach_shortcuts_while_the_module_is_shown(panel: Any, volume: Any) -> None:
    window = slicer_host.main_window()
    panel.ui.inputSelector.setCurrentNode(volume)
    slicer_host.press(window, "C")
    assert panel.ui.countLabel.text == "64"
    panel.ui.countLabel.text = ""
    slicer.util.selectModule("")
    slicer_host.press(window, "C")
    assert panel.ui.countLabel.text == ""


def test_keys_go_into_a_text_field_that_has_the_focus(panel: Any, volume: Any) -> None:
    slicer_host.main_window()
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.labelEdit.text = ""
    panel.ui.labelEdit.setFocus()
    slicer_host.press(panel.ui.labelEdit, "C")
    assert (panel.ui.labelEdit.text, panel.ui.countLabel.text) == ("c", "")


def test_a_closed_section_hides_its_contents(panel: Any) -> None:
    slicer_host.main_window()
    panel.ui.inputs.collapsed = True
    assert not panel.ui.labelEdit.visible
    panel.ui.inputs.checked = True
    assert panel.ui.labelEdit.visible


def test_leaving_and_coming_back(panel: Any) -> None:
    slicer.util.selectModule("Data")
    slicer.util.selectModule("HostDemo")
    assert panel.entered == ["enter", "exit", "enter"]
    assert slicer.util.getModuleWidget("HostDemo") is panel


def test_reload_makes_the_panel_anew(panel: Any) -> None:
    panel.onReload()
    renewed = slicer.modules.HostDemoWidget
    assert renewed is not panel
    assert type(renewed) is not type(panel)
    assert renewed.entered == ["enter"]
    assert panel.Observations == []


def test_developers_get_the_reload_section(settings: Any, show_module: Any) -> None:
    settings.setValue("Developer/DeveloperMode", True)
    panel = show_module(MODULE)
    panel.reloadAndTestButton.click()
    import HostDemo

    assert HostDemo.HostDemoTest.ran == ["test_logic"]


def test_scene_and_parameters_survive_a_file(panel: Any, volume: Any, tmp_path: Path) -> None:
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.thresholdSlider.value = 444
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert not panel.ui.countButton.enabled
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    node = panel.logic.getParameterNode()
    assert float(node.GetParameter("threshold")) == 444
    assert slicer.util.arrayFromVolume(node.GetNodeReference("inputVolume")).sum() == 64_000


def test_settings_are_those_of_the_host(settings: Any, app: Any) -> None:
    settings.setValue("RibFrac/reader", "A")
    assert qt.QSettings().value("RibFrac/reader") == "A"
    assert settings.fileName().startswith(app.temporaryPath)


def test_exit_is_recorded() -> None:
    slicer.util.exit(3)
    assert slicer_host.exit_code() == 3


def test_modules_hear_that_the_application_is_up(app: Any) -> None:
    heard = []

    def hear() -> None:
        heard.append(True)

    app.connect("startupCompleted()", hear)
    slicer_host.complete_startup()
    app.disconnect("startupCompleted()", hear)
    slicer_host.complete_startup()
    assert heard == [True]


def test_the_training_module_is_loaded() -> None:
    load_module(REPOSITORY / "RibFracTraining" / "RibFracTraining.py")
    assert (slicer.modules.ribfractraining.title, slicer.modules.ribfractraining.hidden) == (
        "RibFrac Training",
        True,
    )
