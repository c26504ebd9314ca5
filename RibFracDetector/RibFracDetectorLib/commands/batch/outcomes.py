"""What became of each scan of a batch, and what it means for the exit status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...case.errors import RibFracError
from ...case.findings import CaseFindings

DETECTED, FINISHED, FAILED = "detected", "was finished", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one scan.

    Attributes:
        name: case id, or the path where there is none.
        state: `DETECTED`, `FINISHED` (by an earlier run) or `FAILED`.
        findings: how many above the threshold; None if it failed or was not looked at.
        best: their highest score; None without findings.
        seconds: of computing.
        error: why it failed.
    """

    name: str
    state: str
    findings: int | None = None
    best: float | None = None
    seconds: float | None = None
    error: RibFracError | None = None

    @classmethod
    def of_case(cls, case: CaseFindings) -> Outcome:
        """A scan that was detected in."""
        scores = [finding.score for finding in case.above_threshold]
        seconds = sum(case.provenance.seconds.values())
        return cls(case.case_id, DETECTED, len(scores), max(scores, default=None), seconds)

    @classmethod
    def of_error(cls, name: str, error: RibFracError) -> Outcome:
        """A scan that failed."""
        return cls(name, FAILED, error=error)


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """0 if every scan has its results, else the largest status of those that failed."""
    return max((outcome.error.exit_status for outcome in outcomes if outcome.error), default=0)
