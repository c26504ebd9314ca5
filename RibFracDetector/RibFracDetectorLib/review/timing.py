"""How long a case took, from its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..case.review_log import ReviewEvent


@dataclass(frozen=True)
class CaseTiming:
    """Times of one case, all readers and sessions together.

    Attributes:
        to_first_finding: seconds from opening to the first decision or added finding, None without one.
        findings: how many findings were worked on.
        seconds_per_finding: mean seconds that these were looked at, None without any.
        keys_per_finding: mean number of keys, None without any.
    """

    to_first_finding: float | None
    findings: int
    seconds_per_finding: float | None
    keys_per_finding: float | None


def case_timing(events: Sequence[ReviewEvent]) -> CaseTiming:
    """The times in a log; pauses are counted as `effort` says."""
    efforts = [event for event in events if "finding" in event.payload]
    count = len({event.payload["finding"] for event in efforts})
    seconds = sum(event.payload.get("seconds", 0.0) for event in efforts)
    keys = sum(event.payload.get("keys", 0) for event in events)
    return CaseTiming(
        to_first_finding=_to_first(events),
        findings=count,
        seconds_per_finding=seconds / count if count else None,
        keys_per_finding=keys / count if count else None,
    )


def _to_first(events: Sequence[ReviewEvent]) -> float | None:
    opened = None
    for event in events:
        if event.kind == "opened":
            opened = event.moment
        elif event.kind in ("decided", "added") and opened is not None:
            return max((event.moment - opened).total_seconds(), 0.0)
    return None
