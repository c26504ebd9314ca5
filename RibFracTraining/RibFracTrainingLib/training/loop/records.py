"""The tables of a run: `train.csv`, `epochs.csv`, `validation.csv`, the text log, TensorBoard, the curves.

A resumed run forgets the rows after its checkpoint, so that the tables of an interrupted training are those
of an uninterrupted one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.whole_files import writing_to, written_whole
from tensorboardX import SummaryWriter

from .curves import draw_curves

TRAIN, EPOCHS, VALIDATION, LOG = "train.csv", "epochs.csv", "validation.csv", "train.log"


class Table:
    """A CSV file that grows by rows, ordered by an integer first column; what a row lacks is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, str]]:
        """What is there; a row that does not fit the columns, as one that a killed run left, is not."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        rows = csv.DictReader(whole.splitlines())
        return [row for row in rows if None not in row and None not in row.values()]

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row. The first one names the columns; one that names others adds them to all.

        Raises:
            InputError: the disk is full.
        """
        columns = self._columns()
        if not set(row) <= set(columns):
            columns += [name for name in row if name not in columns]
            self._write(columns, [*self.rows(), row])
            return
        with writing_to(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, columns).writerow(row)

    def forget_after(self, last: int) -> None:
        """Drop the rows whose first column is larger; without any row left, the table."""
        rows = self.rows()
        kept = [row for row in rows if int(next(iter(row.values()))) <= last]
        if kept:
            self._write(list(kept[0]), kept)
        else:
            self.path.unlink(missing_ok=True)

    def _columns(self) -> list[str]:
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])

    def _write(self, columns: list[str], rows: Sequence[Mapping[str, Any]]) -> None:
        with (
            written_whole(self.path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)


class RunRecords:
    """Everything that a run writes down besides checkpoints; used by the first process alone.

    Args:
        folder: of the run.
        step, epoch: what is done already, in steps of the optimizer and in epochs.
        validated: the last epoch whose validation is done.
    """

    def __init__(self, folder: Path, step: int, epoch: int, validated: int) -> None:
        self.folder = folder
        self.train = Table(folder / TRAIN)
        self.epochs = Table(folder / EPOCHS)
        self.validation = Table(folder / VALIDATION)
        self.train.forget_after(step)
        self.epochs.forget_after(epoch)
        self.validation.forget_after(validated)
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

    def mean_loss(self, epoch: int) -> float:
        """Of the rows of an epoch, those before an interruption too; without NaN and infinity."""
        losses = [float(row["loss"]) for row in self.train.rows() if int(row["epoch"]) == epoch]
        finite = [loss for loss in losses if math.isfinite(loss)]
        return sum(finite) / len(finite) if finite else math.nan

    def is_validated(self, epoch: int) -> bool:
        """Whether the metrics of an epoch are there."""
        return any(int(row["epoch"]) == epoch for row in self.validation.rows())

    def log(self, text: str) -> None:
        """A line of `train.log`."""
        path = self.folder / LOG
        with writing_to(path), path.open("a", encoding="utf-8") as file:
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
