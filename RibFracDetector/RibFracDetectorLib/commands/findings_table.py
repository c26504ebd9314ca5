"""The table of findings that ends `ribfrac detect`."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from ..case.findings import CaseFindings

SHOWN = 30
WIDTH = 110
HEADS = {"det": "box", "seg": "mask", "both": "box + mask"}


def print_findings(case: CaseFindings) -> None:
    """The best `SHOWN` findings on standard output; positions in RAS mm, slices counted from the feet."""
    # Without a terminal rich assumes 80 columns, which would cut the table.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    findings = case.above_threshold
    if not findings:
        none = f"no finding of {case.threshold:.2f} or more"
        console.print(f"{case.case_id}: {none}; this does not exclude a fracture.")
        _print_hidden(console, case)
        return
    table = Table(
        title=f"{case.case_id}: {len(findings)} findings",
        title_justify="left",
        caption="Slices are counted from 0 at the feet.",
        caption_justify="left",
    )
    for heading in ("id", "score", "slice", "R, A, S (mm)", "size (mm)", "mask (mm³)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("seen by", no_wrap=True)
    table.add_column("flags", no_wrap=True)
    for finding in findings[:SHOWN]:
        box = finding.box_voxels
        table.add_row(
            str(finding.id),
            f"{finding.score:.2f}",
            str(round((box[2] + box[5]) / 2)),
            ", ".join(f"{value:.0f}" for value in finding.box_ras.center),
            " × ".join(f"{value:.0f}" for value in finding.box_ras.size),
            "" if finding.volume_mm3 is None else f"{finding.volume_mm3:.0f}",
            HEADS[finding.head],
            ", ".join(finding.flags),
        )
    console.print(table)
    if len(findings) > SHOWN:
        console.print(f"… and {len(findings) - SHOWN} more in the findings file.")
    _print_hidden(console, case)


def _print_hidden(console: Console, case: CaseFindings) -> None:
    hidden = len(case.findings) - len(case.above_threshold)
    if hidden:
        console.print(f"{hidden} below the threshold {case.threshold:.2f} in the findings file.")
