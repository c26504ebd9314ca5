"""The seed's three files of a case: scan, instance mask, classes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.dataset import CLASSES_SUFFIX, IMAGE_SUFFIX, INSTANCE_SUFFIX
from RibFracDetectorLib.case.masks import write_mask_on
from RibFracDetectorLib.evaluation.cases import UNKNOWN_CLASS

from ..classes import UNKNOWN
from ..prepared import Lesion, PreparedCase
from .scan_writing import write_scan

SEED_SUFFIXES = (f"{IMAGE_SUFFIX}.nii.gz", f"{INSTANCE_SUFFIX}.nii.gz", CLASSES_SUFFIX)


def write_seed_files(
    staging: Path, root: Path, image: NDArray[np.int16], mask: NDArray, case: PreparedCase
) -> None:
    """Write the three files into `staging`, bring them to the disk, then move them to `root`.

    Args:
        staging: folder on the same disk.
        root: of the data set.
        image: HU, [x, y, z].
        mask: instances, [x, y, z].
        case: whose files they are; its grid and lesions are written.

    Raises:
        InputError: a file cannot be written whole.
    """
    grid = case.grid
    names = [case.case_id + suffix for suffix in SEED_SUFFIXES]
    write_scan(staging / names[0], image, grid)
    small = max((lesion.instance for lesion in case.lesions), default=0) < 256
    write_mask_on(staging / names[1], mask.astype(np.uint8 if small else np.uint16), grid, grid)
    (staging / names[2]).write_text(json.dumps([_entry(lesion) for lesion in case.lesions]), encoding="utf-8")
    for name in names:
        with (staging / name).open("rb+") as file:
            os.fsync(file.fileno())
        (staging / name).replace(root / name)


def has_seed_files(root: Path, case_id: str) -> bool:
    """Whether the three files of a case are in `root`, none of them empty."""
    return all(is_filled(root / f"{case_id}{suffix}") for suffix in SEED_SUFFIXES)


def is_filled(path: Path) -> bool:
    """Whether a file is there with something in it; an empty one is what a system that crashed leaves."""
    return path.is_file() and path.stat().st_size > 0


def _entry(lesion: Lesion) -> Mapping[str, Any]:
    """As the seed's files have it; the evaluation reads an unknown class as 0."""
    centre = [(low + high) / 2 for low, high in zip(lesion.box[:3], lesion.box[3:], strict=True)]
    label = UNKNOWN_CLASS if lesion.label == UNKNOWN else lesion.label
    return {"instance": lesion.instance, "bbox": list(lesion.box), "class": label, "center": centre}
