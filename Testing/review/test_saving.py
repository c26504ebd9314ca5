"""What a session brings to the disk, whom it tells, and what it gives back when it cannot go on."""

from __future__ import annotations

import os

import numpy as np
import pytest
from ribfrac_testing.review_cases import StoredCase
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.review_log import LogWriter
from RibFracDetectorLib.review.session import Change, ReviewSession

FIRST, SECOND = (MaskPatch.of(np.ones((3, 3, 3)), start) for start in ((5, 5, 5), (20, 20, 20)))


def crash(session: ReviewSession) -> None:
    """What the end of the process does: the lock goes, nothing else happens."""
    session._recorder.close()


def test_a_completed_case_has_its_edited_masks(session: ReviewSession, stored: StoredCase) -> None:
    for number in (1, 2, 3):
        session.decide(number, "accepted")
    session.edit_mask(1, FIRST)
    session.complete()
    assert MaskPatch.of(read_mask(stored.files.edited_mask)[0]) == FIRST


def test_of_masks_that_overlap_the_higher_number_is_kept(session: ReviewSession, stored: StoredCase) -> None:
    for number in (2, 1):
        session.edit_mask(number, FIRST)
    session.save()
    labels, _ = read_mask(stored.files.edited_mask)
    assert set(labels[5:8, 5:8, 5:8].ravel().tolist()) == {2}


def test_edited_masks_older_than_the_log_are_written_anew(stored: StoredCase) -> None:
    session = ReviewSession.open(stored.files, "R1")
    session.edit_mask(1, FIRST)
    session.save()
    session.edit_mask(1, SECOND)
    crash(session)
    written = stored.files.review_log.stat().st_mtime
    os.utime(stored.files.edited_mask, (written - 10, written - 10))
    ReviewSession.open(stored.files, "R1").close()
    assert MaskPatch.of(read_mask(stored.files.edited_mask)[0]) == SECOND


def test_edited_masks_that_were_taken_back_before_a_crash_are_removed(stored: StoredCase) -> None:
    session = ReviewSession.open(stored.files, "R1")
    session.edit_mask(1, FIRST)
    session.save()
    session.undo()
    crash(session)
    assert stored.files.edited_mask.exists()
    ReviewSession.open(stored.files, "R1").close()
    assert not stored.files.edited_mask.exists()


def test_subscribers_are_told_when_the_case_itself_changes(stored: StoredCase) -> None:
    with ReviewSession.open(stored.files, "R1", unaided=True) as session:
        told: list[Change] = []
        session.subscribe(told.append)
        session.record_first_read()
        assert told == [Change("case", frozenset([1, 2, 3, 4]))]
        session.set_threshold(1)
        session.complete()
        session.reopen()
        assert told[1:] == [Change("threshold"), Change("case"), Change("case")]


def test_what_the_threshold_hides_is_no_longer_the_one_looked_at(session: ReviewSession) -> None:
    """Else the next key would decide what nobody sees."""
    session.activate(3)
    session.set_threshold(0.5)
    assert session.active == 3
    session.set_threshold(0.6)
    assert session.active is None


def test_keys_after_the_last_decision_count_for_the_case(session: ReviewSession) -> None:
    session.set_threshold(1)
    session.count_key()
    session.complete()
    assert session.events[-1].payload["keys"] == 1


def test_an_unaided_read_that_cannot_be_logged_gives_the_case_back(
    stored: StoredCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("the disk or quota is full")

    with monkeypatch.context() as patched:
        patched.setattr(LogWriter, "append", full)
        with pytest.raises(InputError, match="full"):
            ReviewSession.open(stored.files, "R1", unaided=True)
    assert not stored.files.review_lock.exists()
