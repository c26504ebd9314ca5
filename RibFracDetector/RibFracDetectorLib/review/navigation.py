"""From one finding to another, in the order of the table."""

from __future__ import annotations

from .open_case import OpenCase


def next_finding(session: OpenCase) -> int | None:
    """The finding after the active one, the first if none is active, None behind the last."""
    shown = session.shown()
    place = _place(session, shown)
    return shown[place + 1] if place + 1 < len(shown) else None


def previous_finding(session: OpenCase) -> int | None:
    """The finding before the active one, the last if none is active, None before the first."""
    shown = session.shown()
    place = _place(session, shown)
    if place < 0:
        return shown[-1] if shown else None
    return shown[place - 1] if place else None


def next_undecided(session: OpenCase) -> int | None:
    """The next finding that waits for a decision, from the top again after the last; None if none does."""
    shown = session.shown()
    place = _place(session, shown)
    onward = (*shown[place + 1 :], *shown[: place + 1])
    return next((number for number in onward if not session.state.findings[number].is_decided), None)


def _place(session: OpenCase, shown: tuple[int, ...]) -> int:
    return shown.index(session.active) if session.active in shown else -1
