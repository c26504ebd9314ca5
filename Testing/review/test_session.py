"""What a reader can do to a case, what is refused, and what others are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.review_cases import SIZE, StoredCase, store_case
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import BoxRas
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.case.masks import read_mask, write_mask
from RibFracDetectorLib.case.review_log import read_log
from RibFracDetectorLib.case.thorax import Thorax
from RibFracDetectorLib.review import navigation, texts
from RibFracDetectorLib.review.boxes import NEW_BOX_MM
from RibFracDetectorLib.review.session import Change, ReviewSession


def test_findings_come_by_score_and_the_threshold_filters_them(session: ReviewSession) -> None:
    assert session.threshold == 0.3
    assert session.shown() == (1, 2, 3)
    assert session.hidden_below_threshold == 1
    session.set_threshold(0.6)
    assert session.shown() == (1, 2)
    session.set_threshold(0.55)
    assert session.shown() == (1, 2, 3), "a score at the threshold is shown"
    session.set_threshold(0)
    assert session.shown() == (1, 2, 3, 4)
    own = session.add((5, 5, 5, 9, 9, 9))
    assert session.shown() == (1, 2, 3, 4, own)


@pytest.mark.parametrize(
    "work",
    [
        lambda session: session.decide(4, "rejected"),
        lambda session: session.comment(4, "old"),
        lambda session: session.classify(4, "buckle"),
        lambda session: session.edit_box(4, (1, 1, 1, 4, 4, 4)),
    ],
)
def test_no_threshold_hides_what_was_worked_on(work, session: ReviewSession) -> None:
    work(session)
    session.set_threshold(1.0)
    assert session.shown() == (4,)
    assert session.hidden_below_threshold == 3
    session.undo()
    assert session.shown() == ()


def test_looking_at_a_case_writes_nothing(stored: StoredCase) -> None:
    before = sorted(path.name for path in stored.files.folder.iterdir())
    with ReviewSession.open(stored.files, "R1") as session:
        session.activate(1)
        session.set_threshold(0.7)
        session.count_key()
        session.decide(1, "undecided")
        session.undo()
    assert sorted(path.name for path in stored.files.folder.iterdir()) == before
    assert not stored.files.is_reviewed
    stored.files.refuse_reviewed()


def test_the_first_thing_done_makes_the_case_reviewed(
    session: ReviewSession, stored: StoredCase, clock
) -> None:
    opened = clock.now
    clock.wait(12)
    session.decide(1, "accepted")
    assert stored.files.is_reviewed
    events = read_log(stored.files.review_log)
    assert [event.kind for event in events] == ["opened", "threshold_set", "decided"]
    assert events[0].moment == opened
    assert {event.reader for event in events} == {"R1"}
    with pytest.raises(InputError, match="has been reviewed"):
        stored.files.refuse_reviewed()


def test_the_threshold_is_logged_with_the_decision_made_at_it(session: ReviewSession) -> None:
    session.set_threshold(0.5)
    session.set_threshold(0.6)
    session.decide(1, "accepted")
    session.set_threshold(0.7)
    session.decide(2, "accepted")
    session.set_threshold(0.8)
    session.close()
    values = [event.payload["threshold"] for event in session.events if event.kind == "threshold_set"]
    assert values == [0.6, 0.7, 0.8]


def test_navigation_goes_through_what_is_shown(session: ReviewSession) -> None:
    assert navigation.next_finding(session) == 1
    assert navigation.previous_finding(session) == 3
    session.activate(1)
    assert navigation.previous_finding(session) is None
    assert navigation.next_finding(session) == 2
    session.activate(3)
    assert navigation.next_finding(session) is None
    session.decide(1, "accepted")
    assert navigation.next_undecided(session) == 2
    session.activate(2)
    assert navigation.next_undecided(session) == 3
    session.decide(3, "unsure")
    session.activate(3)
    assert navigation.next_undecided(session) == 2
    session.decide(2, "rejected")
    assert navigation.next_undecided(session) is None
    session.set_threshold(1)
    session.activate(None)
    assert navigation.next_finding(session) == 1


def test_a_typed_box_is_the_same_in_voxels_and_millimetres(session: ReviewSession) -> None:
    box = (10.5, 11.0, 12.25, 20.0, 21.0, 22.0)
    session.edit_box(2, box)
    finding = session.finding(2)
    assert finding.box_voxels == box
    assert finding.box_ras == session.grid.box_to_ras(box)
    assert finding.box_edited
    assert finding.model.box_voxels != box
    moved = replace(finding.box_ras, center=tuple(np.add(finding.box_ras.center, (3, -2, 1))))
    session.edit_box_ras(2, moved)
    np.testing.assert_allclose(session.finding(2).box_ras.center, moved.center, atol=1e-9)
    np.testing.assert_allclose(session.finding(2).box_ras.size, moved.size, atol=1e-9)


def test_a_box_is_cut_at_the_border_of_the_volume(session: ReviewSession) -> None:
    session.edit_box(1, (-9, 5, 5, 10, 15, 500))
    assert session.finding(1).box_voxels == (-0.5, 5, 5, 10, 15, SIZE[2] - 0.5)


def test_a_new_finding_has_a_box_of_usual_size_around_the_cursor(session: ReviewSession) -> None:
    number = session.add_at((30, 28, 24))
    finding = session.finding(number)
    assert number == 5
    assert (finding.status, finding.score, finding.model) == ("accepted", None, None)
    np.testing.assert_allclose(finding.box_ras.size, [NEW_BOX_MM] * 3)
    np.testing.assert_allclose(finding.box_ras.center, session.grid.index_to_ras((30, 28, 24)))


def test_a_new_change_ends_the_possibility_to_redo(session: ReviewSession) -> None:
    session.decide(1, "accepted")
    session.undo()
    assert session.can_redo
    session.decide(2, "rejected")
    assert not session.can_redo
    assert session.redo() is None
    assert session.finding(1).status == "undecided"


def test_ids_are_never_used_again(session: ReviewSession) -> None:
    first = session.add_at((30, 28, 24))
    session.undo()
    second = session.add_at((30, 28, 24))
    session.delete(second)
    third = session.add_at((30, 28, 24))
    assert (first, second, third) == (5, 6, 7)


def test_a_mask_edit_is_one_undoable_event_and_goes_to_its_file(
    session: ReviewSession, stored: StoredCase
) -> None:
    original = session.mask(1)
    drawn = MaskPatch.of(np.ones((4, 5, 6)), (20, 21, 22))
    session.edit_mask(1, drawn)
    session.edit_mask(2, MaskPatch.of(np.ones((2, 2, 2)), (50, 50, 40)))
    session.save()
    labels, _ = read_mask(stored.files.edited_mask)
    expected = np.zeros(SIZE, np.uint16)
    expected[20:24, 21:26, 22:28] = 1
    expected[50:52, 50:52, 40:42] = 2
    np.testing.assert_array_equal(labels, expected)
    assert session.undo() == 2
    assert session.mask(2) is None
    assert session.undo() == 1
    assert session.mask(1) == original
    session.save()
    assert not stored.files.edited_mask.exists()


def test_erasing_a_mask_leaves_the_finding_without_one(session: ReviewSession) -> None:
    session.edit_mask(1, MaskPatch.empty())
    assert session.mask(1) is None
    session.edit_mask(2, MaskPatch.empty())
    assert session.state.findings[2].mask is None, "it had none before"


def test_edited_masks_that_a_crash_left_unwritten_are_written_the_next_time(stored: StoredCase) -> None:
    session = ReviewSession.open(stored.files, "R1")
    drawn = MaskPatch.of(np.ones((3, 3, 3)), (5, 5, 5))
    session.edit_mask(1, drawn)
    session._recorder.close()  # what the end of the process does: the lock goes, nothing else happens
    assert not stored.files.edited_mask.exists()
    with ReviewSession.open(stored.files, "R1") as again:
        assert again.mask(1) == drawn
    assert stored.files.edited_mask.exists()


def test_a_case_is_completed_and_reopened(session: ReviewSession) -> None:
    with pytest.raises(InputError, match="3 of 3 findings are undecided"):
        session.complete()
    for number in (1, 2, 3):
        session.decide(number, "rejected")
    assert session.why_not_complete() is None
    session.complete()
    assert session.state.complete
    assert session.events[-1].payload["reviewed"] == 3
    for refused in (
        lambda: session.decide(1, "accepted"),
        lambda: session.add_at((5, 5, 5)),
        session.complete,
    ):
        with pytest.raises(InputError, match="complete"):
            refused()
    assert not session.can_undo
    assert session.undo() is None
    session.reopen()
    assert session.undo() == 3
    assert [event.kind for event in session.events][-3:] == ["completed", "reopened", "undone"]


def test_a_case_without_findings_can_be_completed(tmp_path: Path) -> None:
    stored = store_case(tmp_path, findings=())
    with ReviewSession.open(stored.files, "R1") as session:
        assert texts.empty_text(session) == "no finding of 0.30 or more – this does not exclude a fracture"
        assert texts.progress_text(session) == "0 of 0 reviewed"
        assert navigation.next_finding(session) is None
        session.complete()
        assert session.state.complete


def test_an_unaided_reader_sees_nothing_before_the_first_read_is_recorded(stored: StoredCase) -> None:
    session = ReviewSession.open(stored.files, "R1", unaided=True)
    assert session.findings_hidden
    assert session.shown() == ()
    assert session.hidden_below_threshold == 0
    assert texts.empty_text(session) is None
    assert "first read" in texts.progress_text(session)
    assert "4" not in texts.progress_text(session)
    for refused in (
        lambda: session.decide(1, "accepted"),
        lambda: session.mask(1),
        lambda: session.activate(1),
        session.complete,
        lambda: texts.report_text(session),
    ):
        with pytest.raises(InputError):
            refused()
    own = session.add_at((30, 28, 24))
    assert session.shown() == (own,)
    session.close()
    session = ReviewSession.open(stored.files, "R1")
    assert session.findings_hidden, "opening the case again is no way around"
    session.record_first_read()
    assert session.shown() == (1, 2, 3, own)
    with pytest.raises(InputError, match="visible already"):
        session.record_first_read()
    session.close()
    kinds = [event.kind for event in read_log(stored.files.review_log)]
    assert kinds.index("unaided_read_started") < kinds.index("added") < kinds.index("first_read_recorded")


def test_who_has_seen_the_findings_cannot_read_unaided(stored: StoredCase) -> None:
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
    with ReviewSession.open(stored.files, "R1", unaided=True) as session:
        assert not session.findings_hidden


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda session: session.decide(9, "accepted"), "no finding 9"),
        (lambda session: session.decide(1, "perhaps"), "'perhaps' is unknown"),
        (lambda session: session.classify(1, "open"), "'open' is unknown"),
        (lambda session: session.delete(1), "reject it instead"),
        (lambda session: session.edit_box(1, (5, 5, 5, 4, 9, 9)), "are expected"),
        (lambda session: session.edit_box(1, (5, 5, 5, 9, 9, np.nan)), "are expected"),
        (lambda session: session.edit_box(1, (5, 5, 5)), "are expected"),
        (lambda session: session.edit_box(1, (90, 90, 90, 95, 95, 95)), "outside of the volume"),
        (lambda session: session.add_at((-5, 5, 5)), "outside of the volume"),
        (
            lambda session: session.edit_box_ras(
                1, BoxRas((0, 0, 0), (5, 5, 5), ((0.8, 0.6, 0), (-0.6, 0.8, 0), (0, 0, 1)))
            ),
            "turned",
        ),
        (lambda session: session.edit_mask(1, MaskPatch.of(np.ones((9, 9, 9)), (55, 0, 0))), "reaches out"),
        (lambda session: session.set_threshold(1.5), "0 to 1 is expected"),
        (lambda session: session.activate(9), "no finding 9"),
        (lambda session: session.record_first_read(), "visible already"),
        (lambda session: session.reopen(), "open already"),
    ],
)
def test_wrong_use_is_refused_and_changes_nothing(wrong, reason: str, session: ReviewSession) -> None:
    before = session.state
    with pytest.raises(InputError, match=reason) as caught:
        wrong(session)
    assert "\n" not in str(caught.value)
    assert session.state == before
    assert session.events == ()


def test_subscribers_are_told_what_changed(session: ReviewSession) -> None:
    told: list[Change] = []
    unsubscribe = session.subscribe(told.append)
    session.activate(1)
    session.decide(1, "accepted")
    session.set_threshold(0.6)
    number = session.add_at((30, 30, 30))
    session.activate(number)
    session.undo()
    assert told == [
        Change("active", frozenset([1])),
        Change("findings", frozenset([1])),
        Change("threshold"),
        Change("findings", frozenset([number])),
        Change("active", frozenset([1, number])),
        Change("active", frozenset([number])),
        Change("findings", frozenset([number])),
    ]
    assert session.active is None
    unsubscribe()
    session.redo()
    assert len(told) == 7


def test_two_sessions_on_one_case_are_refused(session: ReviewSession, stored: StoredCase) -> None:
    with pytest.raises(InputError, match=r"open elsewhere, by R1"):
        ReviewSession.open(stored.files, "R2")
    session.close()
    session.close()
    ReviewSession.open(stored.files, "R2").close()
    with pytest.raises(InputError, match="has been closed"):
        session.decide(1, "accepted")


@pytest.mark.parametrize("reader", ["", "  ", "a\nb"])
def test_a_reader_id_is_needed(reader: str, stored: StoredCase) -> None:
    with pytest.raises(InputError, match="reader id"):
        ReviewSession.open(stored.files, reader)


def test_a_log_of_other_findings_is_refused_and_kept(stored: StoredCase, tmp_path: Path) -> None:
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
    log = stored.files.review_log.read_bytes()
    other = store_case(tmp_path / "other", findings=({"number": 1, "start": (9, 9, 9), "score": 0.4},))
    stored.files.findings.write_bytes(other.files.findings.read_bytes())
    stored.files.instances.write_bytes(other.files.instances.read_bytes())
    with pytest.raises(InputError, match="made on other findings"):
        ReviewSession.open(stored.files, "R1")
    assert stored.files.review_log.read_bytes() == log
    assert not stored.files.review_lock.exists()


def test_a_log_whose_events_do_not_fit_is_refused(stored: StoredCase) -> None:
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
    lines = stored.files.review_log.read_text().splitlines()
    event = json.loads(lines[-1])
    event["payload"]["finding"] = 77
    stored.files.review_log.write_text("\n".join([*lines[:-1], json.dumps(event)]) + "\n")
    with pytest.raises(InputError, match=r"review\.jsonl: event 3 .*there is no finding 77"):
        ReviewSession.open(stored.files, "R1")


def test_masks_of_another_case_are_refused(stored: StoredCase) -> None:
    labels = stored.instances.copy()
    labels[0, 0, 0] = 99
    write_mask(stored.files.instances, labels, stored.ct)
    with pytest.raises(InputError, match="the value 99 belongs to no finding"):
        ReviewSession.open(stored.files, "R1")
    other = replace(stored.ct, stored_grid=replace(stored.ct.grid, spacing=(1, 1, 1)))
    write_mask(stored.files.instances, stored.instances, other)
    with pytest.raises(InputError, match="the spacing is"):
        ReviewSession.open(stored.files, "R1")


def test_sides_are_known_once_the_chest_is_measured(session: ReviewSession) -> None:
    assert session.location(1) is None
    level, size = np.array([0.0]), np.array([20.0])
    session.thorax = Thorax(midline=30.0, levels=level, depth=level + 28, half_width=size, half_depth=size)
    assert str(session.location(1)) == "right anterior"
    assert str(session.location(2)) == "left anterior"
    assert str(session.location(3)) == "right posterior"
