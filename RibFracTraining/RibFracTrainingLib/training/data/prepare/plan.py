"""Which case goes where: held-out cases and cross-validation folds, and their split files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from RibFracDetectorLib.case.whole_files import write_json

from ..layout import SPLIT_FILE, fold_file
from ..prepared import PreparedCase
from ..split import fold_of_cases, without_fold


@dataclass(frozen=True)
class WantedSplits:
    """What is asked for.

    Attributes:
        stated: the split that the source states, case ids by its name; empty if it states none.
        held_out: file with ids of test cases, one a line.
        folds: of the cross-validation over all other cases; 0 for none.
        seed: of the folds.
    """

    stated: Mapping[str, Sequence[str]]
    held_out: Path | None
    folds: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """Case ids, ascending.

    Attributes:
        training: all cases but the held-out ones.
        held_out: the test cases, which may be none.
        folds: training and validation cases of each fold.
    """

    training: list[str]
    held_out: list[str]
    folds: list[tuple[list[str], list[str]]]


def plan_splits(cases: Sequence[PreparedCase], wanted: WantedSplits) -> tuple[Plan, list[str]]:
    """The splits of a data set, and what is wrong with it as a whole."""
    problems = _empty_splits(wanted)
    held_out, unreadable = _held_out(cases, wanted)
    problems += unreadable
    rest = {case.case_id: bool(case.lesions) for case in cases if case.case_id not in held_out}
    if not any(case.lesions for case in cases):
        problems.append(f"no fracture in any of {len(cases)} cases; check that the masks are of lesions")
    elif not any(rest.values()):
        problems.append("no fracture in the training split; move cases with fractures into it")
    fold_of = fold_of_cases(rest, wanted.folds, wanted.seed) if wanted.folds else {}
    folds = [without_fold(fold_of, number) for number in range(wanted.folds)]
    problems += _fold_problems(rest, folds)
    return Plan(sorted(rest), sorted(held_out), folds), problems


def _empty_splits(wanted: WantedSplits) -> list[str]:
    """Stated splits without a case; with folds no test case is needed."""
    empty = {name for name, ids in wanted.stated.items() if not ids}
    if "test" in empty and wanted.folds:
        empty.remove("test")
    advice = {"test": " or give --folds"}
    return [
        f'the split "{name}" is empty; move cases into it{advice.get(name, "")}' for name in sorted(empty)
    ]


def _fold_problems(
    has_lesions: Mapping[str, bool], folds: Sequence[tuple[Sequence[str], Sequence[str]]]
) -> list[str]:
    """What keeps folds from being trained on; `has_lesions` is of the cases in them."""
    count = len(has_lesions)
    if count < len(folds):
        lower = (
            "set --folds lower" if count > 1 else "add cases, or name test cases by --test without --folds"
        )
        return [f"{count} case{'s' * (count != 1)} cannot be split into {len(folds)} folds; {lower}"]
    bare = [
        str(number)
        for number, (training, _) in enumerate(folds)
        if any(has_lesions.values()) and not any(has_lesions[case_id] for case_id in training)
    ]
    return [
        f"no fracture in the training cases of fold {number}; add cases with fractures, or name test cases "
        f"by --test without --folds"
        for number in bare
    ]


def _held_out(cases: Sequence[PreparedCase], wanted: WantedSplits) -> tuple[set[str], list[str]]:
    if wanted.held_out is None:
        return set(wanted.stated.get("test", ())), []
    try:
        lines = wanted.held_out.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return set(), [f"{wanted.held_out}: cannot be read ({error}); expected case ids, one a line"]
    ids = {line.strip() for line in lines if line.strip()}
    if not ids:
        return ids, [f"{wanted.held_out}: no case id in it; expected those of the test cases, one a line"]
    strangers = sorted(ids - {case.case_id for case in cases})
    return ids, [
        f"{wanted.held_out}: {name} is no case of the data set; correct the id" for name in strangers
    ]


def write_splits(
    root: Path, plan: Plan, prefixes: Mapping[str, str], main_split: bool, data: str
) -> tuple[str, ...]:
    """Write the split files into `root` and return their names.

    Args:
        root: folder of the data set.
        plan: who goes where.
        prefixes: of the files of each case.
        main_split: whether `dataset.json` is to be written, too; its test cases are the held-out ones, or
            without any the first fold.
        data: what the scans are: "real", "simulated" or "unknown", of which nothing is written.
    """
    files = {fold_file(number): sides for number, sides in enumerate(plan.folds)}
    if main_split:
        first = (plan.training, plan.held_out) if plan.held_out else plan.folds[0]
        files = {SPLIT_FILE: first, **files}
    for name, sides in files.items():
        training, test = ([prefixes[case_id] for case_id in side] for side in sides)
        kind = {} if data == "unknown" else {"data": data}
        write_json(root / name, {"training": training, "test": test, **kind})
    if plan.folds or main_split:
        _remove_folds_from(root, len(plan.folds))
    return tuple(files)


def _remove_folds_from(root: Path, first: int) -> None:
    """Folds of an earlier run with more of them; they would overlap with these."""
    for path in root.glob("dataset_fold*.json"):
        number = re.fullmatch(r"dataset_fold(\d+)\.json", path.name)
        if number and int(number[1]) >= first:
            path.unlink()
