"""A batch from its list of scans to what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...case.errors import RibFracError
from ...case.findings import CaseFindings
from ..reporters import NotesReporter
from .inputs import Source
from .making import Making, made_otherwise
from .outcomes import DETECTED, FINISHED, Outcome
from .pipeline import Listener, Pipeline
from .plan import make_plan
from .shards import Shard


@dataclass(frozen=True)
class BatchOptions:
    """How a list of scans is worked on.

    Attributes:
        output: folder of the case files.
        shard: the part of this process.
        overwrite: whether finished cases are detected in again.
    """

    output: Path
    shard: Shard
    overwrite: bool


def detect_in_one(
    source: Source, options: BatchOptions, making: Making, reporter: NotesReporter
) -> list[Outcome]:
    """Detect in a single scan.

    Raises:
        RibFracError: it failed.
    """
    pipeline = Pipeline(options.output, options.overwrite, making, reporter, _One(reporter))
    (outcome,) = pipeline.run([source])
    if outcome.error is not None:
        raise outcome.error
    if outcome.state == FINISHED:
        reporter.note(f"{outcome.name} is finished; --overwrite detects again")
    return [outcome]


def detect_in_many(
    sources: Sequence[Source], options: BatchOptions, making: Making, reporter: NotesReporter
) -> list[Outcome]:
    """Detect in the part of the scans that is this process's; one that fails is told and the rest go on.

    Raises:
        RibFracError: nothing can be detected at all.
    """
    plan = make_plan(sources, options.shard, options.output, options.overwrite)
    if options.shard.count > 1:
        shard = options.shard
        reporter.note(
            f"shard {shard.index} of {shard.count} ({shard.origin}): {plan.count} of {len(sources)} scans"
        )
    for outcome in plan.settled:
        if outcome.error is not None:
            reporter.batch_failure(outcome.name, outcome.error)
    reporter.batch(len(plan.settled), plan.count)
    outcomes = list(plan.settled)
    if plan.todo:
        listener = _Many(reporter, len(plan.settled), plan.count)
        outcomes += Pipeline(options.output, options.overwrite, making, reporter, listener).run(plan.todo)
    _tell_of_other_makings(outcomes, options.output, making, reporter)
    reporter.summary(outcomes)
    return outcomes


def _tell_of_other_makings(
    outcomes: Sequence[Outcome], output: Path, making: Making, reporter: NotesReporter
) -> None:
    """Say which finished cases are not as this run would make them; only if this run has made any."""
    states = {outcome.state for outcome in outcomes}
    if {DETECTED, FINISHED} <= states:
        finished = [outcome.name for outcome in outcomes if outcome.state == FINISHED]
        strange = made_otherwise(output, finished, making)
        if strange:
            reporter.note(
                f"{len(strange)} of the cases finished before were made with other weights or settings "
                f"({strange[0]}, ...); --overwrite detects in all again"
            )


@dataclass(frozen=True)
class _One(Listener):
    reporter: NotesReporter

    def detected(self, case: CaseFindings, folder: Path) -> None:
        self.reporter.result(case, folder)

    def failed(self, name: str, error: RibFracError) -> None:
        self.reporter.failure(name, error)

    def settled(self, count: int) -> None:
        """There is nothing else to come."""


@dataclass(frozen=True)
class _Many(Listener):
    reporter: NotesReporter
    before: int
    total: int

    def detected(self, case: CaseFindings, folder: Path) -> None:
        self.reporter.batch_result(case, folder)

    def failed(self, name: str, error: RibFracError) -> None:
        self.reporter.batch_failure(name, error)

    def settled(self, count: int) -> None:
        self.reporter.batch(self.before + count, self.total)
