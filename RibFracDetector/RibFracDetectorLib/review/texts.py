"""The sentences that a review shows, and the summary of what was found.

Worded with care: nothing here says that a patient has no fracture, and a model that did not learn from
patients gets no report text at all.
"""

from __future__ import annotations

from ..case.errors import InputError
from .open_case import OpenCase
from .rows import FindingRow, row

SLICES = "Slices are counted from 0 at the feet; S is the place in mm, towards the head."
NOT_A_DEVICE = "For research use only; not a medical device."


def progress_text(session: OpenCase) -> str:
    """Such as "12 of 27 reviewed"."""
    if session.findings_hidden:
        return "findings stay hidden until the first read is recorded"
    shown = session.shown()
    decided = sum(session.state.findings[number].is_decided for number in shown)
    return f"{decided} of {len(shown)} reviewed"


def hidden_text(session: OpenCase) -> str:
    """Such as "14 hidden below threshold"; always said, also about none."""
    return f"{session.hidden_below_threshold} hidden below threshold"


def empty_text(session: OpenCase) -> str | None:
    """What stands in place of an empty table; None if there is something to show."""
    if session.findings_hidden or session.shown():
        return None
    return f"no finding of {session.threshold:.2f} or more – this does not exclude a fracture"


def report_text(session: OpenCase) -> str:
    """A summary of the accepted findings, in plain lines.

    Raises:
        InputError: the model did not learn from patients, or its findings must not be seen yet.
    """
    if session.banner:
        raise InputError(
            f"no report text is written for this model ({session.banner}); use the table instead"
        )
    if session.findings_hidden:
        raise InputError("the first read is not recorded yet; record it before writing a report text")
    accepted = [
        row(session, finding.id)
        for finding in session.state.findings.values()
        if finding.status == "accepted"
    ]
    accepted.sort(key=lambda entry: -entry.center_ras[2])
    heading = f"Rib fractures accepted by {session.reader} in case {session.case.case_id}: {len(accepted)}"
    if not session.state.complete:
        heading += " (review not complete)"
    lines = [_sentence(number, entry) for number, entry in enumerate(accepted, start=1)]
    if lines:
        lines.append(SLICES)
    else:
        lines = ["No finding was accepted. This does not exclude a fracture."]
    return "\n".join([heading, *lines, NOT_A_DEVICE]) + "\n"


def _sentence(number: int, entry: FindingRow) -> str:
    place = " ".join(filter(None, [entry.side, entry.region])) or "side unknown"
    size = " × ".join(f"{edge:.0f}" for edge in entry.size_mm)
    kind = f"{entry.fracture_class} fracture" if entry.fracture_class else "fracture"
    origin = "found by the reader" if entry.own else f"score {entry.score:.2f}"
    comment = f" {entry.comment.strip()}" if entry.comment.strip() else ""
    level = f"slice {entry.slice} (S {entry.center_ras[2]:.0f} mm)"
    return f"{number}. {kind}, {place}, {level}, {size} mm ({origin}).{comment}"
