"""How fast detection is, as JSON and as a Markdown table: `make bench`.

Parts: the network by every way against the machine's matrix product; `ribfrac detect` as a whole process on a
real scan, if one is at hand, on the sample case and on a long synthetic one, each cold (empty cache) and
warm; what the original's procedure and MONAI's sliding window take for the windows of the real scan; and mode
`original` in full, as a process. Ratios are between numbers of one run.
Weights are random unless a file is given: random ones take as long as trained ones, but find nothing real.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from machine import describe
from network_speed import DEAD_LEVEL, measure_network
from old_procedures import monai_sliding_window, original_procedure
from ribfrac_testing.reference import REPOSITORY, shared_data_folder
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.engine.network import build_network
from RibFracDetectorLib.engine.settings import resolve_settings
from RibFracDetectorLib.engine.weights import load_weights
from RibFracDetectorLib.evaluation.output import write_json
from table import as_table
from whole_process import run_detect

PARTS = ("network", "scans", "old", "original")
ROWS_OF_SCAN = {
    "scans": "`ribfrac detect` on it",
    "old": "the windows of the original's procedure and of MONAI's",
    "original": "mode original in full",
}
"""By part, what is measured on the real scan."""
SAMPLE = REPOSITORY / "Resources" / "SampleData" / "simulated_chest_image.nii.gz"
LONG_SIZE, LONG_SPACING = (512, 512, 600), (0.75, 0.75, 1.0)
LONG_NAME = "synthetic 512x512x600"


def main() -> None:
    """Measure, write `detection.json` and `detection.md`, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder for the results")
    add("--weights", type=Path, help="a checkpoint; default: random weights from a seed")
    add("--architecture", choices=["S", "D"], default="S", help="of the random weights")
    add(
        "--scan",
        type=Path,
        default=shared_data_folder() / "ct" / "chest_ct_a.nii.gz",
        help="a CT; left out where it does not exist (default: ct/chest_ct_a.nii.gz in RIBFRAC_SHARED_DATA)",
    )
    add("--parts", nargs="+", choices=PARTS, default=PARTS)
    add("--windows", type=int, default=12, help="timed of the original's procedure and of MONAI's")
    add("--window", type=int, nargs=3, default=[160, 192, 128], help="another size only to try this script")
    add("--rounds", type=int, default=3, help="of the network's ways")
    add("--no-long", action="store_true", help="without the synthetic scan of 512 x 512 x 600")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rows = [row for part, row in ROWS_OF_SCAN.items() if part in options.parts]
    if rows and not options.scan.exists():
        print(
            f"{options.scan}: no such scan; left out are {', '.join(rows)}; name one with --scan",
            file=sys.stderr,
        )
    with tempfile.TemporaryDirectory() as folder:
        for results in measure(options, Path(folder)):
            write_json(options.output / "detection.json", results)
            (options.output / "detection.md").write_text(as_table(results))
    print(as_table(results))


def measure(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """All results so far, again after every part that was asked for; the longest comes last."""
    path = options.weights or _random_weights(folder, options.architecture)
    weights = load_weights(path)
    window = [f"roi_size={options.window}"]
    results: dict[str, Any] = {
        "machine": describe(),
        "architecture": weights.architecture,
        "weights": "random, from a seed" if options.weights is None else weights.sha256,
    }
    yield results
    if "network" in options.parts:
        settings = resolve_settings("standard", assignments=window)
        results["network"] = measure_network(weights, settings, options.rounds)
        yield results
    present = options.scan.exists()
    if "scans" in options.parts:
        results["scans"] = {
            name: _cold_and_warm(scan, path, folder, window) for name, scan in _scans(options.scan).items()
        }
        yield results
    if "old" in options.parts and present:
        ct = read_ct(options.scan)
        results["old"] = {
            "scan": options.scan.name,
            "original": original_procedure(ct, weights, options.windows, window),
            "monai": monai_sliding_window(ct, weights, options.windows, window),
        }
        _add_ratios(results)
        yield results
    if "original" in options.parts and present:
        results["original_in_full"] = _in_full(options.scan, path, folder, window, results)
        yield results
    if "scans" in options.parts and not options.no_long:
        runs = _cold_and_warm(_long_scan(folder), path, folder, window)
        results["scans"] = {**results.get("scans", {}), LONG_NAME: runs}
        yield results


def _scans(given: Path) -> dict[str, Path]:
    """The scan and the sample case, those that exist, each once, by the name that the results give it."""
    found = {given.name: given} if given.exists() else {}
    if SAMPLE.exists() and not (found and given.samefile(SAMPLE)):
        found[SAMPLE.name if SAMPLE.name not in found else f"sample case {SAMPLE.name}"] = SAMPLE
    return found


def _cold_and_warm(scan: Path, weights: Path, parent: Path, window: list[str]) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(dir=parent))
    return {name: run_detect(scan, weights, folder, "--set", *window) for name in ("cold", "warm")}


def _in_full(
    scan: Path, weights: Path, parent: Path, window: list[str], results: dict[str, Any]
) -> dict[str, Any]:
    """Mode `original` as a user runs it, and how many times slower it is than the default."""
    run = run_detect(
        scan, weights, Path(tempfile.mkdtemp(dir=parent)), "--mode", "original", "--set", *window
    )
    fast = results.get("scans", {}).get(scan.name, {})
    ratios = {name: run["wall_seconds"] / other["wall_seconds"] for name, other in fast.items()}
    return {"scan": scan.name, "run": run, "times_slower_than": ratios}


def _add_ratios(results: dict[str, Any]) -> None:
    """How many times faster the whole process is than the windows of the old procedures alone."""
    old = results.get("old")
    runs = results.get("scans", {}).get(old["scan"] if old else "", {})
    if not runs:
        return
    for name in ("original", "monai"):
        old[name]["times_slower_than"] = {
            temperature: old[name]["seconds_scaled"] / run["wall_seconds"]
            for temperature, run in runs.items()
        }
    old["original"]["fewer_windows"] = old["original"]["windows_of_the_scan"] / runs["warm"]["windows"]
    if "network" in results:
        seconds = results["network"]["seconds"]
        dead = seconds[DEAD_LEVEL] * old["original"]["windows_of_the_scan"]
        old["original"]["with_dead_level_times_slower_than_warm"] = dead / runs["warm"]["wall_seconds"]


def _random_weights(folder: Path, architecture: str) -> Path:
    torch.manual_seed(0)
    path = folder / f"random_{architecture}.pth"
    torch.save({"state_dict": build_network(architecture).state_dict()}, path)
    return path


def _long_scan(folder: Path) -> Path:
    """A synthetic trunk, uncompressed."""
    return Stored(chest(LONG_SIZE, LONG_SPACING), LONG_SPACING).write(folder / "long.nii")


if __name__ == "__main__":
    main()
