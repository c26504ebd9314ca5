"""The whole of `ribfrac prepare`: find, tell the disk need, prepare each case, split, report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from RibFracDetectorLib.case.dataset import DatasetError, agreed_data
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.file_lock import only_run_in
from RibFracDetectorLib.case.reading import grid_in_header
from RibFracDetectorLib.case.whole_files import writing_to

from ..cache_writing import remove_unfinished
from ..layout import SPLIT_FILE
from ..prepared import PreparedCase
from ..worker_processes import in_processes
from .disk import bytes_needed, free_bytes, told
from .find_cases import Found, SourceCase, find_folder_cases, find_seed_cases, ids_of_the_same_files
from .nndetection import check_task_name, write_task
from .one_case import CaseOptions, CaseOutcome, finished_case, prepare_case
from .plan import WantedSplits, plan_splits, write_splits

if TYPE_CHECKING:
    from RibFracDetectorLib.case.geometry import Grid
    from RibFracDetectorLib.engine.inference.spacing import SpacingRange

Say = Callable[[str], None]
DEFAULT_FOLDS = 5


@dataclass(frozen=True)
class PrepareOptions:
    """What to prepare, and how.

    Attributes:
        sources: folders, in any of the layouts of `find_cases`; one alone for the seed's.
        output: folder of the prepared data set; the source itself for the seed's layout as it is.
        masks: folder of masks that bear the names of their scans.
        split_file: the seed's split file; None takes `dataset.json` if there is one.
        folds: of the cross-validation; None makes five where neither the source states a split nor
            `held_out` names test cases, else none.
        seed: of the folds.
        held_out: file with ids of test cases, one a line, which no fold uses.
        classes: that a label may have.
        unknown_classes: a lesion without a class is one of unknown class, not a problem.
        data: what the scans are: "real", "simulated" or "unknown": what the seed's split file says.
        leave_out: ids of cases that are not used.
        task: name of an nnDetection task to be written, too; None for none.
        jobs: processes.
        spacing_range: least and greatest voxel size in mm along x, y, z, to the nearest of which every case
            is brought, as detection does it; None keeps the scans' own.
    """

    sources: tuple[Path, ...]
    output: Path
    masks: Path | None = None
    split_file: str | None = None
    folds: int | None = None
    seed: int = 0
    held_out: Path | None = None
    classes: frozenset[int] = frozenset({1, 2, 3, 4, 7})
    unknown_classes: bool = False
    data: str = "unknown"
    leave_out: frozenset[str] = frozenset()
    task: str | None = None
    jobs: int = 1
    spacing_range: SpacingRange | None = None


@dataclass(frozen=True)
class Prepared:
    """What a run has made."""

    cases: int
    fracture_free: int
    fractures: int
    splits: tuple[str, ...]
    task: Path | None


def prepare(options: PrepareOptions, say: Say) -> Prepared:
    """Prepare a data set.

    Args:
        options: what and how.
        say: is given one line for people at a time.

    Raises:
        DatasetError: everything that is wrong with the data; cases without problems are prepared and
            kept, the splits are not written.
        InputError: the options or the disk do not allow a start, another run is at work in the output, or
            what the scans are is contradicted.
    """
    _check_options(options)
    found = _find(options)
    in_place = bool(found.split) and _same_folder(options.sources[0], options.output)
    data = _kind_of_data(options, found)
    if in_place and options.spacing_range is not None:
        raise InputError(
            f"--spacing-range: --output {options.output} is the source, which keeps its voxel sizes; choose "
            "another folder"
        )
    case_options = CaseOptions(
        options.output, options.classes, data, writes_files=not in_place, spacing_range=options.spacing_range
    )
    for note in found.notes:
        say(f"note: {note}")
    _check_disk(found.cases, case_options, options.task is not None, say)
    with only_run_in(options.output):
        remove_unfinished(options.output)
        return _prepare_found(found, case_options, options, say)


def _prepare_found(found: Found, case_options: CaseOptions, options: PrepareOptions, say: Say) -> Prepared:
    """Cases, splits and the task."""
    problems = list(found.problems)
    cases: list[PreparedCase] = []
    outcomes = in_processes(partial(prepare_case, options=case_options), found.cases, options.jobs)
    with contextlib.closing(outcomes):
        for number, outcome in enumerate(outcomes, start=1):
            say(f"[{number}/{len(found.cases)}] {_summary(outcome)}")
            for note in outcome.notes:
                say(f"note: {note}")
            problems += outcome.problems
            if outcome.case is not None:
                cases.append(outcome.case)
    if not problems:
        plan, problems = plan_splits(cases, _wanted_splits(options, found))
    if problems:
        raise DatasetError(", ".join(str(source) for source in options.sources), problems)
    in_place = not case_options.writes_files
    prefixes = {case.case_id: case.prefix if in_place else case.case_id for case in found.cases}
    written = write_splits(options.output, plan, prefixes, main_split=not in_place, data=case_options.data)
    task = write_task(options.output, options.task, cases, plan) if options.task is not None else None
    return Prepared(
        cases=len(cases),
        fracture_free=sum(not case.lesions for case in cases),
        fractures=sum(len(case.lesions) for case in cases),
        splits=written,
        task=task,
    )


def _check_options(options: PrepareOptions) -> None:
    for source in (*options.sources, *([options.masks] if options.masks else [])):
        if not source.is_dir():
            raise InputError(f"{source} is no folder; expected a folder of scans and masks")
    if options.folds is not None and options.folds < 2:
        raise InputError(f"--folds {options.folds}: at least 2 are expected")
    if options.jobs < 1:
        raise InputError(f"--jobs {options.jobs}: at least 1 is expected")
    if not options.classes or min(options.classes) < 1:
        raise InputError(f"--classes {sorted(options.classes)}: numbers from 1 are expected")
    if options.task is not None:
        check_task_name(options.task)


def _find(options: PrepareOptions) -> Found:
    first = options.sources[0]
    split_file = options.split_file or SPLIT_FILE
    stated = (first / split_file).is_file() and options.masks is None
    if options.split_file is not None and not stated:
        raise InputError(f"{first / split_file}: missing; expected a split file of the seed's layout")
    if stated and len(options.sources) == 1:
        if options.held_out is not None:
            raise InputError(f"--test: {first / split_file} states the test cases; change them there")
        found = find_seed_cases(first, split_file, options.unknown_classes, options.leave_out)
    else:
        if any(_same_folder(source, options.output) for source in options.sources):
            raise InputError(
                f"--output {options.output} is the source; choose another folder for the data set"
            )
        found = find_folder_cases(
            options.sources, options.masks, options.unknown_classes, options.output, options.leave_out
        )
    found.problems += ids_of_the_same_files(found.cases)
    if not found.cases and not found.problems:
        raise InputError(
            f"{', '.join(map(str, options.sources))}: no case found; expected dataset.json, or "
            "*-image.nii[.gz] with *-label.nii[.gz], or *_image.nii[.gz] with *_instance.nii[.gz]"
        )
    return found


def _kind_of_data(options: PrepareOptions, found: Found) -> str:
    """What the scans are, by the options or else by the split file of the seed's layout."""
    return agreed_data(options.data, found.data, f"the split file of {options.sources[0]}")


