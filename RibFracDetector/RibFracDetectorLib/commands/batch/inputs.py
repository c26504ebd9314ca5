"""From what the user names to a list of scans: files, folders, globs, data sets, lists.

* a file or the folder of one DICOM series is itself
* a folder of scans gives every scan in it and below: image files, or else folders of DICOM slices
* a glob in quotes gives what it matches: `'data/*/ct.nii.gz'`
* `dataset*.json` gives the scans of one of its splits (`case.dataset`)
* a `.csv` gives one scan a line, `path` or `path,case`; a first line that reads so is a heading

The order is that of the arguments, sorted within each, so that every process of a batch sees the same list.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...case.csv_files import read_csv
from ...case.dataset import IMAGE_SUFFIX, case_id_of_prefix, nifti_of, read_split_file
from ...case.dicom import is_dicom
from ...case.errors import InputError
from ...case.folders import folders_below
from ...case.naming import checked_case_id, image_extension

_SCAN = re.compile(r".*[_-]image")
"""What the seed and RibFrac call their scans; where one is, files of other names are none."""
_NO_SCAN = re.compile(
    r".*([_-](label|labels|mask|seg|segmentation|instance|instances|fracture|edited)|_roi_(det|seg)_mask)"
)
_DICOM_TRIES = 20
"""So many files of a folder without images are looked at before it is taken for one without DICOM."""


@dataclass(frozen=True)
class Source:
    """One scan.

    Attributes:
        path: image file, or DICOM file or folder; it need not exist.
        case_id: where a list or the command line states it; else it is made of the source.
    """

    path: Path
    case_id: str | None = None


def find_sources(inputs: Iterable[Path], split: str, output: Path) -> list[Source]:
    """Every scan that `inputs` mean, each once.

    Args:
        inputs: as typed.
        split: "training" or "test", of data sets.
        output: folder of the results, in which no scan is looked for.

    Raises:
        InputError: a list or data set cannot be used, or a glob matches nothing.
    """
    once: dict[tuple[Path, str | None], Source] = {}
    for item in inputs:
        for source in _sources_of(item, split, output):
            once.setdefault((source.path.absolute(), source.case_id), source)
    return list(once.values())


def sources_of_split(path: Path, split: str) -> list[Source]:
    """The scans of one split of a data set, by ascending case id.

    Raises:
        InputError: the split file cannot be used, or the split is empty.
    """
    prefixes = read_split_file(path)[split]
    if not prefixes:
        raise InputError(
            f'{path}: the split "{split}" is empty; move cases into it or choose another --split'
        )
    stems = {case_id_of_prefix(prefix): path.parent / f"{prefix}{IMAGE_SUFFIX}" for prefix in prefixes}
    return [
        Source(nifti_of(stem) or stem.with_name(f"{stem.name}.nii.gz"), checked_case_id(case_id))
        for case_id, stem in sorted(stems.items())
    ]


def _sources_of(item: Path, split: str, output: Path) -> Iterable[Source]:
    extension = item.suffix.lower()
    if extension == ".json":
        return sources_of_split(item, split)
    if extension == ".csv":
        return _listed(item)
    if item.is_dir():
        return [Source(path) for path in _scans_below(item, output)] or [Source(item)]
    if not item.exists() and glob.has_magic(str(item)):
        return _matching(item, split, output)
    return [Source(item)]


def _matching(pattern: Path, split: str, output: Path) -> list[Source]:
    paths = [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207
    sources = [Source(path) for path in _scans_among([path for path in paths if image_extension(path)])]
    for path in paths:
        if path.is_dir():
            sources += [Source(scan) for scan in _scans_below(path, output)]
        elif path.suffix.lower() in (".csv", ".json"):
            sources += _sources_of(path, split, output)
    if not sources:
        raise InputError(
            f"{pattern}: matches {len(paths)} files and folders, no scan among them; check the pattern"
        )
    return sources


def _listed(path: Path) -> list[Source]:
    """The scans of a CSV list; relative paths start at its folder."""
    rows = [cells for _, cells in read_csv(path)]
    if rows and rows[0][0].lower() == "path":
        del rows[0]
    if not rows:
        raise InputError(f"{path}: no scan in it; expected one a line: path[,case]")
    return [_listed_scan(path, row) for row in rows]


def _listed_scan(path: Path, row: Sequence[str]) -> Source:
    if len(row) > 2 or not row[0]:
        raise InputError(f"{path}: a line reads {','.join(row)!r}; expected path[,case]")
    case_id = checked_case_id(row[1]) if len(row) == 2 and row[1] else None
    return Source(path.parent / row[0], case_id)


def _scans_below(top: Path, output: Path) -> Iterator[Path]:
    for folder in folders_below(top, output):
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        images = [path for path in files if image_extension(path)]
        if images:
            yield from _scans_among(images)
        elif any(is_dicom(path) for path in files[:_DICOM_TRIES]):
            yield folder


def _scans_among(images: Sequence[Path]) -> list[Path]:
    """The scans among image files, which may be masks as well."""
    stems = {path: path.name[: -len(image_extension(path) or "")].lower() for path in images}
    named = [path for path in images if _SCAN.fullmatch(stems[path])]
    return named or [path for path in images if not _NO_SCAN.fullmatch(stems[path])]
