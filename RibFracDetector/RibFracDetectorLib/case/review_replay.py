"""What a review log means: the present state is the replay of its events over the model's findings.

Undo is an event too. Undoable events form a stack: a new one goes on top and ends the possibility to redo;
`undone` takes the top off, `redone` puts it back. The state is what the events on the stack, in order, make
of the findings; events of the case itself (completed, threshold, first read) are never taken back, only
followed by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .errors import InputError
from .findings import Finding
from .geometry import BoxRas
from .mask_patches import MaskPatch
from .review_events import UNDOABLE
from .review_log import ReviewEvent

Status = Literal["undecided", "accepted", "rejected", "unsure"]


@dataclass(frozen=True)
class ReviewedFinding:
    """One finding as the reader has left it.

    Attributes:
        id: the model's, or the next free one for a finding that the reader added.
        model: what the model found; None for a finding of the reader's own.
        box_voxels: (x1, y1, z1, x2, y2, z2), continuous voxel indices, the reader's if edited.
        box_ras: the same box in patient space.
        status: decided by the reader; own findings begin as accepted.
        fracture_class: one of `FRACTURE_CLASSES`, None if not stated.
        comment: free text.
        box_edited: whether the box differs from the model's by an edit.
        mask: the reader's mask; None if the model's, if any, was left as it is.
        reader: who did the last thing to it, None if nobody has.
        time: when, ISO 8601, UTC.
    """

    id: int
    model: Finding | None
    box_voxels: tuple[float, float, float, float, float, float]
    box_ras: BoxRas
    status: Status = "undecided"
    fracture_class: str | None = None
    comment: str = ""
    box_edited: bool = False
    mask: MaskPatch | None = None
    reader: str | None = None
    time: str | None = None

    @property
    def score(self) -> float | None:
        """The model's; the reader's own findings have none."""
        return None if self.model is None else self.model.score

    @property
    def is_decided(self) -> bool:
        """Whether the reader has said anything but undecided."""
        return self.status != "undecided"


@dataclass(frozen=True)
class ReviewState:
    """One case as its readers have left it.

    Attributes:
        findings: by id, the model's first, then the reader's own in the order in which they were added.
        complete: whether the case is closed.
        threshold: the last one that was logged, None if none was.
        unaided: whether the model's findings were to stay hidden until a first read is recorded.
        first_read_recorded: whether it is.
        done: undoable events in force, oldest first.
        undone: events that redo would put back, the next one last.
        next_id: of the next finding that a reader adds; ids are never used again.
        sequence: of the last event, 0 without any.
    """

    findings: Mapping[int, ReviewedFinding]
    complete: bool = False
    threshold: float | None = None
    unaided: bool = False
    first_read_recorded: bool = False
    done: tuple[ReviewEvent, ...] = ()
    undone: tuple[ReviewEvent, ...] = ()
    next_id: int = 1
    sequence: int = 0
    _initial: Mapping[int, ReviewedFinding] = field(default_factory=dict, repr=False)

    @property
    def findings_hidden(self) -> bool:
        """Whether the model's findings must not be shown yet."""
        return self.unaided and not self.first_read_recorded


def initial_state(findings: Iterable[Finding]) -> ReviewState:
    """Nothing decided."""
    fresh = {
        finding.id: ReviewedFinding(finding.id, finding, finding.box_voxels, finding.box_ras)
        for finding in findings
    }
    return ReviewState(fresh, next_id=max(fresh, default=0) + 1, _initial=fresh)


def replay(findings: Iterable[Finding], events: Iterable[ReviewEvent]) -> ReviewState:
    """The state after all events.

    Raises:
        InputError: an event does not fit what came before it.
    """
    state = initial_state(findings)
    for event in events:
        state = after(state, event)
    return state


