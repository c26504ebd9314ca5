"""The case inside the scene, as text nodes: what a saved scene needs to give its case files back.

The record holds what detection wrote and never changes; the log is the review log as far as it went. Together
they are the case: `stored` writes them to a folder again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import vtk

from ..case.geometry import Grid
from ..review.open_case import OpenCase

RECORD_VERSION = 1
THRESHOLD = "RibFrac.threshold"


def write_record(node: vtk.vtkObject, session: OpenCase) -> None:
    """Put what detection wrote into a text node."""
    content = {
        "record_version": RECORD_VERSION,
        "case_id": session.case.case_id,
        "folder": str(session.files.folder.resolve()),
        "findings": session.files.findings.read_text(encoding="utf-8"),
        "stored_grid": asdict(session.stored_grid),
        "masks": {str(number): patch.to_json() for number, patch in session.model_masks.items()},
    }
    node.SetText(json.dumps(content, ensure_ascii=False))


def read_record(node: vtk.vtkObject) -> dict[str, Any] | None:
    """The inverse, the grid as a `Grid`; None if the text is not of this version."""
    try:
        content = json.loads(node.GetText() or "")
        if content["record_version"] != RECORD_VERSION:
            return None
        grid = content["stored_grid"]
        content["stored_grid"] = Grid(**{name: tuple(values) for name, values in grid.items()})
        return content
    except (ValueError, KeyError, TypeError):
        return None


def write_log(node: vtk.vtkObject, session: OpenCase) -> None:
    """Bring the log in the scene up to date."""
    text = "".join(f"{event.line()}\n" for event in session.events)
    if node.GetText() != text:
        node.SetText(text)
    write_threshold(node, session)


def write_threshold(node: vtk.vtkObject, session: OpenCase) -> None:
    """Note where the slider stands, which the log says with its next event only."""
    node.SetAttribute(THRESHOLD, repr(session.threshold))


def noted_threshold(node: vtk.vtkObject, session: OpenCase) -> float | None:
    """Where the slider stood when the scene was saved; None if the review has gone on since then."""
    text = node.GetAttribute(THRESHOLD)
    events = (node.GetText() or "").count("\n")
    return float(text) if text and events == session.state.sequence else None
