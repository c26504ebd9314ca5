"""Whatever a reader does: the log's replay is the live state, undo takes one thing back, redo returns it.

A state machine drives a real session on real files: every event goes through the log on the disk, and now and
then the session is closed and opened again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ribfrac_testing.review_cases import SIZE, store_case
from RibFracDetectorLib.case.finding_masks import read_model_masks
from RibFracDetectorLib.case.mask_patches import MaskPatch, patches_of
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.review_events import FRACTURE_CLASSES, STATUSES
from RibFracDetectorLib.case.review_log import read_log
from RibFracDetectorLib.case.review_replay import replay
from RibFracDetectorLib.review.session import ReviewSession

which = st.integers(0, 100)
low = st.tuples(*[st.floats(-3, length - 4) for length in SIZE])
edges = st.tuples(*[st.floats(0.5, 20)] * 3).filter(min)
corners = st.tuples(*[st.integers(0, length - 6) for length in SIZE])


class Reader(RuleBasedStateMachine):
    """A reader who does anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.stored = store_case(self.folder)
        self.session = ReviewSession.open(self.stored.files, "R1")
        self.logged = 0

    def teardown(self) -> None:
        self.session.close()
        shutil.rmtree(self.folder)

    def some(self, place: int) -> int:
        ids = sorted(self.session.state.findings)
        return ids[place % len(ids)]

    def is_open(self) -> bool:
        return not self.session.state.complete

    def reversible(self, action: str, *arguments: object) -> None:
        """Do it, take it back, do it again: nothing but the log remembers."""
        before, events = self.session.state, len(self.session.events)
        getattr(self.session, action)(*arguments)
        after = self.session.state
        if after.findings == before.findings:
            assert len(self.session.events) == events, "no event for what changes nothing"
            return
        assert self.session.undo() is not None
        assert self.session.state.findings == before.findings
        assert self.session.state.done == before.done
        assert self.session.redo() is not None
        assert self.session.state.findings == after.findings

    @precondition(is_open)
    @rule(place=which, status=st.sampled_from(STATUSES))
    def decide(self, place: int, status: str) -> None:
        self.reversible("decide", self.some(place), status)

    @precondition(is_open)
    @rule(place=which, name=st.sampled_from((*FRACTURE_CLASSES, None)))
    def classify(self, place: int, name: str | None) -> None:
        self.reversible("classify", self.some(place), name)

    @precondition(is_open)
    @rule(place=which, text=st.text(max_size=20))
    def comment(self, place: int, text: str) -> None:
        self.reversible("comment", self.some(place), text)

    @precondition(is_open)
    @rule(place=which, corner=low, size=edges)
    def edit_box(self, place: int, corner: tuple, size: tuple) -> None:
        box = (*corner, *np.add(corner, np.maximum(size, 3.5)))
        self.reversible("edit_box", self.some(place), box)

    @precondition(is_open)
    @rule(place=which, corner=corners, size=st.tuples(*[st.integers(0, 6)] * 3))
    def edit_mask(self, place: int, corner: tuple, size: tuple) -> None:
        mask = MaskPatch.of(np.ones(size), corner)
        self.reversible("edit_mask", self.some(place), mask)
        assert self.session.mask(self.some(place)) == (mask if mask.count else None)

    @precondition(is_open)
    @rule(corner=corners)
    def add(self, corner: tuple) -> None:
        before = set(self.session.state.findings)
        self.reversible("add", (*corner, *np.add(corner, 5)))
        (number,) = set(self.session.state.findings) - before
        assert number > max(before)
        assert self.session.finding(number).status == "accepted"

    @precondition(is_open)
    @rule(place=which)
    def delete(self, place: int) -> None:
        own = [number for number, each in self.session.state.findings.items() if each.model is None]
        if own:
            self.reversible("delete", own[place % len(own)])

    @rule()
    def undo(self) -> None:
        self.session.undo()

    @rule()
    def redo(self) -> None:
        self.session.redo()

    @rule(value=st.sampled_from((0.0, 0.3, 0.6, 0.8, 1.0)))
    def set_threshold(self, value: float) -> None:
        events = len(self.session.events)
        self.session.set_threshold(value)
        assert len(self.session.events) == events

    @rule()
    def complete_or_reopen(self) -> None:
        if self.session.state.complete:
            self.session.reopen()
        elif self.session.why_not_complete() is None:
            self.session.complete()

    @rule(reader=st.sampled_from(("R1", "R2")))
    def come_back_another_day(self, reader: str) -> None:
        before, threshold = self.session.state, self.session.threshold
        self.session.close()
        self.session = ReviewSession.open(self.stored.files, reader)
        assert self.session.state.findings == before.findings
        assert self.session.state.undone == before.undone
        if before.sequence:
            assert self.session.threshold == threshold
        assert edited_on_disk(self) == {
            number: each.mask
            for number, each in before.findings.items()
            if each.mask is not None and each.mask.count
        } or overlapping(self)

    @invariant()
    def log_and_state_are_one(self) -> None:
        events = read_log(self.stored.files.review_log)
        assert events == self.session.events
        assert len(events) >= self.logged
        self.logged = len(events)
        assert replay(self.stored.case.findings, events) == self.session.state

    @invariant()
    def the_models_findings_are_never_lost(self) -> None:
        for finding in self.stored.case.findings:
            assert self.session.state.findings[finding.id].model == finding

    @invariant()
    def the_filter_hides_nothing_that_was_worked_on(self) -> None:
        shown = self.session.shown()
        everything = self.session.state.findings
        assert len(shown) + self.session.hidden_below_threshold == len(everything)
        for number, finding in everything.items():
            if number not in shown:
                assert finding.reader is None
                assert finding.score < self.session.threshold


def edited_on_disk(machine: Reader) -> dict[int, MaskPatch]:
    path = machine.stored.files.edited_mask
    return patches_of(read_mask(path)[0]) if path.exists() else {}


def overlapping(machine: Reader) -> bool:
    """Whether masks of the reader overlap, which a label map cannot hold."""
    count = np.zeros(SIZE, int)
    for finding in machine.session.state.findings.values():
        if finding.mask is not None and finding.mask.count:
            more = np.zeros(SIZE, int)
            finding.mask.paint(more, 1)
            count += more
    return bool((count > 1).any())


def test_any_reader() -> None:
    run_state_machine_as_test(
        Reader,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_models_own_files_never_change(tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    before = {path.name: path.read_bytes() for path in stored.files.folder.iterdir()}
    with ReviewSession.open(stored.files, "R1") as session:
        session.edit_mask(1, MaskPatch.of(np.ones((3, 3, 3))))
        session.edit_box(2, (1, 1, 1, 5, 5, 5))
        session.decide(3, "rejected")
    for name, content in before.items():
        assert (stored.files.folder / name).read_bytes() == content
    masks, _ = read_model_masks(stored.files, stored.case)
    assert masks == session.model_masks
