"""The tables of a run: `train.csv`, `epochs.csv`, `validation.csv`, the text log, TensorBoard, the curves.

A resumed run forgets the rows after its checkpoint, so that the tables of an interrupted training are those
of an uninterrupted one.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.whole_files import written_whole
from tensorboardX import SummaryWriter

from .curves import draw_curves

TRAIN, EPOCHS, VALIDATION, LOG = "train.csv", "epochs.csv", "validation.csv", "train.log"


class Table:
    """A CSV file that grows by rows, ordered by an integer first column."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, str]]:
        """What is there; a row that a killed run left unfinished is not."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        return list(csv.DictReader(whole.splitlines()))

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row; the first one names the columns."""
        is_new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def forget_after(self, last: int) -> None:
        """Drop the rows whose first column is larger."""
        if not self.path.exists():
            return
        rows = self.rows()
        if not rows:
            self.path.unlink()
            return
        first = next(iter(rows[0]))
        with (
            written_whole(self.path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row for row in rows if int(row[first]) <= last)


class RunRecords:
    """Everything that a run writes down besides checkpoints; used by the first process alone.

    Args:
        folder: of the run.
        step, epoch: what is done already, in steps of the optimizer and whole epochs.
    """

    def __init__(self, folder: Path, step: int, epoch: int) -> None:
        self.folder = folder
        self.train = Table(folder / TRAIN)
        self.epochs = Table(folder / EPOCHS)
        self.validation = Table(folder / VALIDATION)
        self.train.forget_after(step)
        self.epochs.forget_after(epoch)
        self.validation.forget_after(epoch)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def step(self, step: int, row: Mapping[str, Any]) -> None:
        """A row of `train.csv`."""
        self.train.append({"step": step, **row})
        self._scalars("train", step, row)

    def epoch(self, epoch: int, step: int, row: Mapping[str, Any]) -> None:
        """A row of `epochs.csv`."""
        self.epochs.append({"epoch": epoch, "step": step, **row})
        self._scalars("epoch", step, row)

    def validated(self, epoch: int, step: int, row: Mapping[str, Any]) -> None:
        """A row of `validation.csv`."""
        self.validation.append({"epoch": epoch, "step": step, **row})
        self._scalars("validation", step, row)

    def best(self) -> float:
        """The highest mAP so far; minus infinity before the first."""
        values = [float(row["mAP"]) for row in self.validation.rows()]
        return max((value for value in values if value == value), default=float("-inf"))

    def is_validated(self, epoch: int) -> bool:
        """Whether the metrics of an epoch are there."""
        return any(int(row["epoch"]) == epoch for row in self.validation.rows())

    def log(self, text: str) -> None:
        """A line of `train.log`."""
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {text}\n")

    def draw(self) -> None:
        """The curves as they are now."""
        draw_curves(self.train.rows(), self.validation.rows(), self.folder / "curves.png")

    def close(self) -> None:
        """Flush TensorBoard's file."""
        self._board.close()

    def _scalars(self, group: str, step: int, row: Mapping[str, Any]) -> None:
        for key, value in row.items():
            if isinstance(value, int | float):
                self._board.add_scalar(f"{group}/{key}", value, step)
