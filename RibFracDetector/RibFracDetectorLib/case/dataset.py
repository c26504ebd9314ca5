"""A data set in the seed's layout (spec 7): which case lies where, and which split it belongs to.

DIR/dataset*.json                      {"training": [prefix, ...], "test": [prefix, ...]}
                                       and, where it is known, "data": "real" or "simulated"
DIR/{prefix}_image.nii[.gz]            CT
DIR/{prefix}_instance.nii[.gz]         one whole number per lesion, 0 is background
DIR/{prefix}_ins2cls.json              [{"instance", "bbox", "class", "center"}, ...]
DIR/{prefix}_simulation.json           of a simulated scan alone: how it was made

The case id is the last part of the prefix; the folders before it may be symbolic links.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import InputError
from .json_files import read_json

IMAGE_SUFFIX = "_image"
INSTANCE_SUFFIX = "_instance"
CLASSES_SUFFIX = "_ins2cls.json"
RECORD_SUFFIX = "_simulation.json"
NIFTI_EXTENSIONS = (".nii.gz", ".nii")
SPLITS = ("training", "test")
DATA_KINDS = ("simulated", "real", "unknown")
"""What scans can be said to be."""
SPLIT_FILES = "dataset*.json"


class DatasetError(InputError):
    """A data set cannot be used; everything wrong with it is told at once.

    Attributes:
        problems: one line each, naming the file, what is expected and what to do.
    """

    def __init__(self, where: object, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{where}: {count}: " + "; ".join(problems))


def case_id_of_prefix(prefix: str) -> str:
    """The case id: the last part of a prefix, which may hold folders."""
    return PurePosixPath(prefix).name


def nifti_of(path: Path) -> Path | None:
    """`path`, which has no extension, with the NIfTI extension under which it is there; None if it is not."""
    named = (path.with_name(path.name + extension) for extension in NIFTI_EXTENSIONS)
    return next((candidate for candidate in named if candidate.exists()), None)


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


def stated_data(path: Path) -> str:
    """What a split file says about its scans: "real" or "simulated"; "unknown" if it says nothing."""
    content: Any = read_json(path)
    data = content.get("data") if isinstance(content, dict) else None
    return data if data in DATA_KINDS else "unknown"


def agreed_data(given: str, stated: str, source: str) -> str:
    """What the scans are, by the option --data or else by what the data set says.

    Args:
        given: the value of --data; "unknown" says nothing.
        stated: what the data set says.
        source: what says so, as a message names it.

    Raises:
        InputError: the two contradict each other.
    """
    if "unknown" not in (stated, given) and given != stated:
        raise InputError(f"--data {given}: {source} says that its scans are {stated}; leave --data out")
    return stated if given == "unknown" else given


def _kind(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
