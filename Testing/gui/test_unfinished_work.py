"""What a reader is drawing or typing is taken over by whatever button comes next, never lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer_host
from RibFracDetectorLib.case.review_log import read_log

from .reviewer import CORNER, Reviewer


def start_drawing(reader: Reviewer) -> int:
    """Decide everything, draw in the mask of the first finding; its voxels before."""
    reader.press("N", "K", "K", "K", "K")
    reader.ui.findingsTable.selectRow(0)
    reader.press("E")
    before = reader.session.mask(1).count
    reader.draw("RibFrac_1", CORNER)
    return before


def test_completing_takes_the_drawing(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    before = start_drawing(reader)
    reader.ui.completeButton.click()
    assert reader.session.state.complete
    assert reader.session.mask(1).count == before + 64
    assert not reader.ui.maskEditorFrame.visible


def test_an_export_holds_the_drawing(
    open_stored: Callable[..., Reviewer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from RibFracDetectorLib.gui import dialogs

    monkeypatch.setattr(dialogs, "choose_folder", lambda _title: tmp_path / "exported")
    reader = open_stored()
    start_drawing(reader)
    reader.ui.exportButton.click()
    regions = json.loads((tmp_path / "exported" / "case_seg_roi_infos.json").read_text())
    assert regions[0]["bbox"] == box_of(reader.session.mask(1))
    assert reader.changes()[-1] == "mask_edited"


def box_of(mask: Any) -> list[int]:
    """As the seed's list has it."""
    ends = [first + length for first, length in zip(mask.start, mask.voxels.shape, strict=True)]
    return [*mask.start, *ends]


def test_the_first_read_keeps_the_drawing(open_stored: Callable[..., Reviewer], panel: Any) -> None:
    panel.ui.unaidedCheckBox.checked = True
    reader = open_stored()
    reader.point_at((30, 28, 24))
    reader.press("M", "E")
    drawn = reader.draw(reader.panel.review._mask_editor._editor.currentSegmentID(), CORNER)
    reader.ui.recordReadButton.click()
    assert reader.session.mask(5).count == drawn == 64


def test_another_segment_that_was_drawn_in_is_taken_too(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N", "E")
    before = reader.session.mask(1).count, reader.session.mask(4).count
    reader.panel.review._mask_editor._editor.setCurrentSegmentID("RibFrac_4")
    reader.draw("RibFrac_4", CORNER)
    reader.press("E")
    assert (reader.session.mask(1).count, reader.session.mask(4).count) == (before[0], before[1] + 64)
    assert reader.changes() == ["mask_edited"]


def test_drawing_one_fracture_leaves_the_others(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N", "E")
    node = reader.panel.review._mask_editor._editor.mrmlSegmentEditorNode()
    assert node.GetOverwriteMode() == node.OverwriteNone


def test_a_segment_that_was_removed_comes_back(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N")
    segmentation = reader.panel.review._case.scene.nodes.segmentation.GetSegmentation()
    segmentation.RemoveSegment("RibFrac_1")
    reader.press("K")
    assert segmentation.GetSegment("RibFrac_1") is not None
    segmentation.RemoveSegment("RibFrac_1")
    reader.ui.findingsTable.selectRow(0)
    before = reader.session.mask(1).count
    reader.press("E")
    assert reader.draw("RibFrac_1", CORNER) == before + 64


def test_a_comment_is_kept_while_drawing(open_stored: Callable[..., Reviewer]) -> None:
    import qt

    reader = open_stored()
    before = start_drawing(reader)
    reader.ui.unsureButton.setFocusPolicy(qt.Qt.NoFocus)
    reader.ui.commentEdit.setFocus()
    slicer_host.press(reader.ui.commentEdit, "a")
    reader.ui.unsureButton.click()
    assert reader.session.finding(1).comment.lower() == "a"
    assert reader.session.mask(1).count == before + 64


def test_a_comment_is_kept_while_the_slider_moves(open_stored: Callable[..., Reviewer]) -> None:
    """As the mouse wheel does, without taking the focus."""
    reader = open_stored()
    reader.press("N")
    reader.ui.commentEdit.setFocus()
    slicer_host.press(reader.ui.commentEdit, "a")
    reader.ui.thresholdSlider.value = 0.3
    reader.ui.thresholdSlider.value = 0.95
    assert reader.session.finding(1).comment.lower() == "a"


def test_typed_numbers_are_kept_too(open_stored: Callable[..., Reviewer]) -> None:
    import qt

    reader = open_stored()
    reader.press("N")
    reader.ui.acceptButton.setFocusPolicy(qt.Qt.NoFocus)
    for close in (False, True):
        box = reader.ui.sizeYSpinBox
        box.setFocus()
        box.lineEdit().setText("7.0" if close else "6.0")
        if close:
            reader.panel.review.close()
        else:
            reader.ui.acceptButton.click()
            assert reader.session.finding(1).box_ras.size[1] == pytest.approx(6)
            reader.press("P")
    last = [event for event in read_log(reader.stored.files.review_log) if event.kind == "box_edited"][-1]
    assert 7.0 in [round(value, 6) for value in last.payload["box_ras"]["size"]]


def test_a_button_that_takes_no_focus_does_not_lose_the_comment(open_stored: Callable[..., Reviewer]) -> None:
    """As buttons on macOS."""
    import qt

    reader = open_stored()
    reader.press("N")
    reader.ui.acceptButton.setFocusPolicy(qt.Qt.NoFocus)
    reader.ui.commentEdit.setFocus()
    for key in "abc":
        slicer_host.press(reader.ui.commentEdit, key)
    reader.ui.acceptButton.click()
    assert reader.session.finding(1).comment.lower() == "abc"
    assert reader.session.finding(1).status == "accepted"
    reader.press("P")
    reader.ui.commentEdit.setFocus()
    slicer_host.press(reader.ui.commentEdit, "d")
    reader.panel.review.close()
    last = read_log(reader.stored.files.review_log)[-1]
    assert (last.kind, last.payload["text"].lower()[-1]) == ("commented", "d")
