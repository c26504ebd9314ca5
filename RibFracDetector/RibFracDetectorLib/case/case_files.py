"""The files of one case, and how they come into being together.

All files of a run are written in a hidden folder inside the output folder (same file system, so renaming
is atomic) and renamed into place at the end, the findings last: a case is finished exactly when its
findings file is there. An error, Ctrl-C or a killed process leaves no partial case; a killed process's
hidden folder is removed when the same case is started again on the same machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import InputError
from .file_lock import NoLocksError
from .naming import HALF_PRECISION
from .processes import is_alive, this_host
from .review_lock import CaseLock
from .whole_files import put_in_place, writing_to

REVIEW_LOG_SUFFIX = "_review.jsonl"


@dataclass(frozen=True)
class CaseFiles:
    """The paths of one case's files in `folder`.

    Attributes:
        folder: the output folder, flat: the files of many cases lie in it.
        case_id: prefix of every file name.
        fp16: whether the network ran in half precision; the seed's four files are named after it.
    """

    folder: Path
    case_id: str
    fp16: bool = False

    @property
    def det_rois(self) -> Path:
        """ROIs of the detection head (JSON list, spec 5.6)."""
        return self._seed("det_roi_infos.json")

    @property
    def seg_rois(self) -> Path:
        """ROIs of the segmentation head (JSON list, spec 5.6)."""
        return self._seed("seg_roi_infos.json")

    @property
    def det_mask(self) -> Path:
        """Boxes painted with their scores (spec 5.6)."""
        return self._seed("roi_det_mask.nii.gz")

    @property
    def seg_mask(self) -> Path:
        """The cleaned segmentation (spec 5.6)."""
        return self._seed("roi_seg_mask.nii.gz")

    @property
    def findings(self) -> Path:
        """The model's findings, see `findings.CaseFindings`."""
        return self._own("findings.json")

    @property
    def instances(self) -> Path:
        """uint16 mask, the value is the finding's id."""
        return self._own("instances.nii.gz")

    @property
    def overview(self) -> Path:
        """The picture."""
        return self._own("overview.png")

    @property
    def review_log(self) -> Path:
        """The reader's decisions, one event a line."""
        return self.folder / f"{self.case_id}{REVIEW_LOG_SUFFIX}"

    @property
    def review_lock(self) -> Path:
        """Held by whoever reviews the case."""
        return self._own("review.lock")

    @property
    def edited_mask(self) -> Path:
        """Masks edited by the reader."""
        return self._own("edited.nii.gz")

    @property
    def output(self) -> tuple[Path, ...]:
        """Everything that one detection run writes, the findings last."""
        return (
            self.det_rois,
            self.seg_rois,
            self.det_mask,
            self.seg_mask,
            self.instances,
            self.overview,
            self.findings,
        )

    @property
    def is_finished(self) -> bool:
        """Whether a detection run has completed; its findings file is renamed into place last."""
        try:
            return isinstance(json.loads(self.findings.read_text(encoding="utf-8")), dict)
        except (OSError, ValueError):
            return False

    @property
    def is_reviewed(self) -> bool:
        """Whether a reader has begun to work on the case."""
        return self.review_log.exists() or self.edited_mask.exists()

    def refuse_reviewed(self) -> None:
        """Protect a reader's work from a new run.

        Raises:
            InputError: the case is reviewed.
        """
        if self.is_reviewed:
            raise InputError(
                f"{self.folder}: the case {self.case_id} has been reviewed, its findings are not "
                "overwritten; choose another output folder, or move the review log and the edited mask away"
            )

    @contextlib.contextmanager
    def staged(self) -> Iterator[CaseFiles]:
        """The same case in a hidden folder; at the end its files replace those of an earlier run.

        Files of an earlier run that are not written again (the other precision's, for example) are removed,
        for they would not belong to the new findings. Writers inside the block that raise OSError on a full
        disk (`write_json` and `write_mask` do not) belong in `whole_files.writing_to`.

        Raises:
            InputError: the case is reviewed or open for review, before the block or after it; another process
                writes it, the folder cannot be made or written to, the disk is full. Nothing is left behind
                then, nor after any other exception.
        """
        with self._closed_to_readers():
            pass  # rather now than after all the work
        hidden = self.folder / f".{self.case_id}{_own_ending()}"
        created: list[Path] = []
        try:
            with writing_to(self.folder):
                if self.folder.exists() and not self.folder.is_dir():
                    raise InputError(
                        f"{self.folder}: a file, a folder is expected; choose another output folder"
                    )
                created = _missing_folders(self.folder)
                self.folder.mkdir(parents=True, exist_ok=True)
                self._clear_staging()
                hidden.mkdir()
            yield replace(self, folder=hidden)
            with self._closed_to_readers(), writing_to(self.folder):
                self._publish(hidden)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
            _remove_if_empty(created)

    @contextlib.contextmanager
    def _closed_to_readers(self) -> Iterator[None]:
        """Keeps the findings of an earlier run from being reviewed while they are replaced."""
        self.refuse_reviewed()
        with contextlib.ExitStack() as stack:
            if self.findings.exists():
                with contextlib.suppress(NoLocksError):  # nobody can review there either
                    lock = CaseLock.acquire(self.review_lock, "a new detection", "detect")
                    stack.callback(lock.release)
                self.refuse_reviewed()
            yield

    def _seed(self, suffix: str) -> Path:
        precision = HALF_PRECISION if self.fp16 else ""
        return self.folder / f"{self.case_id}{precision}_{suffix}"

    def _own(self, suffix: str) -> Path:
        return self.folder / f"{self.case_id}_{suffix}"

    def _publish(self, hidden: Path) -> None:
        staged = replace(self, folder=hidden)
        # Without findings the case is unfinished, so a kill between two renames leaves no mixture of runs.
        self.findings.unlink(missing_ok=True)
        for old in (*self.output, *replace(self, fp16=not self.fp16).output):
            old.unlink(missing_ok=True)
        published: list[Path] = []
        try:
            for source, target in zip(staged.output, self.output, strict=True):
                if source.exists():
                    put_in_place(source, target)
                    published.append(target)
        except BaseException:
            for path in published:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise

    def _clear_staging(self) -> None:
        """Remove what killed runs of this case left; refuse to run beside a living one."""
        pattern = re.compile(rf"\.{re.escape(self.case_id)}\.{this_host()}-(\d+)\.staging")
        for path in self.folder.glob(".*.staging"):
            match = pattern.fullmatch(path.name)
            if not match:
                continue
            number = int(match[1])
            if number != os.getpid() and is_alive(number):
                raise InputError(
                    f"{self.folder}: the case {self.case_id} is being written by process {number}; wait "
                    "for it, or give one of two inputs of the same name another id with --case"
                )
            shutil.rmtree(path)


def remove_own_staging(folder: Path) -> None:
    """Remove what this process has begun to write into `folder`, for a process that has to end at once."""
    for hidden in folder.glob(f".*{_own_ending()}"):
        shutil.rmtree(hidden, ignore_errors=True)


def _own_ending() -> str:
    return f".{this_host()}-{os.getpid()}.staging"


def _missing_folders(folder: Path) -> list[Path]:
    """`folder` and its parents that do not exist, innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_if_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
