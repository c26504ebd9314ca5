"""`ribfrac` as users run it; `simulate` and `detect` go on where they were stopped.

A command that fails ends the campaign with its exit status.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ribfrac_testing.command_line import command
from RibFracDetectorLib.case.catalogue import find_model
from RibFracDetectorLib.case.dataset import case_id_of_prefix, read_split_file
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reading import case_id_of
from RibFracDetectorLib.case.reviewed_case import file_sha256
from RibFracDetectorLib.evaluation.predictions import read_predictions

LOWEST_SCORE = 0.02  # curves go on below any threshold that is used


def simulate(folder: Path, scans: int, seed: int, workers: int, *options: str) -> None:
    """Test cases of a data set, as NIfTI files."""
    counts = ("--cases", "0", "--test", str(scans), "--seed", str(seed), "--workers", str(workers))
    _ribfrac("simulate", str(folder), *counts, "--layout", "nifti", *options)


def detect(inputs: Sequence[Path], results: Path, weights: str | None, *options: str) -> None:
    """Search scans, or the test split of a data set.

    Raises:
        InputError: `results` holds other scans, or what other weights have found.
    """
    _ribfrac(*_detect_arguments(inputs, results, weights), *options)


def detect_copies(inputs: Sequence[Path], results: Path, weights: str | None) -> None:
    """The same for scans that were made of few, see `similar_scans`.

    Raises:
        InputError: see `detect`.
    """
    program = Path(__file__).with_name("similar_scans.py")
    _run([sys.executable, str(program), *_detect_arguments(inputs, results, weights)])


def _detect_arguments(inputs: Sequence[Path], results: Path, weights: str | None) -> list[str]:
    """What `ribfrac` is told, once it is known that `results` holds nothing of others."""
    _check_results(results, file_sha256(find_model(weights)[0]), _case_ids(inputs))
    model = [] if weights is None else ["--weights", weights]
    lowest = ["--set", f"score_thr={LOWEST_SCORE}"]
    return ["detect", *map(str, inputs), "--output", str(results), *model, *lowest, "--progress", "none"]


def report(split: Path, results: Path, output: Path, classes: Sequence[int]) -> dict[str, Any]:
    """The values of an evaluation against a data set by the centre rule; curves beside them in `output`."""
    chosen = ("--metric", "center", "--classes", ",".join(map(str, classes)), "--data", "simulated")
    _ribfrac("evaluate", str(results), str(split), *chosen, "--output", str(output))
    return json.loads((output / "center.json").read_text())


def _case_ids(inputs: Sequence[Path]) -> set[str]:
    """Of all that `detect` searches."""
    found: set[str] = set()
    for path in inputs:
        if path.suffix == ".json":
            found.update(map(case_id_of_prefix, read_split_file(path)["test"]))
        else:
            found.add(case_id_of(path))
    return found


def _check_results(results: Path, model: str, wanted: set[str]) -> None:
    """`detect` keeps what it finds finished, whatever has made it."""
    if not results.is_dir() or not any(results.glob("*.json")):
        return
    for case_id, case in read_predictions(results).cases.items():
        made_by = [] if case.findings is None else [one.sha256 for one in case.findings.provenance.weights]
        if case_id not in wanted:
            fault = "which is not among the scans that are searched now"
        elif made_by != [model]:
            fault = f"found by the weights {', '.join(made_by)[:12] or 'unknown'}, {model[:12]} are expected"
        else:
            continue
        raise InputError(f"{results} holds {case_id}, {fault}; choose another --output")


def _ribfrac(*arguments: str) -> None:
    _run(command(*arguments))


def _run(arguments: Sequence[str]) -> None:
    """Run a command; this program ends as it does where it fails, which it has told."""
    status = subprocess.run(arguments, check=False).returncode
    if status:
        raise SystemExit(status if status > 0 else 128 - status)
