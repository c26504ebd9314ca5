"""A log whose events do not fit each other is refused, however well each of them is formed."""

from __future__ import annotations

from typing import Any

import pytest
from ribfrac_testing.review_cases import SIZE, SPACING, finding_at
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.review_log import ReviewEvent
from RibFracDetectorLib.case.review_replay import ReviewState, replay
from RibFracDetectorLib.review.boxes import payload

FINDINGS = (finding_at(1, (3, 4, 5)), finding_at(2, (20, 20, 20)))
ACCEPT = ("decided", {"finding": 1, "status": "accepted"})
REJECT = ("decided", {"finding": 2, "status": "rejected"})
COMPLETE = ("completed", {"threshold": 0.4, "reviewed": 2, "total": 2})
OWN = payload((1.0, 1.0, 1.0, 4.0, 4.0, 4.0), Grid(SIZE, SPACING))

Step = tuple[str, dict[str, Any]]


def replayed(*steps: Step) -> ReviewState:
    events = [
        ReviewEvent(number, f"2026-02-03T04:05:0{number}Z", "R1", kind, content)
        for number, (kind, content) in enumerate(steps, start=1)
    ]
    return replay(FINDINGS, events)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((("added", {"finding": 2, **OWN}),), "finding 2 is there already"),
        ((("deleted", {"finding": 1}),), "finding 1 is the model's"),
        ((("commented", {"finding": 3, "text": ""}),), "there is no finding 3"),
        ((("undone", {"event": 1}),), "event 1 is not the last one in force"),
        ((ACCEPT, REJECT, ("undone", {"event": 1})), "event 1 is not the last one in force"),
        ((ACCEPT, ("redone", {"event": 1})), "event 1 is not the last one undone"),
        (
            (ACCEPT, REJECT, ("undone", {"event": 2}), ("undone", {"event": 1}), ("redone", {"event": 2})),
            "event 2 is not the last one undone",
        ),
        ((COMPLETE, ACCEPT), "the case is complete"),
        ((ACCEPT, COMPLETE, ("undone", {"event": 1})), "the case is complete"),
        ((ACCEPT, ("undone", {"event": 1}), COMPLETE, ("redone", {"event": 1})), "the case is complete"),
    ],
)
def test_events_that_do_not_fit_are_refused(steps: tuple[Step, ...], reason: str) -> None:
    with pytest.raises(InputError, match=f"event {len(steps)} of the review log .*{reason}"):
        replayed(*steps)


def test_a_completed_case_has_the_threshold_at_which_it_was_completed() -> None:
    state = replayed(("threshold_set", {"threshold": 0.6}), COMPLETE)
    assert (state.complete, state.threshold) == (True, 0.4)


def test_a_finding_tells_who_did_the_last_thing_to_it_and_when() -> None:
    finding = replayed(REJECT, ACCEPT).findings[1]
    assert (finding.reader, finding.time) == ("R1", "2026-02-03T04:05:02Z")
