"""The buttons of the review: each does what it says, and can be clicked only where it would do something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer_host
from ribfrac_testing.scenes import linear_transform
from RibFracDetectorLib.case.review_events import FRACTURE_CLASSES

from .reviewer import Reviewer

DECIDING = {"acceptButton", "rejectButton", "unsureButton"}
MOVING = {"previousButton", "nextButton", "nextUndecidedButton"}
STEPS = {"undoButton", "redoButton"}
OTHERS = {"addButton", "deleteButton", "completeButton", "findingGroup"}


def usable(reader: Reviewer) -> set[str]:
    """What can be clicked."""
    return {name for name in DECIDING | MOVING | STEPS | OTHERS if getattr(reader.ui, name).enabled}


def test_every_button_does_what_it_says(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()

    def click(button: str) -> tuple[list[str], int]:
        getattr(reader.ui, f"{button}Button").click()
        statuses = [reader.session.finding(number).status for number in (1, 2, 3, 4)]
        return statuses, reader.session.active

    undecided = "undecided"
    assert click("next") == ([undecided] * 4, 1)
    assert click("accept") == (["accepted", *[undecided] * 3], 2)
    assert click("reject") == (["accepted", "rejected", undecided, undecided], 3)
    decided = ["accepted", "rejected", "unsure", undecided]
    assert click("unsure") == (decided, 4)
    assert click("previous") == (decided, 3)
    assert click("undo") == (["accepted", "rejected", undecided, undecided], 3)
    assert click("redo") == (decided, 3)
    assert click("previous") == (decided, 2)
    assert click("nextUndecided") == (decided, 4)


def test_only_what_would_do_something_can_be_clicked(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    assert usable(reader) == MOVING | {"addButton"}
    assert "4 findings" in reader.ui.completeButton.toolTip
    reader.press("N")
    chosen = MOVING | DECIDING | {"addButton", "findingGroup"}
    assert usable(reader) == chosen
    reader.press("K")
    assert usable(reader) == chosen | {"undoButton"}
    reader.press("Backspace")
    assert usable(reader) == chosen | {"redoButton"}
    reader.press("K", "D", "U", "K")
    assert usable(reader) == chosen | {"undoButton", "completeButton"}
    reader.point_at((30, 28, 24))
    reader.press("M", "K")
    assert usable(reader) == chosen | {"undoButton", "completeButton", "deleteButton"}
    reader.press("Ctrl+Return")
    assert usable(reader) == MOVING | {"completeButton"}, "a complete case is not changed"
    reader.press("Ctrl+Return")
    assert usable(reader) >= chosen | {"deleteButton"}


def test_without_a_finding_there_is_nowhere_to_go(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored([])
    assert usable(reader) == {"addButton", "completeButton"}


def test_keys_rest_in_every_field_that_takes_text(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N")
    reader.ui.showLogButton.setChecked(True)
    for name in ("commentEdit", "sizeXSpinBox", "centerRSpinBox", "logView"):
        field = getattr(reader.ui, name)
        field.setFocus()
        for key in ("K", "D", "U", "Alt+1"):  # a field takes letters for itself, but not all keys
            slicer_host.press(field, key)
        assert reader.session.finding(1).status == "undecided", name
        assert reader.session.finding(1).fracture_class is None, name


def test_the_keys_of_the_classes_are_in_their_order(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N")
    for place, name in enumerate(FRACTURE_CLASSES, start=1):
        reader.press(f"Alt+{place}")
        assert reader.session.finding(1).fracture_class == name


def test_a_class_is_chosen_from_the_list_and_shown_there(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    reader.press("N")
    combo = reader.ui.classComboBox
    choose(combo, "buckle")
    assert reader.session.finding(1).fracture_class == "buckle"
    reader.press("N")
    assert combo.currentText == "not stated"
    reader.press("P")
    assert combo.currentText == "buckle"
    choose(combo, "not stated")
    assert reader.session.finding(1).fracture_class is None


def choose(combo: Any, text: str) -> None:
    """Choose an entry of a list, as a user does."""
    combo.setCurrentIndex(combo.findText(text))
    combo.activated(combo.currentIndex)


def test_a_row_tells_sizes_marks_and_comment(open_stored: Callable[..., Reviewer]) -> None:
    reader = open_stored()
    sizes = reader.session.finding(1).box_ras.size
    assert reader.column(5)[0] == "×".join(f"{edge:.0f}" for edge in sizes)
    reader.press("N", "K", "D", "U")
    assert [text[0] for text in reader.column(0)] == ["✔", "✘", "?", "○"]
    reader.session.comment(2, "old callus")
    assert reader.column(6)[1].startswith("✎")
    assert reader.ui.findingsTable.item(1, 0).toolTip() == "old callus"


def test_a_fracture_is_marked_at_the_crosshair_of_a_moved_volume(
    open_stored: Callable[..., Reviewer],
) -> None:
    import slicer
    import slicer.util

    reader = open_stored()
    moved = np.eye(4)
    moved[:3, 3] = (10.0, -20.0, 30.0)
    reader.node.SetAndObserveTransformNodeID(linear_transform(slicer.mrmlScene, moved).GetID())
    place = np.add(reader.session.grid.index_to_ras((30, 28, 24)), moved[:3, 3])
    slicer.util.getNode("Crosshair").SetCrosshairRAS(place.tolist())
    reader.press("M")
    center = reader.session.grid.ras_to_index(reader.session.finding(5).box_ras.center)
    assert center == pytest.approx((30, 28, 24))


def test_the_sheet_shows_every_key(open_stored: Callable[..., Reviewer]) -> None:
    import qt
    from RibFracDetectorLib.gui.shortcuts import review_keys

    reader = open_stored()
    reader.press("?")
    (label,) = (
        label
        for dialog in reader.window.findChildren(qt.QDialog)
        for label in dialog.findChildren(qt.QLabel)
        if "<table>" in label.text
    )
    assert label.text.count("<tr>") == len(review_keys())
    assert "Mark a missed fracture at the crosshair" in label.text
