"""`ribfrac detect` as a user runs it, from the start of the process to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.reading import case_id_of

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""Unit of `ru_maxrss`."""


def run_detect(scan: Path, weights: Path, folder: Path, *more: str) -> dict[str, Any]:
    """One run in a process of its own.

    Args:
        scan: a file of one CT.
        weights: a checkpoint.
        folder: holds output and cache; the first run in it is a cold one.
        more: arguments of `detect`.
    """
    command = [
        sys.executable,
        "-m",
        "RibFracDetectorLib",
        "detect",
        str(scan),
        "--output",
        str(folder / "out"),
    ]
    command += ["--weights", str(weights), "--overwrite", "--progress", "none", *more]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed")
    case = json.loads((folder / "out" / f"{case_id_of(scan)}_findings.json").read_text())
    provenance = case["provenance"]
    stages = provenance["seconds"]
    return {
        "wall_seconds": wall,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory_gb": usage.ru_maxrss * MAXRSS_BYTES / 1e9,
        "engine": provenance["engine"],
        "precision": provenance["precision"],
        "windows": provenance["windows"],
        "windows_skipped": provenance["windows_skipped"],
        "findings": len(case["findings"]),
        "stage_seconds": stages,
        "share_outside_network": 1 - stages.get("network", 0.0) / wall,
        "notes": provenance["warnings"],
    }
