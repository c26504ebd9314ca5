"""How long the reader looked at each finding, and how many keys it took.

Seconds count for the active finding, from one sign of life (a key, a jump, a decision) to the next. A pause
longer than `PAUSE_SECONDS` counts as that much, so that a telephone call is not held against a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

PAUSE_SECONDS = 60.0


class EffortMeter:
    """Collects seconds by finding and keys since the last event.

    Args:
        clock: the present moment, UTC.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last = clock()
        self._active: int | None = None
        self._seconds: dict[int, float] = {}
        self._keys = 0

    def activate(self, finding_id: int | None) -> None:
        """The reader turns to another finding, or to none."""
        self._advance()
        self._active = finding_id

    def count_key(self) -> None:
        """The reader pressed a key."""
        self._advance()
        self._keys += 1

    def take(self, finding_id: int | None) -> dict[str, float | int]:
        """What the payload of an event says about effort; it starts again from nothing."""
        self._advance()
        keys, self._keys = self._keys, 0
        if finding_id is None:
            return {"keys": keys}
        return {"seconds": round(self._seconds.pop(finding_id, 0.0), 1), "keys": keys}

    def _advance(self) -> None:
        now = self._clock()
        passed = min(max((now - self._last).total_seconds(), 0.0), PAUSE_SECONDS)
        self._last = now
        if self._active is not None:
            self._seconds[self._active] = self._seconds.get(self._active, 0.0) + passed
