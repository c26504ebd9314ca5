"""What a run tells while it works: a bar for people, JSON lines for programs, or notes alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


class Clock:
    """Estimates the seconds left from the speed of this process so far, validation included."""

    def __init__(self, done: int, total: int) -> None:
        self._first, self._total, self._begin = done, total, time.monotonic()

    def seconds_left(self, done: int) -> float | None:
        """None before the first step."""
        if done <= self._first:
            return None
        return (time.monotonic() - self._begin) / (done - self._first) * (self._total - done)


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds."""
    if seconds is None:
        return "-:--:--"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class TrainingReporter:
    """Prints notes and one line an epoch on standard error."""

    def begin(self, step: int, total: int) -> None:
        """The loop begins at `step` of `total` steps of the optimizer."""
        self.clock = Clock(step, total)
        self.total = total

    def step(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """A step is done; `values` holds loss, lr and grad_norm."""

    def epoch(self, epoch: int, step: int, values: Mapping[str, Any]) -> None:
        """An epoch (from 1) is over."""
        left = duration(self.clock.seconds_left(step))
        self.note(f"epoch {epoch}: {_joined(values)}, time left {left}")

    def validation(self, epoch: int, values: Mapping[str, float]) -> None:
        """The validation of an epoch is over."""
        self.note(f"epoch {epoch} validation: {_joined(values)}")

    def note(self, text: str) -> None:
        """Something the user should know."""
        print(f"ribfrac: {text}", file=sys.stderr, flush=True)

    def result(self, folder: Path) -> None:
        """The run is over; its files are in `folder`."""
        self.note(f"done, everything is in {folder}")

    def close(self) -> None:
        """Nothing more will come."""


class SilentReporter(TrainingReporter):
    """For all processes but the first."""

    def note(self, text: str) -> None:
        """Say nothing."""


class BarReporter(TrainingReporter):
    """A progress bar of the whole training with the time left."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[values]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("training", total=None, values="")

    def begin(self, step: int, total: int) -> None:
        """See `TrainingReporter.begin`."""
        super().begin(step, total)
        self._bar.update(self._task, completed=step, total=total)
        self._bar.start()

    def step(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """See `TrainingReporter.step`."""
        left = duration(self.clock.seconds_left(step))
        text = f"loss {values['loss']:.4g}  time left {left}"
        self._bar.update(self._task, completed=step, description=f"epoch {epoch}", values=text)

    def note(self, text: str) -> None:
        """See `TrainingReporter.note`; above the bar."""
        self._bar.console.print(f"ribfrac: {text}", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()


class JsonLinesReporter(TrainingReporter):
    """One JSON object a line on standard output."""

    def step(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """See `TrainingReporter.step`."""
        left = self.clock.seconds_left(step)
        self._emit("step", epoch=epoch, step=step, total=self.total, seconds_left=left, **values)

    def epoch(self, epoch: int, step: int, values: Mapping[str, Any]) -> None:
        """See `TrainingReporter.epoch`."""
        self._emit("epoch", epoch=epoch, step=step, total=self.total, **values)

    def validation(self, epoch: int, values: Mapping[str, float]) -> None:
        """See `TrainingReporter.validation`."""
        self._emit("validation", epoch=epoch, **values)

    def note(self, text: str) -> None:
        """See `TrainingReporter.note`."""
        self._emit("note", text=text)

    def result(self, folder: Path) -> None:
        """See `TrainingReporter.result`."""
        self._emit("result", folder=str(folder))

    def _emit(self, event: str, **fields: Any) -> None:
        finite = {key: _finite(value) for key, value in fields.items()}
        print(json.dumps({"event": event, **finite}), flush=True)


def make_training_reporter(style: str, is_first: bool) -> TrainingReporter:
    """The reporter for --progress; "auto" draws a bar where standard error is a terminal."""
    if not is_first:
        return SilentReporter()
    if style == "jsonl":
        return JsonLinesReporter()
    if style == "bar" or (style == "auto" and sys.stderr.isatty()):
        return BarReporter()
    return TrainingReporter()


def _finite(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and value - value != 0 else value


def _joined(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in values.items()
    )
