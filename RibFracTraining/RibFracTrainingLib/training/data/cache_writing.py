"""Put a case into the cache, whole or not at all.

All files are written in a hidden folder beside their place, which is renamed at the end; a killed run leaves
such a folder, which the next attempt at the same case replaces.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.whole_files import put_in_place, writing_to
from RibFracDetectorLib.evaluation.boxes import mask_boxes

from .layout import CACHE, case_folder
from .prepared import CASE_FILE, IMAGE_FILE, VOXELS_FILE, Lesion, PreparedCase, to_json


@contextlib.contextmanager
def staged_case(root: Path, case_id: str) -> Iterator[Path]:
    """A hidden folder for the case's files; the case is in the cache once the block has ended well.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    target = case_folder(root, case_id)
    staging = root / CACHE / f".{case_id}.partial"
    try:
        with writing_to(target):
            if staging.exists():
                shutil.rmtree(staging)
            staging.mkdir(parents=True)
            yield staging
            if target.exists():
                shutil.rmtree(target)
            put_in_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def remove_unfinished(root: Path) -> None:
    """What killed runs have left in a data set's folder; none may be at work there."""
    for folder in (root / CACHE).glob(".*.partial"):
        shutil.rmtree(folder)
    for path in root.glob(".*-*.json"):
        if re.fullmatch(r"\.\d+-dataset(_fold\d+)?\.json", path.name):
            path.unlink()


def write_arrays(
    staging: Path,
    case_id: str,
    image: NDArray[np.int16],
    instances: NDArray[np.integer],
    grid: Grid,
    labels: Mapping[int, int],
    data: str,
    source: Mapping[str, Any],
) -> PreparedCase:
    """Write the three files of a case.

    Args:
        staging: folder given by `staged_case`.
        case_id: name of the case.
        image: HU, [x, y, z], LPS.
        instances: whole numbers up to 65535, [x, y, z]; 0 is background.
        grid: of both.
        labels: the class of each instance, 1-based or `classes.UNKNOWN`.
        data: what the scan is: "real", "simulated" or "unknown".
        source: what it is made from.
    """
    lesions = lesions_of_mask(instances, labels)
    case = PreparedCase(case_id, staging, grid, lesions, data, source)
    places = np.nonzero(instances.T)[::-1]  # the usual order, x fastest in memory, is read without a copy
    voxels = np.column_stack([*places, instances[places]]).astype(np.uint16)
    np.save(staging / IMAGE_FILE, np.ascontiguousarray(image))
    np.save(staging / VOXELS_FILE, voxels)
    (staging / CASE_FILE).write_text(json.dumps(to_json(case), ensure_ascii=False), encoding="utf-8")
    return case


def lesions_of_mask(instances: NDArray[np.integer], labels: Mapping[int, int]) -> tuple[Lesion, ...]:
    """The lesions of a mask [x, y, z] by ascending value; `labels` must name the class of each."""
    values, boxes = mask_boxes(instances)
    counts = np.bincount(instances[instances > 0], minlength=1)
    return tuple(
        Lesion(int(value), labels[int(value)], tuple(int(side) for side in box), int(counts[value]))
        for value, box in zip(values, boxes, strict=True)
    )
