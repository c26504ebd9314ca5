"""`ribfrac` as users run it; `simulate` and `detect` go on where they were stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LOWEST_SCORE = 0.02  # curves go on below any threshold that is used


def simulate(folder: Path, scans: int, seed: int, workers: int, *options: str) -> None:
    """Test cases of a data set, as NIfTI files."""
    counts = ("--cases", "0", "--test", str(scans), "--seed", str(seed), "--workers", str(workers))
    _ribfrac("simulate", str(folder), *counts, "--layout", "nifti", *options)


def detect(inputs: Sequence[Path], results: Path, weights: str | None) -> None:
    """Search scans, or the test split of a data set."""
    model = () if weights is None else ("--weights", weights)
    lowest = ("--set", f"score_thr={LOWEST_SCORE}")
    _ribfrac("detect", *map(str, inputs), "--output", str(results), *model, *lowest, "--progress", "none")


def report(results: Path, truth: Path, classes: Sequence[int], output: Path) -> None:
    """Curves and the report of an evaluation by the centre rule."""
    chosen = ("--classes", ",".join(map(str, classes)), "--data", "simulated")
    _ribfrac("evaluate", str(results), str(truth), "--metric", "center", *chosen, "--output", str(output))


def _ribfrac(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "RibFracDetectorLib", *arguments], check=True)
