"""Names of the files of a prepared data set: the seed's layout (spec 7) and a cache beside it.

DIR/dataset*.json                      {"training": [prefix, ...], "test": [prefix, ...]}
DIR/{prefix}_image.nii[.gz]            CT
DIR/{prefix}_instance.nii[.gz]         one whole number per lesion, 0 is background
DIR/{prefix}_ins2cls.json              [{"instance", "bbox", "class", "center"}, ...]
DIR/cache/{case}/image.npy             int16 HU [x, y, z], LPS, C order
DIR/cache/{case}/lesion_voxels.npy     uint16 (n, 4): x, y, z, instance
DIR/cache/{case}/case.json             grid, lesions, and what it was made from

The case id is the last part of the prefix; the folders before it may be symbolic links.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from RibFracDetectorLib.evaluation.result_entries import read_json

from .problems import DatasetError

IMAGE_SUFFIX = "_image"
INSTANCE_SUFFIX = "_instance"
CLASSES_SUFFIX = "_ins2cls.json"
NIFTI_EXTENSIONS = (".nii.gz", ".nii")
SPLIT_FILE = "dataset.json"
CACHE = "cache"
SPLITS = ("training", "test")


def case_folder(root: Path, case_id: str) -> Path:
    """Where the cached arrays of a case lie."""
    return root / CACHE / case_id


def case_id_of_prefix(prefix: str) -> str:
    """The case id: the last part of a prefix, which may hold folders."""
    return PurePosixPath(prefix).name


def fold_file(fold: int) -> str:
    """Name of the split file of a cross-validation fold, counted from 0."""
    return f"dataset_fold{fold}.json"


def read_split_file(path: Path) -> dict[str, list[str]]:
    """The prefixes of both splits.

    Raises:
        InputError: the file is missing or no JSON.
        DatasetError: a split is no list of prefixes, a case comes twice, or an id stands in both splits.
    """
    content: Any = read_json(path)
    if not isinstance(content, dict):
        raise DatasetError(path, ['expected {"training": [prefix, ...], "test": [prefix, ...]}'])
    problems: list[str] = []
    splits: dict[str, list[str]] = {}
    seen: dict[str, str] = {}
    for name in SPLITS:
        prefixes = content.get(name)
        if not isinstance(prefixes, list) or not all(isinstance(prefix, str) for prefix in prefixes):
            problems.append(f'"{name}" is {_kind(prefixes)}; expected a list of file prefixes')
            continue
        splits[name] = prefixes
        for prefix in prefixes:
            case_id = case_id_of_prefix(prefix)
            if case_id in seen:
                problems.append(f"case {case_id} stands in {seen[case_id]} and in {name}; keep one")
            seen.setdefault(case_id, name)
    if problems:
        raise DatasetError(path, problems)
    return splits


def _kind(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
