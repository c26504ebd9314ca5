"""`ribfrac` as users run it; `simulate` and `detect` go on where they were stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ribfrac_testing.command_line import command

LOWEST_SCORE = 0.02  # curves go on below any threshold that is used


def simulate(folder: Path, scans: int, seed: int, workers: int, *options: str) -> None:
    """Test cases of a data set, as NIfTI files."""
    counts = ("--cases", "0", "--test", str(scans), "--seed", str(seed), "--workers", str(workers))
    _ribfrac("simulate", str(folder), *counts, "--layout", "nifti", *options)


def detect(inputs: Sequence[Path], results: Path, weights: str | None, *options: str) -> None:
    """Search scans, or the test split of a data set."""
    model = () if weights is None else ("--weights", weights)
    lowest = ("--set", f"score_thr={LOWEST_SCORE}")
    _ribfrac(
        "detect", *map(str, inputs), "--output", str(results), *model, *lowest, *options, "--progress", "none"
    )


def report(split: Path, results: Path, output: Path, classes: Sequence[int]) -> dict[str, Any]:
    """The values of an evaluation against a data set by the centre rule; curves beside them in `output`."""
    chosen = ("--metric", "center", "--classes", ",".join(map(str, classes)), "--data", "simulated")
    _ribfrac("evaluate", str(results), str(split), *chosen, "--output", str(output))
    return json.loads((output / "center.json").read_text())


def _ribfrac(*arguments: str) -> None:
    subprocess.run(command(*arguments), check=True)