def after(state: ReviewState, event: ReviewEvent) -> ReviewState:
    """The state after one more event.

    Raises:
        InputError: it does not fit: an unknown finding, nothing to undo, a number that is taken, ...
    """
    if state.complete and event.kind in UNDOABLE | {"undone", "redone"}:
        raise _misfit(event, "the case is complete")
    if event.kind in UNDOABLE:
        next_id = max(state.next_id, event.payload["finding"] + 1)
        changed = replace(
            state,
            findings=_with(state.findings, event),
            done=(*state.done, event),
            undone=(),
            next_id=next_id,
        )
    elif event.kind == "undone":
        changed = _undone(state, event)
    elif event.kind == "redone":
        changed = _redone(state, event)
    else:
        changed = replace(state, **_case_changes(event))
    return replace(changed, sequence=event.sequence)


def _undone(state: ReviewState, event: ReviewEvent) -> ReviewState:
    if not state.done or state.done[-1].sequence != event.payload["event"]:
        raise _misfit(event, f"event {event.payload['event']} is not the last one in force")
    findings = state._initial
    for earlier in state.done[:-1]:
        findings = _with(findings, earlier)
    return replace(state, findings=findings, done=state.done[:-1], undone=(*state.undone, state.done[-1]))


def _redone(state: ReviewState, event: ReviewEvent) -> ReviewState:
    if not state.undone or state.undone[-1].sequence != event.payload["event"]:
        raise _misfit(event, f"event {event.payload['event']} is not the last one undone")
    again = state.undone[-1]
    return replace(
        state,
        findings=_with(state.findings, again),
        done=(*state.done, again),
        undone=state.undone[:-1],
    )


def _case_changes(event: ReviewEvent) -> dict[str, Any]:
    match event.kind:
        case "threshold_set":
            return {"threshold": event.payload["threshold"]}
        case "unaided_read_started":
            return {"unaided": True}
        case "first_read_recorded":
            return {"first_read_recorded": True}
        case "completed":
            return {"complete": True, "threshold": event.payload["threshold"]}
        case "reopened":
            return {"complete": False}
    return {}


def _with(findings: Mapping[int, ReviewedFinding], event: ReviewEvent) -> Mapping[int, ReviewedFinding]:
    """The findings after an undoable event."""
    number, payload = event.payload["finding"], event.payload
    if event.kind == "added":
        if number in findings:
            raise _misfit(event, f"finding {number} is there already")
        own = ReviewedFinding(number, None, status="accepted", **_box(payload))
        return {**findings, number: _signed(own, event)}
    if number not in findings:
        raise _misfit(event, f"there is no finding {number}")
    finding = findings[number]
    if event.kind == "deleted":
        if finding.model is not None:
            raise _misfit(event, f"finding {number} is the model's")
        return {key: value for key, value in findings.items() if key != number}
    return {**findings, number: _signed(replace(finding, **_CHANGES[event.kind](payload)), event)}


_CHANGES = {
    "decided": lambda payload: {"status": payload["status"]},
    "classified": lambda payload: {"fracture_class": payload["class"]},
    "commented": lambda payload: {"comment": payload["text"]},
    "box_edited": lambda payload: {"box_edited": True, **_box(payload)},
    "mask_edited": lambda payload: {"mask": MaskPatch.from_json(payload["mask"])},
}


def _box(payload: Mapping[str, Any]) -> dict[str, Any]:
    box = payload["box_ras"]
    axes = tuple(tuple(axis) for axis in box["axes"])
    return {
        "box_voxels": tuple(payload["box_voxels"]),
        "box_ras": BoxRas(tuple(box["center"]), tuple(box["size"]), axes),
    }


def _signed(finding: ReviewedFinding, event: ReviewEvent) -> ReviewedFinding:
    return replace(finding, reader=event.reader, time=event.time)


def _misfit(event: ReviewEvent, reason: str) -> InputError:
    return InputError(
        f"event {event.sequence} of the review log ({event.kind}) does not fit: {reason}; the log belongs to "
        "other findings or has been edited, take it back from a copy"
    )
