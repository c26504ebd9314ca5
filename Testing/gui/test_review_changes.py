"""Changing a stored case: boxes, masks, added findings; what is exported, saved with a scene, and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer_host
from RibFracDetectorLib.case.review_log import read_log

from .processes import Wait
from .reviewer import CORNER, Reviewer


def test_add_at_the_crosshair_and_delete(open_stored: Callable[..., Reviewer], errors: list[str]) -> None:
    reader = open_stored()
    reader.point_at((30, 28, 24))
    reader.press("M")
    assert reader.column(1)[-1] == "added"
    center = reader.session.grid.ras_to_index(reader.session.finding(5).box_ras.center)
    assert center == pytest.approx((30, 28, 24))
    assert reader.session.active == 5
    assert reader.ui.deleteButton.enabled
    reader.press("Delete")
    assert len(reader.column(0)) == 4
    reader.press("Backspace")
    assert len(reader.column(0)) == 5
    reader.ui.findingsTable.selectRow(0)
    assert not reader.ui.deleteButton.enabled, "the model's stay in the record"
    move_the_mouse_to_the_button(reader)
    reader.ui.addButton.click()
    center = reader.session.grid.ras_to_index(reader.session.finding(5).box_ras.center)
    assert center == pytest.approx((30, 28, 24)), "not where the mouse left the view"
    reader.point_at((3000, 28, 24))
    reader.press("M")
    assert "outside of the volume" in errors[0]


def move_the_mouse_to_the_button(reader: Reviewer) -> None:
    """It crosses other places of the view and leaves it."""
    import slicer.util

    crosshair = slicer.util.getNode("Crosshair")
    crosshair.SetCursorPositionRAS(reader.session.grid.index_to_ras((10, 10, 10)).tolist())
    crosshair.SetCursorPositionInvalid()


def test_a_typed_box_keeps_what_was_not_touched(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N")
    before = reader.session.finding(1).box_ras
    reader.ui.sizeYSpinBox.setFocus()
    reader.ui.sizeYSpinBox.setValue(12.0)
    slicer_host.press(reader.ui.sizeYSpinBox, "Return")
    after = reader.session.finding(1).box_ras
    assert after.center == pytest.approx(before.center, abs=1e-9)
    assert after.size == pytest.approx((before.size[0], 12.0, before.size[2]), abs=1e-9)
    assert reader.changes() == ["box_edited"]
    reader.window.setFocus()
    reader.press("Backspace")
    assert reader.session.finding(1).box_ras == before


def test_a_dragged_box_is_one_event(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N")
    node = reader.panel.review._case.scene.box_node(1)
    size = list(node.GetSize())
    node.SetSize(size[0] + 3, size[1], size[2])
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert reader.session.finding(1).box_ras.size[0] == pytest.approx(size[0] + 3)
    assert reader.changes() == ["box_edited"]
    assert reader.ui.sizeXSpinBox.value == pytest.approx(size[0] + 3, abs=0.06)


def test_the_segment_editor_is_made_on_first_use_and_leaving_it_is_one_event(
    open_stored: Callable[..., Reviewer],
) -> None:
    reader = open_stored()
    assert reader.panel.review._mask_editor._editor is None
    reader.press("N", "E")
    editor = reader.panel.review._mask_editor._editor
    assert reader.ui.maskEditorFrame.visible
    reader.draw(editor.currentSegmentID(), CORNER)
    before = reader.session.mask(1).count
    reader.press("K")
    assert reader.session.finding(1).status == "undecided", "the keys rest"
    assert editor_keys(editor)
    reader.press("E")
    assert not editor_keys(editor), "the Segment Editor's keys are given back"
    assert not reader.ui.maskEditorFrame.visible
    assert reader.session.mask(1).count == before + 64
    assert reader.changes() == ["mask_edited"]
    reader.press("Backspace")
    assert reader.session.mask(1).count == before


def editor_keys(editor: Any) -> list[Any]:
    """The keys that the Segment Editor listens to."""
    import qt

    return [key for key in editor.findChildren(qt.QShortcut) if key.enabled]


def test_a_second_reader_sees_nothing_before_the_own_reading(
    open_stored: Callable[..., Reviewer], panel: Any
) -> None:
    panel.ui.unaidedCheckBox.checked = True
    reader = open_stored()
    assert reader.ui.findingsTable.rowCount == 0
    assert "hidden until the first read" in reader.ui.caseLabel.text
    reader.point_at((30, 28, 24))
    reader.press("M")
    assert reader.column(1) == ["added"]
    reader.ui.recordReadButton.click()
    assert reader.ui.findingsTable.rowCount == 5
    assert not reader.ui.recordReadButton.visible


def test_export_and_banner_of_a_simulated_model(
    open_stored: Callable[..., Reviewer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from RibFracDetectorLib.gui import dialogs

    monkeypatch.setattr(dialogs, "choose_folder", lambda _title: tmp_path / "exported")
    reader = open_stored(training_data="simulated")
    assert "SIMULATED" in reader.ui.bannerLabel.text
    assert reader.ui.bannerLabel.visible
    reader.press("N", "K")
    reader.ui.exportButton.click()
    names = {path.name for path in (tmp_path / "exported").iterdir()}
    assert "case_review.csv" in names
    assert "case_report.txt" not in names
    reader.panel.review.close()
    assert "SIMULATED" not in reader.ui.bannerLabel.text


def test_a_saved_scene_restores_everything(
    open_stored: Callable[..., Reviewer], tmp_path: Path, wait: Wait
) -> None:
    import slicer
    import slicer.util

    reader = open_stored()
    reader.press("N", "K", "Alt+1", "D")
    reader.ui.thresholdSlider.value = 0.5
    reader.press("N")
    state, table = reader.session.state, [reader.column(number) for number in range(7)]
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert reader.session is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    wait(lambda: reader.session is not None)
    assert reader.session.state.findings == state.findings
    assert reader.session.threshold == 0.5
    assert [reader.column(number) for number in range(7)] == table


def test_a_scene_loaded_in_place_of_another_restores_it_too(
    open_stored: Callable[..., Reviewer], tmp_path: Path, wait: Wait
) -> None:
    """The application's Clear existing scene: closing and importing are one batch."""
    import slicer
    import slicer.util

    reader = open_stored()
    reader.press("N", "K")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"), True)
    wait(lambda: reader.session is not None)
    assert reader.session.finding(1).status == "accepted"
    wait(lambda: reader.ui.detectButton.enabled)


def test_without_the_package_that_reads_cases_it_is_asked_for_once(
    open_stored: Callable[..., Reviewer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer
    import slicer.util
    from RibFracDetectorLib.gui import dialogs, packages

    reader = open_stored()
    reader.press("N", "K")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    asked: list[str] = []
    monkeypatch.setattr(dialogs, "ask", lambda question: bool(asked.append(question)))
    present = packages.missing
    monkeypatch.setattr(packages, "missing", list)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    for _ in range(2):
        reader.panel.exit()
        reader.panel.enter()
    assert reader.session is None
    (question,) = asked
    assert "jsonschema" in question
    monkeypatch.setattr(packages, "missing", present)
    reader.panel.exit()
    reader.panel.enter()
    assert reader.session.finding(1).status == "accepted"


def test_removing_the_volume_closes_the_case_and_loses_nothing(
    open_stored: Callable[..., Reviewer], errors: list[str]
) -> None:
    import slicer

    reader = open_stored()
    reader.press("N", "K")
    slicer.mrmlScene.RemoveNode(reader.node)
    assert reader.session is None
    assert "Nothing is lost" in errors[0]
    events = read_log(reader.stored.files.review_log)
    assert [event.kind for event in events][-1] == "decided"
