"""The cases that a scene holds, and their files: what makes a saved scene enough to go on reviewing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import vtk

from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.findings import CaseFindings
from ..case.findings_file import parse_findings
from ..case.geometry import Grid
from ..case.mask_patches import MaskPatch
from ..case.masks import write_mask_on
from ..case.review_lock import CaseLock
from ..case.review_log import ReviewEvent, parse_log, read_log
from ..case.whole_files import writing_to, written_whole
from .ownership import CT_REFERENCE, KEY, owned
from .record import read_record


@dataclass(frozen=True)
class StoredCase:
    """One case as a scene holds it.

    Attributes:
        case_id: of the case.
        folder: where its files were when the scene was saved, perhaps on another machine.
        ct_node: the volume node of its CT, None if it is not in the scene.
        findings: the text of the findings file.
        events: of the review log.
        masks: the model's, by finding.
        stored_grid: of the CT's file.
    """

    case_id: str
    folder: Path
    ct_node: vtk.vtkObject | None
    findings: str
    events: tuple[ReviewEvent, ...]
    masks: dict[int, MaskPatch]
    stored_grid: Grid

    @property
    def is_reviewed(self) -> bool:
        """Whether a reader has begun to work on it."""
        return bool(self.events)

    def write_to(self, folder: Path) -> CaseFiles:
        """Give the case its files in a folder, so that a review can go on; what is there is kept.

        Where the folder holds the case already, its log is made as long as the scene's, or left longer.

        Raises:
            InputError: the case is open there, the folder has other findings under this id or another review
                of them, the record is damaged, or something cannot be written.
        """
        files = CaseFiles(Path(folder), self.case_id)
        case = parse_findings(self.findings, f"the findings of {self.case_id} in the scene")
        with writing_to(files.folder):
            files.folder.mkdir(parents=True, exist_ok=True)
        lock = CaseLock.acquire(files.review_lock, "the scene", "desktop")
        try:
            self._bring_up_to_date(files, case)
        finally:
            lock.release()
        return files

    def _bring_up_to_date(self, files: CaseFiles, case: CaseFindings) -> None:
        missing = self._missing_events(files)
        if not files.is_finished:
            self._write_output(files, case)
        elif files.findings.read_text(encoding="utf-8") != self.findings:
            raise InputError(
                f"{files.folder}: holds other findings for the case {self.case_id}; choose another folder"
            )
        if missing:
            _write_text(files.review_log, "".join(f"{event.line()}\n" for event in self.events))

    def _missing_events(self, files: CaseFiles) -> bool:
        """Whether the log in the folder is shorter than the scene's."""
        there: Sequence[ReviewEvent] = read_log(files.review_log)
        common = min(len(there), len(self.events))
        if tuple(there[:common]) != self.events[:common]:
            raise InputError(
                f"{files.review_log}: another review of the case {self.case_id} than that of the scene; "
                "choose another folder to go on with the scene's"
            )
        return len(there) < len(self.events)

    def _write_output(self, files: CaseFiles, case: CaseFindings) -> None:
        labels = np.zeros(case.ct.size, np.uint16, order="F")
        for number, patch in self.masks.items():
            patch.paint(labels, number)
        write_mask_on(files.instances, labels, case.ct.grid, self.stored_grid)
        _write_text(files.findings, self.findings)


def stored_cases(scene: vtk.vtkObject) -> tuple[StoredCase, ...]:
    """The cases in a scene, also in one that was just loaded.

    Raises:
        InputError: the log of one is damaged.
    """
    found = []
    for node in owned(scene, "record"):
        content = read_record(node)
        log = next(owned(scene, "log", node.GetAttribute(KEY)), None)
        if content is not None:
            found.append(_case(node, log, content))
    return tuple(found)


def _case(node: vtk.vtkObject, log: vtk.vtkObject | None, content: dict[str, Any]) -> StoredCase:
    text = (log.GetText() or "") if log is not None else ""
    return StoredCase(
        case_id=content["case_id"],
        folder=Path(content["folder"]),
        ct_node=node.GetNodeReference(CT_REFERENCE),
        findings=content["findings"],
        events=parse_log(text.encode("utf-8"), f"the review log of {content['case_id']} in the scene"),
        masks={int(number): MaskPatch.from_json(patch) for number, patch in content["masks"].items()},
        stored_grid=content["stored_grid"],
    )


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))
