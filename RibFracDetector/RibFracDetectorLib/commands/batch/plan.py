"""What is left to do of a list of scans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...case.case_files import CaseFiles
from ...case.errors import InputError
from ...case.naming import case_id_from_name, file_key, image_extension
from .inputs import Source
from .outcomes import FINISHED, Outcome
from .shards import Shard


@dataclass(frozen=True)
class Plan:
    """The part of one process.

    Attributes:
        todo: scans to detect in.
        settled: those that an earlier run has finished, and those whose id another scan has.
    """

    todo: list[Source]
    settled: list[Outcome]

    @property
    def count(self) -> int:
        """All scans of the part."""
        return len(self.todo) + len(self.settled)


def make_plan(sources: Sequence[Source], shard: Shard, output: Path, overwrite: bool) -> Plan:
    """The part of `shard`, without what is finished.

    Two scans of one id are seen in the whole list, so no two processes write the same case. The id of a DICOM
    series is not known before its headers are read; such a scan is left to the reading of it.
    """
    plan = Plan([], [])
    for step in shard.of(list(_steps(sources))):
        if isinstance(step, Outcome):
            plan.settled.append(step)
        elif not overwrite and step.case_id and CaseFiles(output, step.case_id).is_finished:
            plan.settled.append(Outcome(step.case_id, FINISHED))
        else:
            plan.todo.append(step)
    return plan


class TakenIds:
    """The ids that the scans of a batch have, each id once."""

    def __init__(self) -> None:
        self._holder: dict[str, tuple[str, Path]] = {}

    def take(self, case_id: str, scan: Path) -> None:
        """Give a scan its id; again is no error.

        Raises:
            InputError: another scan has it, or one that names the same files on some systems.
        """
        other_id, other = self._holder.setdefault(file_key(case_id), (case_id, scan))
        if other == scan:
            return
        why = "" if other_id == case_id else ", as not every system tells capitals from small letters"
        raise InputError(f"{other} and {scan} would both be case {case_id}{why}; rename one of them")


def _steps(sources: Iterable[Source]) -> Iterable[Source | Outcome]:
    """Each scan with its id, if that can be told from its name, or with the reason why it cannot be used."""
    taken = TakenIds()
    for source in sources:
        try:
            case_id = _known_id(source)
            if case_id is not None:
                taken.take(case_id, source.path)
            yield replace(source, case_id=case_id)
        except InputError as error:
            yield Outcome.of_error(str(source.path), error)


def _known_id(source: Source) -> str | None:
    if source.case_id is None and image_extension(source.path):
        return case_id_from_name(source.path)
    return source.case_id
