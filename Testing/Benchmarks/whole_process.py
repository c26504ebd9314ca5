"""`ribfrac detect` as a user runs it, from the start of the process to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.reading import case_id_of

# `ru_maxrss` begins with the peak of the process that starts another, here one that holds whole networks.
# So a small process in between starts and measures it. The unit is bytes on macOS, KiB elsewhere.
_STARTER = """
import json, os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps({
    "exit_status": os.waitstatus_to_exitcode(status),
    "wall_seconds": time.perf_counter() - begin,
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "peak_memory_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
}))
"""


@dataclass(frozen=True)
class Measured:
    """What a process took, its children included."""

    exit_status: int
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end; its standard output is thrown away."""
    starter = subprocess.run(
        [sys.executable, "-c", _STARTER, *command], env=environment, stdout=subprocess.PIPE, check=True
    )
    return Measured(**json.loads(starter.stdout))


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
    measured = run_measured(command, environment)
    if measured.exit_status:
        raise SystemExit(f"{' '.join(command)} failed")
    case = json.loads((folder / "out" / f"{case_id_of(scan)}_findings.json").read_text())
    provenance = case["provenance"]
    stages = provenance["seconds"]
    return {
        "wall_seconds": measured.wall_seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak_memory_gb": measured.peak_memory_bytes / 1e9,
        "engine": provenance["engine"],
        "precision": provenance["precision"],
        "windows": provenance["windows"],
        "windows_skipped": provenance["windows_skipped"],
        "findings": len(case["findings"]),
        "stage_seconds": stages,
        "share_outside_network": 1 - stages.get("network", 0.0) / measured.wall_seconds,
        "notes": provenance["warnings"],
    }
