"""The table that ends a batch."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .outcomes import DETECTED, FAILED, FINISHED, Outcome

SHOWN = 40
WIDTH = 110


def counts_of(outcomes: Sequence[Outcome]) -> dict[str, int | float]:
    """The numbers of a batch, by the names that programs read."""
    states = [outcome.state for outcome in outcomes]
    return {
        "scans": len(outcomes),
        "detected": states.count(DETECTED),
        "finished_before": states.count(FINISHED),
        "failed": states.count(FAILED),
        "findings": sum(outcome.findings or 0 for outcome in outcomes),
        "compute_seconds": round(sum(outcome.seconds or 0.0 for outcome in outcomes), 1),
    }


def print_summary(outcomes: Sequence[Outcome]) -> None:
    """What became of the scans, on standard output: failures first, then by the best score."""
    # Without a terminal rich assumes 80 columns, which would cut the table.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    counts = counts_of(outcomes)
    told = sorted((one for one in outcomes if one.state != FINISHED), key=_place)
    if told:
        console.print(_table(told[:SHOWN]))
    if len(told) > SHOWN:
        console.print(f"… and {len(told) - SHOWN} more")
    console.print(
        f"{counts['scans']} scans: {counts['detected']} detected in with {counts['findings']} findings, "
        f"{counts['finished_before']} finished before, {counts['failed']} failed"
    )


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="Summary", title_justify="left")
    table.add_column("scan", overflow="fold")
    table.add_column("", no_wrap=True)
    for heading in ("findings", "best score", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in outcomes:
        table.add_row(
            one.name,
            one.state,
            _shown(one.findings, "d"),
            _shown(one.best, ".2f"),
            _shown(one.seconds, ".1f"),
        )
    return table


def _place(outcome: Outcome) -> tuple[bool, float, str]:
    return outcome.state != FAILED, -(outcome.best or 0.0), outcome.name


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
