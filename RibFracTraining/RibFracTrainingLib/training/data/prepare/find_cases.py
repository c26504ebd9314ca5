"""Which files make which case, in each of the layouts that users have.

* the seed's: `dataset*.json` with prefixes, `_image.nii[.gz]`, `_instance.nii[.gz]`, `_ins2cls.json`
* RibFrac's: `{case}-image.nii.gz`, `{case}-label.nii.gz`, info tables, in any number of folders
* scans and instance masks in folders: `{case}_image`, `{case}_instance`, or `{case}` in two folders

Folders are searched with all below them, symbolic links included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from RibFracDetectorLib.case.dataset import (
    CLASSES_SUFFIX,
    IMAGE_SUFFIX,
    INSTANCE_SUFFIX,
    NIFTI_EXTENSIONS,
    case_id_of_prefix,
    read_split_file,
    stated_data,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.folders import folders_below
from RibFracDetectorLib.case.naming import fault_of_case_id, file_key
from RibFracDetectorLib.evaluation.ribfrac_files import LABEL_SUFFIX

from .class_sources import classes_of_json, classes_of_tables, is_info_table

RIBFRAC_IMAGE_SUFFIX = "-image"


@dataclass(frozen=True)
class SourceCase:
    """The files of one case.

    Attributes:
        case_id: its name.
        prefix: how a split file names it.
        image: the scan.
        mask: the instance mask.
        labels: class of each instance, 1-based or `classes.UNKNOWN`.
        must_state: whether an instance that `labels` lacks is a problem.
    """

    case_id: str
    prefix: str
    image: Path
    mask: Path
    labels: Mapping[int, int]
    must_state: bool


@dataclass
class Found:
    """What a search found.

    Attributes:
        cases: by ascending id.
        split: the split that the source states: case ids by its name; empty if it states none.
        data: what the source says its scans are, "real" or "simulated"; "unknown" if it says nothing.
        problems, notes: one line each.
    """

    cases: list[SourceCase] = field(default_factory=list)
    split: dict[str, list[str]] = field(default_factory=dict)
    data: str = "unknown"
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ids_of_the_same_files(cases: Sequence[SourceCase]) -> list[str]:
    """One problem for each id that differs from another one, but names the same files on some systems."""
    first: dict[str, SourceCase] = {}
    return [
        f"{case.image} and {twin.image}: not every system tells case {case.case_id} from {twin.case_id}; "
        "rename the files of one"
        for case in cases
        if (twin := first.setdefault(file_key(case.case_id), case)) is not case
    ]


def find_seed_cases(root: Path, split_file: str, unknown_classes: bool, leave_out: frozenset[str]) -> Found:
    """The cases that a split file of the seed's layout names.

    Args:
        root: folder of the split file.
        split_file: its name.
        unknown_classes: a lesion without a class is one of unknown class, not a problem.
        leave_out: ids of cases that are passed over; one that is not there is a problem.

    Raises:
        InputError: the split file cannot be used.
    """
    found = Found()
    met: set[str] = set()
    for split, stated in read_split_file(root / split_file).items():
        met.update(case_id_of_prefix(prefix) for prefix in stated)
        prefixes = [prefix for prefix in stated if case_id_of_prefix(prefix) not in leave_out]
        found.split[split] = [case_id_of_prefix(prefix) for prefix in prefixes]
        for prefix in prefixes:
            case = _seed_case(root, prefix, unknown_classes, found.problems)
            if case is not None:
                found.cases.append(case)
    found.problems += _never_met(leave_out, met)
    found.data = stated_data(root / split_file)
    found.cases.sort(key=lambda case: case.case_id)
    return found


def _never_met(leave_out: frozenset[str], met: set[str]) -> list[str]:
    return [
        f"--leave-out {case_id}: there is no such case; correct the id" for case_id in sorted(leave_out - met)
    ]


def _seed_case(root: Path, prefix: str, unknown_classes: bool, problems: list[str]) -> SourceCase | None:
    image = _with_extension(root, prefix + IMAGE_SUFFIX, problems)
    mask = _with_extension(root, prefix + INSTANCE_SUFFIX, problems)
    stated = root / f"{prefix}{CLASSES_SUFFIX}"
    labels: dict[int, int] = {}
    if stated.exists():
        try:
            labels = classes_of_json(stated)
        except InputError as error:
            problems.append(str(error))
    elif not unknown_classes:
        problems.append(f"{stated}: missing; write the classes there or give --unknown-classes")
    if image is None or mask is None:
        return None
    must_state = stated.exists() and not unknown_classes
    return SourceCase(case_id_of_prefix(prefix), prefix, image, mask, labels, must_state)


def _with_extension(root: Path, name: str, problems: list[str]) -> Path | None:
    paths = [root / f"{name}{extension}" for extension in NIFTI_EXTENSIONS]
    present = [path for path in paths if path.exists()]
    if not present:
        problems.append(f"{paths[0]}: missing (.nii neither); put the file there or take the case out")
    if len(present) > 1:
        problems.append(f"{present[0]}: a plain .nii stands beside it; keep one")
    return present[0] if len(present) == 1 else None


def find_folder_cases(
    sources: Sequence[Path],
    masks: Path | None,
    unknown_classes: bool,
    output: Path,
    leave_out: frozenset[str],
) -> Found:
    """The cases of folders in the layout of RibFrac, or with scans and instance masks.

    Args:
        sources: folders.
        masks: folder of the masks, where they bear the same names as the scans.
        unknown_classes: see `find_seed_cases`.
        output: folder of the prepared data set, where nothing is looked for.
        leave_out: see `find_seed_cases`.
    """
    found = Found()
    places = _Places(leave_out)
    for source in sources:
        for folder in folders_below(source, output):
            places.add(folder, plain=places.images if masks is not None else None)
    for folder in folders_below(masks, output) if masks is not None else ():
        places.add(folder, plain=places.masks)
    in_tables, problems = classes_of_tables(places.tables, leave_out)
    found.problems += [*_never_met(leave_out, places.left_out), *places.problems, *problems]
    in_json = _json_classes(places.class_files, found.problems)
    ribfrac = any(
        path.name.removesuffix(".gz").endswith(f"{LABEL_SUFFIX}.nii") for path in places.masks.values()
    )
    states = bool(places.tables or places.class_files) or ribfrac
    if not states and not unknown_classes:
        found.notes.append("no table and no _ins2cls.json: every fracture is one of unknown class")
    if ribfrac and not places.tables and not unknown_classes:
        found.problems.append(
            "no info table (a .csv with public_id,label_id,label_code) beside the masks of RibFrac; put it "
            "there or give --unknown-classes"
        )
        states = False
    for case_id in sorted(places.images.keys() | places.masks.keys()):
        image, mask = places.images.get(case_id), places.masks.get(case_id)
        if image is None or mask is None:
            kind, other = ("mask", image) if mask is None else ("scan", mask)
            found.problems.append(f"{other}: its {kind} is missing; put it there or leave the case out")
            continue
        labels = {**in_tables.get(case_id, {}), **in_json.get(case_id, {})}
        must_state = states and not unknown_classes
        found.cases.append(SourceCase(case_id, case_id, image, mask, labels, must_state))
    unused = (in_tables.keys() | in_json.keys()) - places.masks.keys() - places.images.keys()
    if unused:
        found.notes.append(f"classes of {len(unused)} cases without files are not used")
    return found


class _Places:
    """The files met in a walk through folders; those of cases in `leave_out` are noted and passed over."""

    def __init__(self, leave_out: frozenset[str]) -> None:
        self.left_out: set[str] = set()
        self._leave_out = leave_out
        self.images: dict[str, Path] = {}
        self.masks: dict[str, Path] = {}
        self.class_files: dict[str, Path] = {}
        self.tables: list[Path] = []
        self.problems: list[str] = []

    def add(self, folder: Path, plain: dict[str, Path] | None = None) -> None:
        """Take up the files of one folder; images without a known suffix go to `plain`."""
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.is_dir():  # a Mac writes ._NAME beside a file
                continue
            if path.name.endswith(CLASSES_SUFFIX):
                self._put(self.class_files, path.name.removesuffix(CLASSES_SUFFIX), path)
            elif path.suffix == ".csv" and is_info_table(path):
                self.tables.append(path)
            elif path.name.endswith(NIFTI_EXTENSIONS):
                target, case_id = self._role(_stem(path), plain)
                if target is not None:
                    self._put(target, case_id, path)

    def _role(self, stem: str, plain: dict[str, Path] | None) -> tuple[dict[str, Path] | None, str]:
        """Which files a NIfTI is one of, and its case."""
        for suffix in (RIBFRAC_IMAGE_SUFFIX, IMAGE_SUFFIX):
            if stem.endswith(suffix):
                return self.images, stem.removesuffix(suffix)
        for suffix in (LABEL_SUFFIX, INSTANCE_SUFFIX):
            if stem.endswith(suffix):
                return self.masks, stem.removesuffix(suffix)
        return plain, stem

    def _put(self, target: dict[str, Path], case_id: str, path: Path) -> None:
        if case_id in self._leave_out:
            self.left_out.add(case_id)
            return
        twin = target.setdefault(case_id, path)
        if twin is not path:
            self.problems.append(f"{path}: {twin} is the same case {case_id}; rename or remove one")
            return
        fault = fault_of_case_id(case_id)
        if fault is not None:
            del target[case_id]
            self.problems.append(f"{path}: {fault}; rename the files of the case")


def _stem(path: Path) -> str:
    extension = next(extension for extension in NIFTI_EXTENSIONS if path.name.endswith(extension))
    return path.name.removesuffix(extension)


def _json_classes(files: Mapping[str, Path], problems: list[str]) -> dict[str, dict[int, int]]:
    classes: dict[str, dict[int, int]] = {}
    for case_id, path in files.items():
        try:
            classes[case_id] = classes_of_json(path)
        except InputError as error:
            problems.append(str(error))
    return classes
