"""Names of the files of a prepared data set: the seed's layout (`case.dataset`) and a cache beside it.

DIR/cache/{case}/image.npy             int16 HU [x, y, z], LPS, C order
DIR/cache/{case}/lesion_voxels.npy     uint16 (n, 4): x, y, z, instance
DIR/cache/{case}/case.json             grid, lesions, and what it was made from
"""

from __future__ import annotations

from pathlib import Path

SPLIT_FILE = "dataset.json"
CACHE = "cache"


def case_folder(root: Path, case_id: str) -> Path:
    """Where the cached arrays of a case lie."""
    return root / CACHE / case_id


def fold_file(fold: int) -> str:
    """Name of the split file of a cross-validation fold, counted from 0."""
    return f"dataset_fold{fold}.json"
