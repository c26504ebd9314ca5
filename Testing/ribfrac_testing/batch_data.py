"""Folders of small scans for tests of batches, and what of their results must be equal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .evaluation_data import labels_of_boxes, write_ins2cls
from .volumes import Stored, chest

SMALL_SCAN = (32, 32, 32)
LESIONS = ((6, 6, 6, 12, 12, 10), (20, 8, 12, 28, 14, 18))


def write_scans(folder: Path, names: Sequence[str], suffix: str = "") -> list[Path]:
    """A small scan for each name, no two alike; `{name}{suffix}.nii.gz`."""
    folder.mkdir(parents=True, exist_ok=True)
    body, generator = chest(SMALL_SCAN), np.random.default_rng(3)
    paths = [folder / f"{name}{suffix}.nii.gz" for name in names]
    for path in paths:
        noise = generator.integers(-30, 31, SMALL_SCAN)
        Stored((body + noise).astype(np.int16)).write(path)
    return paths


def write_dataset(folder: Path, training: Sequence[str], test: Sequence[str]) -> Path:
    """A data set in the seed's layout, every scan with the same two lesions, of classes 1 and 7."""
    write_scans(folder, [*training, *test], "_image")
    for name in (*training, *test):
        write_ins2cls(folder, name, LESIONS, [1, 7])
        Stored(labels_of_boxes(SMALL_SCAN, LESIONS)).write(folder / f"{name}_instance.nii.gz")
    path = folder / "dataset.json"
    content = {"training": list(training), "test": list(test), "data": "simulated"}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def comparable_results(folder: Path) -> dict[str, bytes]:
    """The content of every file, hidden ones too; of findings all but when and how fast they were made."""
    return {path.name: _comparable(path) for path in sorted(folder.iterdir())}


def _comparable(path: Path) -> bytes:
    if not path.is_file():
        return b"a folder"
    content = path.read_bytes()
    if not path.name.endswith("_findings.json"):
        return content
    findings = json.loads(content)
    del findings["provenance"]["started"], findings["provenance"]["seconds"]
    return json.dumps(findings).encode()
