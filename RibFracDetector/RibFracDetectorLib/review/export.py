"""What leaves a review: the accepted findings in the seed's four files, a table, and a text.

The export is a folder of the reader's choice, never the case's own, whose files are the model's output. Names
and fields are those of detection, so every tool that reads its results reads a reader's too; findings of the
reader's own have probability 1. The files of a model that did not learn from patients carry its stamp: in
every row and entry, in the header of the masks, and in `{case}_export.json`.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.masks import write_mask_on
from ..case.review_replay import ReviewedFinding
from ..case.whole_files import write_json, writing_to, written_whole
from .boxes import center
from .open_case import OpenCase
from .rows import FindingRow, all_rows
from .texts import NOT_A_DEVICE, report_text

CSV_COLUMNS = (
    "case",
    "finding",
    "origin",
    "shown",
    "status",
    "score",
    "side",
    "region",
    "slice",
    "r_mm",
    "a_mm",
    "s_mm",
    "size_x_mm",
    "size_y_mm",
    "size_z_mm",
    "volume_mm3",
    "class",
    "flags",
    "comment",
    "reader",
    "time",
    "note",
)


def export_case(session: OpenCase, folder: Path) -> tuple[Path, ...]:
    """Write the review into a folder: accepted findings as JSON and masks, all as CSV, a text.

    A model that did not learn from patients gets no text.

    Returns:
        the files.

    Raises:
        InputError: the model's findings must not be seen yet, the folder is the case's own or holds one of
            the files already, or cannot be written to.
    """
    folder = Path(folder)
    files = CaseFiles(folder, session.case.case_id)
    table, text = folder / f"{files.case_id}_review.csv", folder / f"{files.case_id}_report.txt"
    about = folder / f"{files.case_id}_export.json"
    targets = (*_seed_files(files), table, text, about)
    _refuse(session, folder, reversed(targets))
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    accepted = [finding for finding in session.state.findings.values() if finding.status == "accepted"]
    with _all_or_none(targets):
        _write_seed_files(session, files, accepted)
        _write_text(table, csv_text(session))
        if not session.banner:
            _write_text(text, report_text(session))
        write_json(about, _about(session, len(accepted)))
    return tuple(path for path in targets if path.exists())


def csv_text(session: OpenCase) -> str:
    """All findings as a table with a heading, ready for a file or the clipboard."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    shown = set(session.shown())
    for entry in all_rows(session):
        writer.writerow(_cells(session, entry, entry.id in shown))
    return stream.getvalue()


def _seed_files(files: CaseFiles) -> tuple[Path, ...]:
    return files.det_rois, files.seg_rois, files.det_mask, files.seg_mask


@contextlib.contextmanager
def _all_or_none(targets: Sequence[Path]) -> Iterator[None]:
    """Removes what was written when the rest cannot be, so that it can be tried again."""
    try:
        yield
    except BaseException:
        for path in targets:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _refuse(session: OpenCase, folder: Path, targets: Iterable[Path]) -> None:
    if session.findings_hidden:
        raise InputError("the first read is not recorded yet; record it before exporting")
    if folder.exists() and folder.resolve() == session.files.folder.resolve():
        raise InputError(f"{folder}: holds the model's output, which is kept; choose another folder")
    present = next((path.name for path in targets if path.exists()), None)
    if present is not None:
        raise InputError(f"{folder}: holds {present} of this case already; choose another folder")


def _write_seed_files(session: OpenCase, files: CaseFiles, accepted: list[ReviewedFinding]) -> None:
    """Boxes and masks in the seed's names and fields."""
    ranked = sorted(accepted, key=lambda finding: (-_probability(finding), finding.id))
    boxed = [finding for finding in ranked if finding.model is None or finding.model.head != "seg"]
    masked = [finding for finding in ranked if session.mask(finding.id) is not None]
    boxes = np.zeros(session.grid.size, np.uint16, order="F")
    masks = np.zeros(session.grid.size, np.uint8, order="F")
    for finding in reversed(boxed):  # the best on top
        _paint_box(boxes, finding)
    for finding in masked:
        session.mask(finding.id).paint(masks, 1)
    write_json(files.det_rois, [_det_roi(session, *ranked) for ranked in enumerate(boxed, start=1)])
    write_json(files.seg_rois, [_seg_roi(session, *ranked) for ranked in enumerate(masked, start=1)])
    for path, mask in ((files.det_mask, boxes), (files.seg_mask, masks)):
        write_mask_on(path, mask, session.grid, session.stored_grid, note=session.banner or "")


def _probability(finding: ReviewedFinding) -> float:
    return 1.0 if finding.model is None else finding.model.score


def _class_id(finding: ReviewedFinding) -> int:
    return 0 if finding.model is None else finding.model.class_id


def _det_roi(session: OpenCase, rank: int, finding: ReviewedFinding) -> dict[str, Any]:
    """One entry of the seed's list of boxes."""
    box = list(finding.box_voxels)
    return _roi(session, rank, finding, box, list(center(box)))


def _seg_roi(session: OpenCase, rank: int, finding: ReviewedFinding) -> dict[str, Any]:
    """One entry of the seed's list of masks: whole voxels, half-open."""
    mask = session.mask(finding.id)
    ends = [first + length for first, length in zip(mask.start, mask.voxels.shape, strict=True)]
    box = [*mask.start, *ends]
    return _roi(session, rank, finding, box, [round(value) for value in mask.centroid])


def _roi(
    session: OpenCase, rank: int, finding: ReviewedFinding, box: list[float], middle: list[float]
) -> dict[str, Any]:
    """The seed's fields, with a note behind them if there is something to stamp."""
    entry: dict[str, Any] = {
        "instance": rank,
        "bbox": box,
        "class": _class_id(finding),
        "center": middle,
        "prob": _probability(finding),
    }
    return {**entry, "note": session.banner} if session.banner else entry


def _paint_box(mask: NDArray[np.uint16], finding: ReviewedFinding) -> None:
    low, high = np.round(finding.box_voxels).astype(int).reshape(2, 3)
    interior = tuple(slice(max(a, 0), max(b, 0)) for a, b in zip(low, high, strict=True))
    mask[interior] = round(_probability(finding) * 100) + 100 * _class_id(finding)


def _cells(session: OpenCase, entry: FindingRow, shown: bool) -> list[Any]:
    return [
        session.case.case_id,
        entry.id,
        "reader" if entry.own else "model",
        "yes" if shown else "no",
        entry.status,
        "" if entry.score is None else f"{entry.score:.4f}",
        entry.side,
        entry.region,
        entry.slice,
        *(f"{value:.3f}" for value in (*entry.center_ras, *entry.size_mm)),
        "" if entry.volume_mm3 is None else f"{entry.volume_mm3:.1f}",
        entry.fracture_class,
        "; ".join(entry.flags),
        entry.comment,
        entry.reader,
        entry.time,
        session.banner or NOT_A_DEVICE,
    ]


def _about(session: OpenCase, accepted: int) -> dict[str, Any]:
    """Where the export comes from."""
    provenance = session.case.provenance
    return {
        "case_id": session.case.case_id,
        "note": session.banner or NOT_A_DEVICE,
        "reader": session.reader,
        "complete": session.state.complete,
        "threshold": session.threshold,
        "accepted": accepted,
        "hidden_below_threshold": session.hidden_below_threshold,
        "review_events": session.state.sequence,
        "program": provenance.program,
        "weights": [asdict(weights) for weights in provenance.weights],
    }


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
