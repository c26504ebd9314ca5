"""Reviewing a stored case: deciding by keys, the table, the threshold, the views."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host
from ribfrac_testing.review_cases import STORED_SHA256, many
from RibFracDetectorLib.case.resources import resource_path
from RibFracDetectorLib.case.review_log import read_log
from RibFracDetectorLib.review.export import export_case

from .reviewer import Reviewer


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


def test_the_words_on_threshold_and_unsure_are_true(
    open_stored: Callable[..., Reviewer], tmp_path: Path
) -> None:
    reader = open_stored()
    assert reader.ui.thresholdLabel.text == "Score at least:"
    reader.ui.thresholdSlider.value = 0.55
    assert reader.column(1) == ["0.90", "0.70", "0.55"]
    assert "Counts as reviewed; only the table" in reader.ui.unsureButton.toolTip
    reader.press("N", "K", "K", "U")
    assert "3 of 3 reviewed" in reader.ui.caseLabel.text
    assert reader.ui.completeButton.enabled
    masks = json.loads(
        next(
            path for path in export_case(reader.session, tmp_path / "x") if "seg_roi" in path.name
        ).read_text()
    )
    assert [entry["prob"] for entry in masks] == [0.9]
    assert ",unsure,0.55" in (tmp_path / "x" / "case_review.csv").read_text()


def test_the_table_tells_how_slices_are_counted(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    table = reader.ui.findingsTable
    (column,) = (n for n in range(table.columnCount) if table.horizontalHeaderItem(n).text() == "Slice")
    assert "counted from 0 at the feet" in table.horizontalHeaderItem(column).toolTip()
    grid, row = reader.session.grid, reader.session.finding(1)
    low = min((0, grid.size[2] - 1), key=lambda k: grid.index_to_ras((0, 0, k))[2])
    assert low == 0, "slices go up from the feet"
    assert int(reader.column(column)[0]) == round(sum(row.box_voxels[2::3]) / 2)


def test_every_column_of_the_table_fits_into_the_panel(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.window.resize(1600, 1000)
    table = reader.ui.findingsTable

    def assert_fits() -> None:
        widths = [table.columnWidth(column) for column in range(table.columnCount)]
        assert sum(widths) <= table.viewport().width
        for column, width in enumerate(widths):
            assert width >= table.sizeHintForColumn(column), table.horizontalHeaderItem(column).text()

    assert reader.column(6)[0] == "near spine"
    assert reader.column(2)[0] == "R anterior"
    assert table.item(0, 2).toolTip() == "right anterior"
    assert_fits()
    reader.session.classify(1, "non-displaced")
    slicer_app().processEvents()
    assert_fits()


def slicer_app() -> Any:
    """The application."""
    import slicer

    return slicer.app


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
    assert not reader.ui.commentEdit.hasFocus(), "Return ends the typing"
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
    reader.ui.thresholdSlider.value = 0.0
    reader.ui.findingsTable.selectRow(2)
    reader.ui.thresholdSlider.value = 0.6
    reader.press("K")
    assert reader.session.finding(3).status == "undecided", "what is hidden is not decided"


def test_the_threshold_tells_what_was_measured_of_the_model(
    open_stored: Callable[..., Reviewer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"threshold": step / 100, "fp_per_scan": 5 - step / 20} for step in range(100)]
    measured_on = {"title": "hospital A", "data": "real", "lists": {"findings": {"scans": 80}}}
    table = {"measured_on": measured_on, "tables": {"findings": rows}}
    (tmp_path / "measured.json").write_text(json.dumps(table), encoding="utf-8")
    model = json.loads(resource_path("models.json").read_text(encoding="utf-8"))["models"][0]
    model |= {"name": "measured", "sha256": STORED_SHA256, "threshold_table": "measured.json"}
    catalogue = tmp_path / "measured_models.json"
    catalogue.write_text(json.dumps({"models": [model]}), encoding="utf-8")
    monkeypatch.setenv("RIBFRAC_MODELS", str(catalogue))
    reader = open_stored()
    reader.ui.thresholdSlider.value = 0.6
    assert reader.ui.hiddenLabel.text.endswith("about 2.0 false positives a scan on hospital A (80 scans)")
    reader.ui.thresholdSlider.value = 0.8
    assert "about 1.0 false positives" in reader.ui.hiddenLabel.text


def test_without_findings_nothing_is_excluded_and_the_case_can_be_completed(
    open_stored: Callable[..., Reviewer],
) -> None:
    reader = open_stored([])
    assert "does not exclude a fracture" in reader.ui.hiddenLabel.text
    assert reader.ui.findingsTable.rowCount == 0
    reader.press("Ctrl+Return")
    assert reader.session.state.complete


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
