"""The golden data made by running the original system, read from a folder outside the repository.

`RIBFRAC_REFERENCE` names the folder (default `../shared/reference` beside the checkout), and
`RIBFRAC_SHARED_DATA` that of real scans (default `../shared/data`). Nothing about one particular folder
(counts, hashes, numbers) is known here: another of the same layout must serve.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]


def reference_folder() -> Path:
    """The folder of golden data, which need not exist."""
    return Path(os.environ.get("RIBFRAC_REFERENCE", REPOSITORY.parent / "shared" / "reference"))


def shared_data_folder() -> Path:
    """The folder of real scans and of the labelled thorax, which need not exist."""
    return Path(os.environ.get("RIBFRAC_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))


class Golden:
    """One golden set: `golden_S`, `golden_D` or `golden_common`."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.scratch = scratch

    @cached_property
    def facts(self) -> dict[str, Any]:
        """`golden.json` (or `common.json` for the common set)."""
        name = "common.json" if self.folder.name.endswith("common") else "golden.json"
        return json.loads((self.folder / name).read_text())

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """All arrays of one `.npz` file."""
        with np.load(self.folder / f"{name}.npz") as archive:
            return {key: archive[key] for key in archive.files}

    def json(self, name: str) -> Any:
        """One JSON file."""
        return json.loads((self.folder / name).read_text())

    def checkpoint(self, precision: str) -> Path:
        """The published checkpoint (`fp32` or `fp16`), unpacked into the scratch folder once."""
        (packed,) = self.folder.glob(f"pub_{precision}-*.pth.xz")
        unpacked = self.scratch / f"{self.folder.name}_{packed.stem}"
        if not unpacked.exists():
            partial = unpacked.with_suffix(".partial")
            with lzma.open(packed) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target)
            partial.replace(unpacked)
        return unpacked
