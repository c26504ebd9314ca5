"""The benchmark of detection as a process: its scans are told apart, its memory is its own."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ribfrac_testing.reference import REPOSITORY


@pytest.fixture
def detection(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(REPOSITORY / "Testing" / "Benchmarks")
    return importlib.import_module("detection")


@pytest.mark.parametrize("name", ["simulated_chest_image.nii.gz", "original", "long"])
def test_a_scan_of_any_name_is_measured_beside_the_others(
    detection: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = tmp_path / "scans" / name
    scan.parent.mkdir()
    scan.touch()
    folders = []

    def run(of: Path, _weights: Path, folder: Path, *_more: str) -> dict:
        folders.append((folder, of))
        return {"wall_seconds": 1.0}

    monkeypatch.setattr(detection, "run_detect", run)
    monkeypatch.setattr(detection, "_long_scan", lambda folder: folder / "long.nii")
    assert list(detection._scans(scan).values()) == [scan, detection.SAMPLE]
    assert list(detection._scans(detection.SAMPLE).values()) == [detection.SAMPLE]
    for of in (*detection._scans(scan).values(), detection._long_scan(tmp_path)):
        detection._cold_and_warm(of, tmp_path, tmp_path, [])
    detection._in_full(scan, tmp_path, tmp_path, [], {})
    assert len(folders) == 7
    assert len(set(folders)) == 4


def test_memory_is_that_of_the_process_alone(detection: ModuleType) -> None:
    own = np.ones(125_000_000)  # 1 GB that this process holds
    module = importlib.import_module(detection.run_detect.__module__)
    small, large = (
        module.run_measured([sys.executable, "-c", f"held = bytearray(b'1') * {size}"], os.environ)
        for size in (1, 300_000_000)
    )
    assert small.peak_memory_bytes < 100e6 < 300e6 < large.peak_memory_bytes < own.nbytes


def test_what_fails_is_told(detection: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"detect .*ct\.nii.* failed"):
        detection.run_detect(tmp_path / "ct.nii", tmp_path / "no.pth", tmp_path)
