"""Reviewing a stored case: by keys and clicks, in the table, the views and the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host
from ribfrac_testing.review_cases import FEW, StoredCase, many, store_case
from RibFracDetectorLib.case.review_log import read_log

Wait = Callable[[Callable[[], object]], None]


class Reviewer:
    """A reader at work on a stored case."""

    def __init__(self, panel: Any, stored: StoredCase, node: Any) -> None:
        self.panel, self.stored, self.node = panel, stored, node
        self.ui = panel.ui
        self.window = slicer_host.main_window()
        self.window.setFocus()
        panel.review.open(stored.files, node)
        self.ui.thresholdSlider.value = 0.0

    @property
    def session(self) -> Any:
        """The open review."""
        return self.panel.review.session

    def press(self, *keys: str) -> None:
        """Press keys in the main window."""
        for key in keys:
            slicer_host.press(self.window, key)

    def column(self, number: int) -> list[str]:
        """What a column of the table says."""
        table = self.ui.findingsTable
        return [table.item(row, number).text() for row in range(table.rowCount)]

    def changes(self) -> list[str]:
        """The kinds of events about findings, as the log has them."""
        return [event.kind for event in self.session.events if "finding" in event.payload]

    def point_at(self, voxel: tuple[float, float, float]) -> None:
        """Put the crosshair on a voxel."""
        import slicer.util

        place = self.session.grid.index_to_ras(voxel).tolist()
        slicer.util.getNode("Crosshair").SetCursorPositionRAS(place)

    def selected(self) -> int:
        """The selected row."""
        (row,) = {item.row() for item in self.ui.findingsTable.selectedItems()}
        return row


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user is told in dialogs, which nobody has to close."""
    from RibFracDetectorLib.gui import dialogs

    told: list[str] = []
    monkeypatch.setattr(dialogs, "tell_error", told.append)
    return told


@pytest.fixture
def open_stored(panel: Any, tmp_path: Path, errors: list[str]) -> Callable[..., Reviewer]:  # noqa: ARG001
    """Opens a case made of findings of a test's choice."""
    import slicer.util

    def show(findings: Any = FEW, **options: Any) -> Reviewer:
        stored = store_case(tmp_path / "stored", findings, **options)
        return Reviewer(panel, stored, slicer.util.loadVolume(str(tmp_path / "stored" / "case.nii.gz")))

    return show


