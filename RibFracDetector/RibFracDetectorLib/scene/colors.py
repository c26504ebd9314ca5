"""The colour of a finding: what the reader decided, and before that how sure the model is.

Chosen to stay apart for the common kinds of colour blindness: green and red are never the only difference,
the states differ in lightness too.
"""

from __future__ import annotations

from ..case.review_replay import ReviewedFinding

Color = tuple[float, float, float]

STATUS_COLORS: dict[str, Color] = {
    "accepted": (0.20, 0.75, 0.35),
    "rejected": (0.50, 0.50, 0.50),
    "unsure": (0.62, 0.47, 0.95),
}
# Undecided: from pale yellow at score 0 to strong orange at 1.
_PALE, _STRONG = (1.0, 0.93, 0.55), (1.0, 0.45, 0.0)


def color_of(finding: ReviewedFinding) -> Color:
    """Red, green, blue from 0 to 1."""
    decided = STATUS_COLORS.get(finding.status)
    if decided is not None:
        return decided
    score = 1.0 if finding.score is None else finding.score
    red, green, blue = (low + (high - low) * score for low, high in zip(_PALE, _STRONG, strict=True))
    return red, green, blue
