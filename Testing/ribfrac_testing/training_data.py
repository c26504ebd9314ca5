"""Data sets as their owners have them, in every layout that `ribfrac prepare` reads.

Scans are small chest CTs with bright lesions, so that a test can see in the voxels alone where a lesion is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from RibFracDetectorLib.case.geometry import Grid
from RibFracTrainingLib.training.data.cache_writing import staged_case, write_arrays
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.prepared import PreparedCase, read_case

from .evaluation_data import TRUTH_COLUMNS, Box, write_rows
from .volumes import Stored, chest

SIZE = (48, 44, 40)
SPACING = (2.0, 2.0, 2.0)
BRIGHT = 2500
Boxes = Mapping[int, Box]


@dataclass(frozen=True)
class Scan:
    """A scan and its lesions.

    Attributes:
        lesions: half-open box of each instance, LPS voxels; empty for a scan without fractures.
        classes: class of each instance, as the table states it.
        orientation: of the files.
    """

    lesions: Boxes = field(default_factory=dict)
    classes: Mapping[int, int] = field(default_factory=dict)
    orientation: str = "LPS"
    size: tuple[int, int, int] = SIZE

    def image(self) -> Stored:
        """The scan, with bright lesions."""
        array = chest(self.size)
        for x1, y1, z1, x2, y2, z2 in self.lesions.values():
            array[x1:x2, y1:y2, z1:z2] = BRIGHT
        return Stored(array, SPACING).turned(self.orientation)

    def mask(self, dtype: type = np.uint16) -> Stored:
        """Its instance mask."""
        array = np.zeros(self.size, dtype=dtype)
        for value, (x1, y1, z1, x2, y2, z2) in self.lesions.items():
            array[x1:x2, y1:y2, z1:z2] = value
        return Stored(array, SPACING).turned(self.orientation)


def some_scans() -> dict[str, Scan]:
    """Five scans: every class of RibFrac, an unknown one, a scan without fractures, several orientations."""
    return {
        "RibFrac1": Scan({1: (6, 8, 10, 12, 15, 18), 2: (30, 30, 20, 37, 36, 29)}, {1: 1, 2: 2}),
        "RibFrac2": Scan({1: (10, 20, 12, 15, 26, 17)}, {1: -1}, "RAS"),
        "RibFrac3": Scan(),
        "RibFrac4": Scan({1: (0, 0, 0, 6, 7, 5), 4: (40, 36, 33, 48, 44, 40)}, {1: 3, 4: 4}, "PIR"),
        "RibFrac10": Scan({300: (20, 8, 10, 27, 15, 18)}, {300: 3}),
    }


def write_ribfrac(folder: Path, scans: Mapping[str, Scan], parts: int = 2) -> Path:
    """The public layout: images and labels in folders of their own, in parts, with an info table each."""
    for number, (name, scan) in enumerate(scans.items()):
        part = number % parts + 1
        images, labels = folder / f"images-{part}", folder / f"labels-{part}"
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(exist_ok=True)
        scan.image().write(images / f"{name}-image.nii.gz")
        scan.mask().write(labels / f"{name}-label.nii.gz")
    for part in range(1, parts + 1):
        of_part = [item for number, item in enumerate(scans.items()) if number % parts + 1 == part]
        write_table(folder / f"info-{part}.csv", dict(of_part))
    return folder


def write_table(path: Path, scans: Mapping[str, Scan]) -> Path:
    """An info table, background rows included."""
    rows: list[Sequence[object]] = []
    for name, scan in scans.items():
        rows.append((name, 0, 0))
        rows += [(name, instance, label) for instance, label in scan.classes.items()]
    return write_rows(path, TRUTH_COLUMNS, rows)


def write_seed(
    folder: Path,
    scans: Mapping[str, Scan],
    test: Sequence[str],
    prefix: str = "",
    split_file: str = "dataset.json",
    extension: str = ".nii",
) -> Path:
    """The seed's layout; `prefix` is put before the ids and may name a folder that exists."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scan in scans.items():
        scan.image().write(folder / f"{prefix}{name}_image{extension}")
        scan.mask().write(folder / f"{prefix}{name}_instance{extension}")
        entries = [
            {"instance": value, "bbox": list(box), "class": scan.classes[value], "center": list(box[:3])}
            for value, box in scan.lesions.items()
        ]
        (folder / f"{prefix}{name}_ins2cls.json").write_text(json.dumps(entries))
    write_split(
        folder / split_file, [f"{prefix}{n}" for n in scans if n not in test], [prefix + n for n in test]
    )
    return folder


def write_split(path: Path, training: Sequence[str], test: Sequence[str]) -> Path:
    """A split file."""
    path.write_text(json.dumps({"training": list(training), "test": list(test)}))
    return path


def prepared_case(
    root: Path,
    image: np.ndarray,
    instances: np.ndarray,
    labels: Mapping[int, int],
    case_id: str = "case",
) -> PreparedCase:
    """A case in the cache of `root`, of arrays [x, y, z]."""
    grid = Grid(image.shape, SPACING)
    with staged_case(root, case_id) as staging:
        write_arrays(staging, case_id, image.astype(np.int16), instances, grid, labels, "simulated", {})
    return read_case(case_folder(root, case_id))


def case_with_boxes(
    root: Path,
    boxes: Sequence[Box],
    labels: Sequence[int] | None = None,
    size: tuple[int, int, int] = (60, 50, 40),
    case_id: str = "case",
) -> PreparedCase:
    """A case of voxels that tell where they are, with lesions 10, 20, ... of `BRIGHT` voxels."""
    x, y, z = np.meshgrid(*[np.arange(n) for n in size], indexing="ij")
    image = (x + 7 * y + 13 * z).astype(np.int16)
    instances = np.zeros(size, dtype=np.int64)
    for number, (x1, y1, z1, x2, y2, z2) in enumerate(boxes, start=1):
        instances[x1:x2, y1:y2, z1:z2] = 10 * number
        image[x1:x2, y1:y2, z1:z2] = BRIGHT
    stated = labels if labels is not None else [1] * len(boxes)
    return prepared_case(
        root, image, instances, {10 * n: label for n, label in enumerate(stated, start=1)}, case_id
    )
