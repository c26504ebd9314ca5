"""The ground truth of a folder, whichever of the known layouts it has.

To read another layout, write a reader that returns `GroundTruth` or None when the folder has another layout,
and add it to `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..case.dataset import (
    CLASSES_SUFFIX,
    INSTANCE_SUFFIX,
    RECORD_SUFFIX,
    SPLIT_FILES,
    DatasetError,
    case_id_of_prefix,
    nifti_of,
    read_split_file,
    stated_data,
)
from ..case.errors import InputError
from ..case.masks import read_mask
from .boxes import box_centers, mask_boxes
from .cases import UNKNOWN_CLASS, Lesions
from .predictions import label_array
from .result_entries import Entry, box_of, center_of, integer_of, read_entries
from .reviewed_cases import CLASS_OF, read_reviewed_cases
from .ribfrac_files import CLASS_NAMES, IGNORED_CODE, LabelRow, RibFracFolder, mask_files
from .ribfrac_files import read_ground_truth as read_ribfrac_folder


@dataclass(frozen=True)
class GroundTruth:
    """The lesions of all scans.

    Attributes:
        layout: name of the layout.
        cases: by case id, ascending.
        class_names: names of the classes where the layout has them.
        notes: what a reader of the numbers should know, one line each.
        ribfrac: rows and masks, if the layout is the challenge's.
        data: "real" or "simulated" where a split file or the record of a simulation says so, else "unknown".
        data_source: what says so, as a message names it.
    """

    layout: str
    cases: dict[str, Lesions]
    class_names: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ribfrac: RibFracFolder | None = None
    data: str = "unknown"
    data_source: str = ""


def read_ground_truth(folder: Path, use_masks: bool = True, split: str = "test") -> GroundTruth:
    """Read a folder of ground truth, or that of one split of a data set.

    Args:
        folder: `*_ins2cls.json` (with `*_instance.nii[.gz]` or without), `*-label.nii[.gz]` of RibFrac (with
            its info table or without), or `*_instance.nii[.gz]` alone; or reviewed cases (`*_review.jsonl`
            beside their findings); or a split file (`case.dataset`).
        use_masks: whether masks beside `_ins2cls.json` are opened, to compare the two and to learn grids.
        split: "training" or "test", of a split file.

    Raises:
        InputError: no folder, none of these files, or a broken one.
    """
    if folder.suffix == ".json":
        return _read_split(folder, split, use_masks)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected a folder of ground truth")
    for reader in READERS:
        truth = reader(folder, use_masks)
        if truth is not None:
            records = [folder / f"{case_id}{RECORD_SUFFIX}" for case_id in truth.cases]
            return _with_stated_data(truth, sorted(folder.glob(SPLIT_FILES)), records)
    raise InputError(
        f"{folder} holds no ground truth; expected *_ins2cls.json, *_instance.nii[.gz], *-label.nii[.gz] or "
        "*_review.jsonl"
    )


def _with_stated_data(
    truth: GroundTruth, split_files: Sequence[Path], records: Sequence[Path]
) -> GroundTruth:
    """The ground truth with what a split file or the record of a simulation says that the scans are."""
    for path in split_files:
        if (data := stated_data(path)) != "unknown":
            return replace(truth, data=data, data_source=f"the split file {path}")
    record = next((path for path in records if path.is_file()), None)
    return truth if record is None else replace(truth, data="simulated", data_source=f"the record {record}")


def _read_ins2cls(folder: Path, use_masks: bool) -> GroundTruth | None:
    """The original's layout (spec 7)."""
    files = sorted(folder.glob(f"*{CLASSES_SUFFIX}"))
    if not files:
        return None
    masks = mask_files(folder, INSTANCE_SUFFIX)
    cases: dict[str, Lesions] = {}
    notes: list[str] = []
    for path in files:
        case_id = path.name.removesuffix(CLASSES_SUFFIX)
        cases[case_id], found = _lesions_of_json(case_id, path, masks.get(case_id), use_masks)
        notes += found
    notes += [
        f"{case_id}: {masks[case_id].name} has no {CLASSES_SUFFIX}; not used"
        for case_id in masks.keys() - cases
    ]
    return GroundTruth("ins2cls", dict(sorted(cases.items())), notes=tuple(notes))


def _read_split(path: Path, split: str, use_masks: bool) -> GroundTruth:
    """The original's files of one split of a data set, which may lie in any folders below it."""
    cases: dict[str, Lesions] = {}
    notes: list[str] = []
    problems: list[str] = []
    prefixes = read_split_file(path)[split]
    for prefix in prefixes:
        case_id, stem = case_id_of_prefix(prefix), path.parent / prefix
        classes = stem.with_name(stem.name + CLASSES_SUFFIX)
        mask = nifti_of(stem.with_name(stem.name + INSTANCE_SUFFIX))
        if classes.is_file():
            cases[case_id], found = _lesions_of_json(case_id, classes, mask, use_masks)
            notes += found
        elif mask is not None:
            cases[case_id] = _lesions_of_mask(mask, lambda _: UNKNOWN_CLASS)
        else:
            problems.append(f"{classes}: missing, and no mask {INSTANCE_SUFFIX}.nii[.gz] either; add one")
    if problems:
        raise DatasetError(path, problems)
    truth = GroundTruth("data set", dict(sorted(cases.items())), notes=tuple(notes))
    records = [path.parent / f"{prefix}{RECORD_SUFFIX}" for prefix in prefixes]
    return _with_stated_data(truth, [path], records)


