"""The benchmark of detection as a process: its scans are told apart, its memory is in bytes."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

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


def test_memory_is_counted_in_bytes(
    detection: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(detection.run_detect.__module__)
    (tmp_path / "ct.nii").touch()
    (tmp_path / "out").mkdir()
    made = dict.fromkeys(("engine", "precision", "windows", "windows_skipped", "warnings"), 0)
    content = {"provenance": {**made, "seconds": {}}, "findings": []}
    (tmp_path / "out" / "ct_findings.json").write_text(json.dumps(content))
    usage = SimpleNamespace(ru_utime=1.0, ru_stime=1.0, ru_maxrss=2_000_000)  # KiB, bytes on macOS
    monkeypatch.setattr(module.subprocess, "Popen", lambda *_, **__: SimpleNamespace(pid=0))
    monkeypatch.setattr(module.os, "wait4", lambda *_: (0, 0, usage))
    told = detection.run_detect(tmp_path / "ct.nii", tmp_path, tmp_path)["peak_memory_gb"]
    assert told == pytest.approx(0.002 if sys.platform == "darwin" else 2.048)
