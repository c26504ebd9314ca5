"""A stored case, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ribfrac_testing.review_cases import StoredCase, store_case
from RibFracDetectorLib.review.session import ReviewSession


class Clock:
    """The present moment, which only passes when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 3, 9, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def stored(tmp_path: Path) -> StoredCase:
    """Findings 1 to 4 with scores 0.9, 0.7 (box only), 0.55 (mask only) and 0.25; the model ran with 0.3."""
    return store_case(tmp_path)


@pytest.fixture
def session(stored: StoredCase, clock: Clock) -> Iterator[ReviewSession]:
    """A session on that case."""
    with ReviewSession.open(stored.files, "R1", clock=clock) as opened:
        yield opened