def _lesions_of_json(
    case_id: str, path: Path, mask: Path | None, use_masks: bool
) -> tuple[Lesions, list[str]]:
    lesions = _lesions_of_entries(read_entries(path), path, mask)
    if mask is None or not use_masks:
        return lesions, []
    return _compared_with_mask(case_id, lesions)


def _lesions_of_entries(entries: list[Entry], source: Path, mask: Path | None) -> Lesions:
    boxes = [box_of(entry, source) for entry in entries]
    centers = [center_of(entry, box, source) for entry, box in zip(entries, boxes, strict=True)]
    instances = [integer_of(entry, "instance", source) for entry in entries]
    if any(low >= high for box in boxes for low, high in zip(box[:3], box[3:], strict=True)):
        raise InputError(
            f"{source}: a box is empty or its corners are swapped; expected x1 < x2, y1 < y2, z1 < z2"
        )
    if len(set(instances)) < len(instances):
        raise InputError(f"{source}: an instance comes twice; each lesion needs its own number")
    return Lesions(
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 6),
        centers=np.array(centers, dtype=np.float64).reshape(-1, 3),
        classes=np.array([integer_of(entry, "class", source) for entry in entries], dtype=np.int64),
        instances=np.array(instances, dtype=np.int64),
        mask=mask,
    )


def _compared_with_mask(case_id: str, lesions: Lesions) -> tuple[Lesions, list[str]]:
    """The lesions with the mask's grid, and a note for every lesion on which mask and JSON disagree.

    The JSON stays the ground truth, because it is what the original's metrics read.
    """
    of_mask = _lesions_of_mask(lesions.mask, lambda _: UNKNOWN_CLASS)
    in_mask = dict(zip(of_mask.instances.tolist(), of_mask.boxes.tolist(), strict=True))
    in_json = dict(zip(lesions.instances.tolist(), lesions.boxes.tolist(), strict=True))
    notes = [
        f"{case_id}: instance {value} is in {lesions.mask.name} but not in the JSON; not counted"
        for value in sorted(in_mask.keys() - in_json)
    ]
    notes += [
        f"{case_id}: instance {value} of the JSON has no voxel in {lesions.mask.name}; counted"
        for value in sorted(in_json.keys() - in_mask)
    ]
    notes += [
        f"{case_id}: instance {value} has another box in {lesions.mask.name}; that of the JSON is used"
        for value in sorted(in_json.keys() & in_mask)
        if in_json[value] != in_mask[value]
    ]
    known = Lesions(
        lesions.boxes, lesions.centers, lesions.classes, lesions.instances, of_mask.grid, lesions.mask
    )
    return known, notes


def _read_ribfrac(folder: Path, _use_masks: bool) -> GroundTruth | None:
    """The layout of the RibFrac Challenge; -1 (a fracture of unstated class) is an unknown class."""
    files = read_ribfrac_folder(folder)
    if not files.masks:
        return None
    cases: dict[str, Lesions] = {}
    notes = (
        [] if files.has_table else ["no info table with public_id,label_id,label_code: classes are unknown"]
    )
    for case_id, path in files.masks.items():
        rows = files.rows.get(case_id, {})
        cases[case_id] = _lesions_of_mask(path, lambda value, rows=rows: _ribfrac_class(rows.get(value)))
        if files.has_table:
            notes += _table_notes(case_id, cases[case_id], rows)
    notes += [f"{case_id}: rows but no mask; not counted" for case_id in sorted(files.rows.keys() - cases)]
    names = {code: name for code, name in CLASS_NAMES.items() if code > 0}
    return GroundTruth("ribfrac", cases, names, tuple(notes), files)


def _ribfrac_class(row: LabelRow | None) -> int:
    return UNKNOWN_CLASS if row is None or row.label_code == IGNORED_CODE else row.label_code


def _table_notes(case_id: str, lesions: Lesions, rows: Mapping[int, LabelRow]) -> list[str]:
    of_mask = set(lesions.instances.tolist())
    unnamed = [
        f"{case_id}: label {value} has no row; its class is unknown" for value in sorted(of_mask - set(rows))
    ]
    empty = [
        f"{case_id}: label {value} has a row but no voxel" for value in sorted(set(rows) - of_mask - {0})
    ]
    return unnamed + empty


def _read_instances(folder: Path, _use_masks: bool) -> GroundTruth | None:
    """Instance masks alone: every value is a lesion of unknown class."""
    masks = mask_files(folder, INSTANCE_SUFFIX)
    if not masks:
        return None
    cases = {case_id: _lesions_of_mask(path, lambda _: UNKNOWN_CLASS) for case_id, path in masks.items()}
    return GroundTruth("instances", cases, notes=("instance masks without classes: no class filter applies",))


def _read_reviewed(folder: Path, _use_masks: bool) -> GroundTruth | None:
    """Cases that a reader has completed: what was accepted or added."""
    cases, notes = read_reviewed_cases(folder)
    if not cases and not notes:
        return None
    if not cases:
        raise InputError(f"{folder}: no review is complete; complete one, or take another ground truth")
    return GroundTruth("reviewed", cases, {code: name for name, code in CLASS_OF.items()}, tuple(notes))


def _lesions_of_mask(path: Path, class_of: Callable[[int], int]) -> Lesions:
    labels, grid = read_mask(path)
    values, boxes = mask_boxes(label_array(labels, path))
    return Lesions(
        boxes=boxes,
        centers=box_centers(boxes),
        classes=np.array([class_of(int(value)) for value in values], dtype=np.int64),
        instances=values,
        grid=grid,
        mask=path,
    )


READERS: tuple[Callable[[Path, bool], GroundTruth | None], ...] = (
    _read_ins2cls,
    _read_ribfrac,
    _read_instances,
    _read_reviewed,
)
