"""Which findings are shown, and in which order.

The threshold only filters what the model found; nothing is computed anew. It never hides what the reader has
worked on: a decision that vanished with a slider would be a decision lost.
"""

from __future__ import annotations

from ..case.review_replay import ReviewedFinding, ReviewState


def shown_ids(state: ReviewState, threshold: float) -> tuple[int, ...]:
    """The findings to show, by descending score; the reader's own have none and come last."""
    visible = [finding for finding in _open_ones(state) if _is_shown(finding, threshold)]
    return tuple(finding.id for finding in sorted(visible, key=_rank))


def hidden_below(state: ReviewState, threshold: float) -> int:
    """How many findings the threshold hides; 0 while all are hidden from an unaided reader."""
    return sum(not _is_shown(finding, threshold) for finding in _open_ones(state))


def _open_ones(state: ReviewState) -> list[ReviewedFinding]:
    """All findings, or the reader's own while the model's must not be seen."""
    everything = state.findings.values()
    return [finding for finding in everything if finding.model is None or not state.findings_hidden]


def _is_shown(finding: ReviewedFinding, threshold: float) -> bool:
    return finding.model is None or finding.reader is not None or finding.model.score >= threshold


def _rank(finding: ReviewedFinding) -> tuple[float, int]:
    return (1.0 if finding.score is None else -finding.score, finding.id)
