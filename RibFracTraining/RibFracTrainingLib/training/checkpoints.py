"""Checkpoints of a run: written whole or not at all, the last few kept, the best marked.

`latest.pth` is written first; `epoch_N.pth` and `best_mAP_epoch_N.pth` are further names of the same file
where the file system allows it. All load with `weights_only=True` and, by their key `state_dict`, in the
engine.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import CheckpointIO
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.whole_files import put_in_place, written_whole

from .module import STATE_KEY, Position, validated_epoch
from .saving import save_tensors

LATEST = "latest.pth"
_EPOCH = re.compile(r"epoch_(\d+)\.pth")
_BEST = "best_mAP_epoch_{}.pth"
_UNFINISHED = re.compile(r"\.\d+-.*\.pth")


class WholeCheckpointIO(CheckpointIO):
    """Lightning's checkpoints through `written_whole`, read without running any code."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,
        storage_options: Any | None = None,  # noqa: ARG002
    ) -> None:
        """Write a checkpoint.

        Raises:
            InputError: the folder cannot be written to, or the disk is full.
        """
        with written_whole(Path(path)) as temporary:
            save_tensors(checkpoint, temporary, Path(path))

    def load_checkpoint(
        self,
        path: Any,
        map_location: Any | None = None,  # noqa: ARG002
        weights_only: bool | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Read a checkpoint; tensors on the CPU, from where they are copied to where they belong."""
        return torch.load(path, map_location="cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one run.

    Attributes:
        path: the run folder.
        every_epochs: epochs between two `epoch_N.pth`.
        keep: how many of them are kept.
    """

    path: Path
    every_epochs: int
    keep: int

    @property
    def latest(self) -> Path:
        """The newest checkpoint."""
        return self.path / LATEST

    def epoch_files(self) -> dict[int, Path]:
        """`epoch_N.pth` by N, ascending."""
        found = {
            int(match[1]): path for path in self.path.iterdir() if (match := _EPOCH.fullmatch(path.name))
        }
        return dict(sorted(found.items()))

    def begin_at(self, start: Resumption, epoch: int) -> list[str]:
        """Make `latest.pth` the checkpoint that the run goes on from, and remove damaged later ones.

        Else a file from elsewhere, or a damaged one, would be marked as best; and `mark_epoch`, which keeps
        the highest numbers, would remove the new ones.

        Args:
            start: the checkpoint.
            epoch: that it has reached, from 1.

        Returns:
            The names of the `epoch_N.pth` that were removed.

        Raises:
            InputError: the folder holds what came later and would be lost, or cannot be written to.
        """
        others = {
            file: number
            for number, file in {epoch: self.latest, **self.epoch_files()}.items()
            if file.exists() and not file.samefile(start.path)
        }
        steps = {file: _steps_of(file) for file in others}
        further = [file.name for file, done in steps.items() if done is not None and done > start.global_step]
        if further:
            raise InputError(
                f"{self.path}: holds {', '.join(further)}, further on than {start.path}; choose another "
                "--output, or remove them"
            )
        damaged = [file for file, number in others.items() if steps[file] is None and number > epoch]
        for file in damaged:
            file.unlink()
        if not self.latest.exists() or not self.latest.samefile(start.path):
            _same_file(start.path, self.latest)
        return [file.name for file in damaged]

    def save_latest(self, write: Callable[[Path], None]) -> None:
        """Let `write` write `latest.pth`."""
        write(self.latest)

    def mark_epoch(self, epoch: int, is_last: bool) -> None:
        """Keep `latest.pth` as `epoch_N.pth` if it is time to, and no more than `keep` of them."""
        if epoch % self.every_epochs and not is_last:
            return
        _same_file(self.latest, self.path / f"epoch_{epoch}.pth")
        for path in list(self.epoch_files().values())[: -self.keep]:
            path.unlink()

    def mark_best(self, epoch: int) -> None:
        """Keep `latest.pth` as the best of the run."""
        best = self.path / _BEST.format(epoch)
        _same_file(self.latest, best)
        for path in self.path.glob(_BEST.format("*")):
            if path != best:
                path.unlink()

    def remove_unfinished(self) -> None:
        """Remove what killed runs left half written."""
        for path in self.path.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink()


@dataclass(frozen=True)
class Resumption:
    """A checkpoint to go on from.

    Attributes:
        path: the file.
        position: where the training stood.
        global_step: steps of the optimizer done.
        keys: of the network's weights.
        meta: as it was saved.
        validated: the last epoch whose validation it knows of.
    """

    path: Path
    position: Position
    global_step: int
    keys: tuple[str, ...]
    meta: dict[str, Any]
    validated: int


def find_resumption(folder: CheckpointFolder, wanted: str) -> tuple[Resumption | None, list[str]]:
    """What `--resume` means.

    Args:
        folder: of the run.
        wanted: "auto" for the newest readable checkpoint of the folder, or a file.

    Returns:
        The checkpoint, None for "auto" in a folder without any; and notes on files that were passed over.

    Raises:
        InputError: the file is missing or no checkpoint of a training, or none of the folder is readable.
    """
    if wanted != "auto":
        return read_resumption(Path(wanted)), []
    candidates = [folder.latest, *reversed(folder.epoch_files().values())] if folder.path.is_dir() else []
    notes: list[str] = []
    for path in candidates:
        if path.exists():
            try:
                return read_resumption(path), notes
            except InputError as error:
                notes.append(f"{error}; looking for an older one")
    if notes:
        raise InputError(f"no checkpoint in {folder.path} can be read: {'; '.join(notes)}")
    return None, notes


def read_resumption(path: Path) -> Resumption:
    """The facts of a training checkpoint.

    Raises:
        InputError: missing, unreadable, or without the state of a training.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"--resume: there is no file {path}") from None
    except Exception as error:  # torch raises many kinds for a damaged file
        cause = " ".join(str(error).split())[:100]
        raise InputError(f"{path} is no readable checkpoint ({type(error).__name__}: {cause})") from None
    if not isinstance(content, dict) or STATE_KEY not in content:
        raise InputError(
            f"{path} holds no state of a training by RibFrac; to start from its weights: load_from={path}"
        )
    state = content[STATE_KEY]
    return Resumption(
        path,
        Position(state["epoch"], state["step"]),
        content["global_step"],
        tuple(content["state_dict"]),
        content["meta"],
        validated_epoch(state),
    )


def _steps_of(path: Path) -> int | None:
    """Steps of the optimizer that a checkpoint has done; None for one that is damaged."""
    try:
        return read_resumption(path).global_step
    except InputError:
        return None


def _same_file(source: Path, target: Path) -> None:
    """Make `target` a second name of `source`, or a copy where the file system has no such names."""
    # Not the name under which a copy is written, which would be written into `source` by it.
    link = target.with_name(f".{os.getpid()}-link-{target.name}")
    try:
        link.unlink(missing_ok=True)
        os.link(source, link)
        put_in_place(link, target)
    except OSError:
        link.unlink(missing_ok=True)
        with written_whole(target) as copy:
            shutil.copyfile(source, copy)
