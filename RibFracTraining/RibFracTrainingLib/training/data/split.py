"""A split of a prepared data set, checked as a whole before anything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from RibFracDetectorLib.case.dataset import SPLITS, DatasetError, case_id_of_prefix, read_split_file
from RibFracDetectorLib.case.errors import InputError

from .classes import ClassMap
from .layout import SPLIT_FILE, case_folder
from .prepared import PreparedCase, read_case

SAMPLE_SEED = 42
"""The published system draws its part of a split with this seed (spec 2)."""

Item = TypeVar("Item")


def open_split(
    root: Path,
    split: str,
    classes: ClassMap,
    split_file: str = SPLIT_FILE,
    sample_rate: float = 1.0,
    seed: int = SAMPLE_SEED,
) -> list[PreparedCase]:
    """The cases of a split, by ascending case id.

    Every case of the split is checked, drawn or not.

    Args:
        root: folder of a prepared data set.
        split: "training" or "test".
        classes: the detector's classes.
        split_file: which of the folder's `dataset*.json`.
        sample_rate: part of the cases that is drawn, (0, 1]; at least one is.
        seed: of the draw; the same cases come for the same ids, whatever the order of the file.

    Raises:
        DatasetError: everything that is wrong: no case, none with a fracture (training), a case that is not
            prepared or whose arrays do not fit, a class outside the map.
        InputError: the split file is missing or no JSON.
        ValueError: a bad `split` or `sample_rate`.
    """
    if split not in SPLITS or not 0 < sample_rate <= 1:
        raise ValueError(f"expected one of {SPLITS} and a sample rate in (0, 1], not {split}, {sample_rate}")
    path = Path(root) / split_file
    case_ids = sorted(case_id_of_prefix(prefix) for prefix in read_split_file(path)[split])
    if not case_ids:
        raise DatasetError(path, [f'the split "{split}" is empty; move cases into it'])
    cases, problems = _read_cases(Path(root), case_ids, classes)
    if not problems and split == "training" and not any(case.lesions_of(classes) for case in cases):
        problems.append(f'no fracture in any case of "{split}"; add cases with fractures')
    if problems:
        raise DatasetError(path, problems)
    return [cases[index] for index in _drawn(len(cases), sample_rate, seed)]


def _read_cases(
    root: Path, case_ids: Sequence[str], classes: ClassMap
) -> tuple[list[PreparedCase], list[str]]:
    cases: list[PreparedCase] = []
    problems: list[str] = []
    for case_id in case_ids:
        try:
            case = read_case(case_folder(root, case_id))
            case.image()
            case.lesion_voxels()
        except InputError as error:
            problems.append(str(error))
            continue
        cases.append(case)
        problems += [
            f"{case_id}: instance {lesion.instance} has class {lesion.label}, outside the label map "
            f"({classes.known}); add it to the map or correct the label"
            for lesion in case.lesions
            if lesion.label not in classes
        ]
    return cases, problems


def _drawn(count: int, sample_rate: float, seed: int) -> list[int]:
    wanted = max(1, round(count * sample_rate))
    if wanted == count:
        return list(range(count))
    return sorted(np.random.default_rng(seed).choice(count, wanted, replace=False).tolist())


def shard(items: Sequence[Item], rank: int, world_size: int) -> list[Item]:
    """The part of one of `world_size` processes; together they are all items, none twice."""
    return list(items[rank::world_size])


def fold_of_cases(has_lesions: Mapping[str, bool], folds: int, seed: int) -> dict[str, int]:
    """Which cross-validation fold validates each case.

    Cases are put in an order that depends on the seed and their ids alone, and dealt out; those with
    fractures first, so that every fold has its share of both kinds.

    Args:
        has_lesions: for each case id whether the scan has a fracture.
        folds: how many.
        seed: another one gives another split.
    """

    def place(case_id: str) -> tuple[bool, bytes]:
        return not has_lesions[case_id], hashlib.sha256(f"{seed}:{case_id}".encode()).digest()

    return {case_id: number % folds for number, case_id in enumerate(sorted(has_lesions, key=place))}


def without_fold(fold_of: Mapping[str, int], fold: int) -> tuple[list[str], list[str]]:
    """Training and validation cases of a fold, ascending."""
    return _ids(fold_of, lambda number: number != fold), _ids(fold_of, lambda number: number == fold)


def _ids(fold_of: Mapping[str, int], wanted) -> list[str]:
    return sorted(case_id for case_id, number in fold_of.items() if wanted(number))