def _same_folder(first: Path, second: Path) -> bool:
    return second.exists() and first.samefile(second)


def _check_disk(cases: list[SourceCase], options: CaseOptions, nndetection: bool, say: Say) -> None:
    """Tell what the unfinished cases will take, and refuse to begin what does not fit."""
    to_write = []
    for case in cases:
        if finished_case(case, options) is None:
            with contextlib.suppress(InputError):  # the case itself will tell
                to_write.append(_grid_to_write(case, options))
    needed = bytes_needed(to_write, options.writes_files, nndetection)
    free = free_bytes(options.root)
    say(told(needed, free, options.root))
    if needed > free:
        raise InputError(
            f"{told(needed, free, options.root)}: it does not fit; free some space or choose another --output"
        )
    with writing_to(options.root):
        options.root.mkdir(parents=True, exist_ok=True)


def _grid_to_write(case: SourceCase, options: CaseOptions) -> Grid:
    grid = grid_in_header(case.image)
    if options.spacing_range is None:
        return grid
    from .respacing import respaced_grid  # loads torch

    return respaced_grid(grid, options.spacing_range)


def _summary(outcome: CaseOutcome) -> str:
    if outcome.problems:
        count = len(outcome.problems)
        return f"{outcome.case_id}: {count} problem{'s' if count != 1 else ''}"
    count = len(outcome.case.lesions) if outcome.case else 0
    state = "was finished" if outcome.was_finished else "prepared"
    return f"{outcome.case_id}: {state}, {count or 'no'} fracture{'s' if count != 1 else ''}"


def _wanted_splits(options: PrepareOptions, found: Found) -> WantedSplits:
    has_test = bool(found.split) or options.held_out is not None
    needs_folds = not has_test or options.task is not None
    folds = options.folds or (DEFAULT_FOLDS if needs_folds else 0)
    return WantedSplits(found.split, options.held_out, folds, options.seed)