def test_keys_decide_and_move_on(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    assert reader.column(1) == ["0.90", "0.70", "0.55", "0.25"]
    assert all("undecided" in text for text in reader.column(0))
    reader.press("N")
    assert reader.selected() == 0
    reader.press("K", "D", "U")
    assert [text.split()[-1] for text in reader.column(0)] == ["accepted", "rejected", "unsure", "undecided"]
    assert reader.selected() == 3
    assert "3 of 4 reviewed" in reader.ui.caseLabel.text
    reader.press("P", "P", "Backspace")
    assert reader.column(0)[2].endswith("undecided")
    assert reader.selected() == 2, "undo turns to what it changed"
    reader.press("Shift+Backspace", "J")
    assert reader.column(0)[2].endswith("unsure")
    assert reader.selected() == 3
    reader.press("Alt+2", "K", "Ctrl+Return")
    assert reader.column(4)[3] == "non-displaced"
    assert reader.session.state.complete
    assert not reader.ui.acceptButton.enabled
    assert reader.ui.completeButton.text == "Reopen case"
    keys = sum(event.payload.get("keys", 0) for event in read_log(reader.stored.files.review_log))
    assert keys == 12


def test_every_key_is_free_and_does_its_action(panel: Any) -> None:
    """Neither twice, nor one of the Segment Editor's or the slice views'."""
    from RibFracDetectorLib.gui.shortcuts import review_keys
    from slicer_host.widgets.mrml_segment_editor import SHORTCUTS

    keys = [key.sequence.lower() for key in review_keys()]
    assert len(set(keys)) == len(keys)
    documented = "q w z y i esc space left right x a return enter + - r v g t b f"
    digits = [f"{prefix}{digit}" for digit in "1234567890" for prefix in ("", "shift+")]
    assert not set(keys) & {*documented.split(), *digits, *(key.lower() for key in SHORTCUTS)}
    actions = panel.review._actions.by_name
    assert {key.action for key in review_keys()} <= actions.keys()


def test_keys_rest_while_text_is_typed_and_when_the_module_is_left(
    open_stored: Callable[..., Reviewer],
) -> None:
    import slicer.util

    reader = open_stored()
    reader.press("N", "C")
    assert reader.ui.commentEdit.hasFocus()
    for key in ("K", "D", "U"):
        slicer_host.press(reader.ui.commentEdit, key)
    assert reader.ui.commentEdit.text.lower() == "kdu"
    slicer_host.press(reader.ui.commentEdit, "Backspace")
    slicer_host.press(reader.ui.commentEdit, "Return")
    assert reader.session.finding(1).comment.lower() == "kd"
    assert reader.session.finding(1).status == "undecided"
    reader.window.setFocus()
    reader.press("K")
    assert reader.session.finding(1).status == "accepted"
    before = reader.session.state.sequence
    slicer.util.selectModule("")
    reader.press("N", "K", "D")
    assert reader.session.state.sequence == before
    slicer.util.selectModule("RibFracDetector")
    reader.window.setFocus()
    reader.press("D")
    assert reader.session.state.sequence == before + 1


def test_a_click_jumps_all_slice_views(open_stored: Callable[..., Reviewer]) -> None:
    import slicer
    import slicer.util

    slicer.app.layoutManager()
    reader = open_stored()
    reader.ui.findingsTable.selectRow(2)
    assert reader.session.active == 3
    wanted = reader.session.finding(3).box_ras.center
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    assert len(nodes) >= 3
    for node in nodes:
        matrix = node.GetSliceToRAS()
        offset = np.array([matrix.GetElement(row, 3) - wanted[row] for row in range(3)])
        normal = np.array([matrix.GetElement(row, 2) for row in range(3)])
        assert abs(offset @ normal) < 0.01
        assert min(node.GetFieldOfView()[:2]) == pytest.approx(60)
    assert reader.node.GetDisplayNode().GetWindow() > 1000
    slicer.util.selectModule("")
    assert min(nodes[0].GetFieldOfView()[:2]) != pytest.approx(60)


def test_the_threshold_filters_and_keeps_what_is_decided(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.ui.findingsTable.selectRow(3)
    reader.press("D")
    reader.ui.thresholdSlider.value = 0.6
    assert reader.column(1) == ["0.90", "0.70", "0.25"]
    assert "1 hidden below threshold" in reader.ui.hiddenLabel.text
    reader.ui.thresholdSlider.value = 1.0
    assert reader.column(1) == ["0.25"]
    assert "3 hidden below threshold" in reader.ui.hiddenLabel.text


def test_without_findings_nothing_is_excluded_and_the_case_can_be_completed(
    open_stored: Callable[..., Reviewer],
) -> None:
    reader = open_stored([])
    assert "does not exclude a fracture" in reader.ui.hiddenLabel.text
    assert reader.ui.findingsTable.rowCount == 0
    reader.press("Ctrl+Return")
    assert reader.session.state.complete


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
    reader.point_at((3000, 28, 24))
    reader.press("M")
    assert "outside of the volume" in errors[0]


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
    import slicer.util

    reader = open_stored()
    assert reader.panel.review._mask_editor._editor is None
    reader.press("N", "E")
    editor = reader.panel.review._mask_editor._editor
    assert reader.ui.maskEditorFrame.visible
    segmentation = reader.panel.review._case.scene.nodes.segmentation
    segment = editor.currentSegmentID()
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, reader.node)
    voxels[40:44, 5:9, 5:9] = voxels.max()
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, segmentation, segment, reader.node)
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


@pytest.mark.slow
def test_three_hundred_findings_with_four_views(open_stored: Callable[..., Reviewer], app: Any) -> None:
    """A slider move or a jump makes no node, and no view draws more than once for it."""
    import slicer
    from slicer_host.views.rendered_view import render_counts

    manager = app.layoutManager()
    names = manager.sliceViewNames()
    views = [*(manager.sliceWidget(name).sliceView() for name in names), manager.threeDWidget(0).threeDView()]
    assert len(views) == 4
    reader = open_stored(many(300))
    case = reader.panel.review._case
    while case.scene.make_boxes(50):
        pass
    app.processEvents()
    count = slicer.mrmlScene.GetNumberOfNodes()

    def drawn_by(change: Callable[[], object]) -> list[int]:
        before = [render_counts(view).renders for view in views]
        change()
        app.processEvents()
        return [render_counts(view).renders - old for view, old in zip(views, before, strict=True)]

    for value in (0.8, 0.4):
        assert max(drawn_by(lambda value=value: reader.ui.thresholdSlider.setValue(value))) <= 1
    shown = len(reader.session.shown())
    for _ in range(2):
        assert drawn_by(lambda: reader.press("N"))[:3] == [1, 1, 1]
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert reader.ui.findingsTable.rowCount == shown > 100
