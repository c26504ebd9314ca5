"""The same data set and split as a task of nnDetection.

Layout as its README states it: `dataset.json`, `raw_splitted/{images,labels}{Tr,Ts}`, scans named
`{case}_0000.nii.gz`, masks with instances 1, 2, ... and beside each a JSON with their classes from 0. There
is one class, "fracture": nnDetection has none for an unknown class, and this is the published system's task.
Its splits are a pickle, `preprocessed/splits_final.pkl`; it holds nothing but lists of strings, and
`splits_final.json` beside it says the same.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from RibFracDetectorLib.case.dataset import IMAGE_SUFFIX
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.masks import write_mask_on
from RibFracDetectorLib.case.whole_files import write_json, writing_to, written_whole

from ..prepared import PreparedCase
from .plan import Plan
from .scan_writing import write_scan

_TASK = re.compile(r"Task\d{3}[A-Za-z0-9]*_\w+")
CLASS_NAME = "fracture"
MODALITY = "_0000"


def check_task_name(task: str) -> None:
    """Refuse a name that nnDetection would not find.

    Raises:
        InputError: it is not like Task100_RibFrac.
    """
    if not _TASK.fullmatch(task):
        raise InputError(f"--task {task}: expected Task, three digits, _ and a name, as in Task100_RibFrac")


def task_case_name(case_id: str) -> str:
    """A case id as nnDetection can read it: it cuts file names at the first dot."""
    return case_id.replace(".", "_")


def write_task(
    root: Path,
    task: str,
    cases: Sequence[PreparedCase],
    plan: Plan,
) -> Path:
    """Write the task into `root` and return its folder; finished cases are kept.

    Args:
        root: folder of the prepared data set.
        task: name of the task.
        cases: all of them.
        plan: its held-out cases become nnDetection's test cases, its folds the splits.

    Raises:
        InputError: two cases would have the same name, or a file cannot be written.
    """
    folder = root / task
    raw = folder / "raw_splitted"
    names = {case.case_id: task_case_name(case.case_id) for case in cases}
    if len(set(names.values())) < len(names):
        raise InputError(f"{folder}: two case ids differ by a dot alone, which nnDetection drops; rename one")
    with writing_to(folder):
        for kind in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
            (raw / kind).mkdir(parents=True, exist_ok=True)
        (folder / "preprocessed").mkdir(exist_ok=True)
    _remove_others(raw, names, set(plan.held_out))
    for case in cases:
        part = "Ts" if case.case_id in plan.held_out else "Tr"
        _write_case(root, raw, part, case, names[case.case_id])
    write_json(folder / "dataset.json", _description(task, bool(plan.held_out)))
    splits = [
        {"train": [names[case_id] for case_id in train], "val": [names[case_id] for case_id in validate]}
        for train, validate in plan.folds
    ]
    write_json(folder / "preprocessed" / "splits_final.json", splits)
    with written_whole(folder / "preprocessed" / "splits_final.pkl") as temporary:
        temporary.write_bytes(pickle.dumps(splits, protocol=4))
    return folder


def _description(task: str, has_test: bool) -> Mapping[str, object]:
    return {
        "task": task,
        "name": task.partition("_")[2],
        "dim": 3,
        "target_class": None,
        "test_labels": has_test,
        "labels": {"0": CLASS_NAME},
        "modalities": {"0": "CT"},
    }


def _remove_others(raw: Path, names: Mapping[str, str], held_out: set[str]) -> None:
    """Files of cases that have left the data set or changed sides: nnDetection takes all it finds."""
    wanted = {(("Ts" if case_id in held_out else "Tr"), name) for case_id, name in names.items()}
    for path in raw.glob("*/*"):
        name = path.name.partition(".")[0]
        if path.parent.name.startswith("images"):
            name = name.removesuffix(MODALITY)
        if (path.parent.name[-2:], name) not in wanted:
            path.unlink()
    for path in [*raw.parent.glob(".*-dataset.json"), *raw.parent.glob("preprocessed/.*-splits_final.*")]:
        path.unlink()  # left by a killed run


def _write_case(root: Path, raw: Path, part: str, case: PreparedCase, name: str) -> None:
    """The label's JSON comes last: a case with one that fits is finished."""
    label = raw / f"labels{part}" / f"{name}.json"
    image = raw / f"images{part}" / f"{name}{MODALITY}.nii.gz"
    mask = raw / f"labels{part}" / f"{name}.nii.gz"
    newest = (case.folder / "case.json").stat().st_mtime_ns
    if image.is_file() and all(_is_newer(path, newest) for path in (label, mask)):
        return
    prepared = root / f"{case.case_id}{IMAGE_SUFFIX}.nii.gz"
    with written_whole(image) as temporary:
        if prepared.is_file() and not prepared.is_symlink():
            _link_or_copy(prepared, temporary)
        else:
            write_scan(temporary, np.asarray(case.image()), case.grid)
    write_mask_on(mask, _consecutive(case), case.grid, case.grid)
    write_json(label, {"instances": {str(number + 1): 0 for number in range(len(case.lesions))}})


def _is_newer(path: Path, than: int) -> bool:
    return path.is_file() and path.stat().st_mtime_ns >= than


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _consecutive(case: PreparedCase) -> np.ndarray:
    """The mask with instances 1, 2, ... in the order of `case.lesions`."""
    voxels = case.lesion_voxels()
    x, y, z, instance = voxels.T
    values = np.array([lesion.instance for lesion in case.lesions], dtype=np.uint16)
    mask = np.zeros(case.grid.size, dtype=np.uint8 if len(values) < 256 else np.uint16)
    mask[x, y, z] = np.searchsorted(values, instance) + 1
    return mask
