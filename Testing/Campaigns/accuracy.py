"""How good a model is on simulated fractures, as JSON and as a Markdown table: `make accuracy`.

Parts, in this order; a run that was stopped goes on where it was:

1. validation: simulated chests without a fracture, with look-alikes, on which ONE threshold is fixed: the
   lowest score that keeps to `FALSE_POSITIVES` a chest. All that follows uses it.
2. held-out: simulated scans with fractures, of seeds that were never trained on. FROC by the centre rule.
3. bodies: the same scans by kind of body. No threshold is needed, so `--parts bodies` alone tells what
   weights trained on one kind are worth on the other.
4. real: healthy real scans, untouched and with fractures inserted. Findings and sensitivity at the threshold.
5. shams: the same scans with all that an insertion does but a fracture. Findings there and, at the same
   places, in the untouched scan.
6. fidelity: the held-out and the untouched scans once more, every window in float32 by PyTorch, against what
   the machine chose for itself. It needs no part before it either, so each kind of machine can be tried.

Nothing here says anything about patients: every fracture is simulated.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from bodies import froc_by_body
from card import as_table
from commands import detect, detect_copies, report, simulate
from fidelity import compare_runs
from ribfrac_testing.reference import shared_data_folder
from RibFracDetectorLib.case.catalogue import find_model
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.json_files import read_json
from RibFracDetectorLib.case.reviewed_case import file_sha256
from RibFracDetectorLib.case.whole_files import writing_to
from RibFracDetectorLib.evaluation.bootstrap import percentile_interval, scan_weights
from RibFracDetectorLib.evaluation.center_metric import pool_by_center
from RibFracDetectorLib.evaluation.froc import operating_score
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.matching import Pool
from RibFracDetectorLib.evaluation.output import write_json
from RibFracDetectorLib.evaluation.pairing import PairedList, paired_list
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracTrainingLib.simulation.lesions.fracture import LABELS
from shams import count_at_places
from traits import found_by_trait

PARTS = ("validation", "held-out", "bodies", "real", "shams", "fidelity")
THOROUGH = ("--exhaustive", "--engine", "torch", "--precision", "fp32")
NEED_REAL_SCANS = ("real", "shams", "fidelity")
NEED_THRESHOLD = ("held-out", "real", "shams")
VALIDATION_CHESTS = 6
FALSE_POSITIVES = 3.0  # a chest without a fracture: what a reader is asked to look at in vain
REPLICATES = 1000
LIST = "findings"
CLASSES = frozenset(LABELS.values())
FRACTURE_FREE = ("--fracture-free", "1")
HALF_CHESTS = ("--part", "half", "--heights", "-50", "70", "--fractures", "4-8")  # five to seven ribs high
NOTHING_ELSE = ("--imitators", "0-0", "--slice-faults", "0")


def main() -> None:
    """Measure what is missing, write `accuracy.json` and `accuracy.md`, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder for scans and results")
    add("--weights", help="a model of the catalogue or a checkpoint (default: the shipped one)")
    add("--parts", nargs="+", choices=PARTS, default=PARTS)
    add("--body", action="append", help="of the simulated scans, as `ribfrac simulate` takes it")
    add("--held-out", type=int, default=30, help="scans")
    add(
        "--real",
        type=Path,
        default=shared_data_folder() / "ct",
        help="folder of healthy scans, *.nii.gz (default: ct in RIBFRAC_SHARED_DATA)",
    )
    add("--seeds", type=int, default=10, help="insertions into each real scan")
    add("--shams", type=int, default=120, help="places")
    add("--workers", type=int, default=2)
    options = parser.parse_args()
    try:
        print(_measured(options))
    except InputError as error:
        parser.exit(error.exit_status, f"{parser.prog}: {error}\n")


def _measured(options: argparse.Namespace) -> str:
    """All parts, measured now or before, as a table.

    Raises:
        InputError: no such weights, an output of others, or a part that is missing.
    """
    model = file_sha256(find_model(options.weights)[0])
    path = options.output / "accuracy.json"
    results = read_json(path) if path.exists() else {}
    if results.setdefault("weights_sha256", model) != model:
        raise InputError(
            f"{path} is about another model ({results['weights_sha256'][:12]}); choose another --output"
        )
    _check_scans(options)
    _check_parts(options.parts, results)
    with writing_to(options.output):
        options.output.mkdir(parents=True, exist_ok=True)
    write_json(path, results)
    for part in PARTS:
        if part in options.parts:
            results[part] = MEASURE[part](options, results)
            write_json(path, results)
    table = as_table(results)
    (options.output / "accuracy.md").write_text(table)
    return table


def _check_parts(wanted: Collection[str], results: Mapping[str, Any]) -> None:
    """Told at the start: what comes before the threshold is used takes hours."""
    needing = [part for part in NEED_THRESHOLD if part in wanted]
    if needing and "validation" not in {*wanted, *results}:
        raise InputError(
            f"--parts {' '.join(wanted)}: no threshold was fixed yet, which {', '.join(needing)} needs; add "
            "validation"
        )


def _check_scans(options: argparse.Namespace) -> None:
    """Told at the start, too: the parts that need no real scans take hours."""
    needing = [part for part in NEED_REAL_SCANS if part in options.parts]
    if needing and not _healthy(options):
        others = " ".join(part for part in PARTS if part not in NEED_REAL_SCANS)
        raise InputError(
            f"{options.real}: no *.nii.gz there, real scans are expected for {', '.join(needing)}; name "
            f"their folder with --real or RIBFRAC_SHARED_DATA, or leave those out with --parts {others}"
        )


def _validation(options: argparse.Namespace, _: dict[str, Any]) -> dict[str, Any]:
    paired = _simulated(options, "validation", VALIDATION_CHESTS, 7001, *FRACTURE_FREE)
    lowest = operating_score(pool_by_center(paired), FALSE_POSITIVES)
    return {
        "scans": len(paired.case_ids),
        "false_positives_a_scan": FALSE_POSITIVES,
        "threshold": float(np.ceil(100 * lowest) / 100),  # as a catalogue states it, and a slider shows it
    }


def _held_out(options: argparse.Namespace, results: dict[str, Any]) -> dict[str, Any]:
    paired = _half_chests(options)
    folder = options.output / "held-out"
    values = _report(folder / "data", folder / "results", folder / "evaluation")
    return {**values, "at_threshold": _at(paired, results["validation"]["threshold"], folder / "data")}


def _by_body(options: argparse.Namespace, _: dict[str, Any]) -> dict[str, Any]:
    return froc_by_body(_half_chests(options), options.output / "held-out" / "data")


def _report(data: Path, results: Path, output: Path) -> dict[str, Any]:
    return report(data / "dataset.json", results, output, sorted(CLASSES))[LIST]


def _half_chests(options: argparse.Namespace) -> PairedList:
    return _simulated(options, "held-out", options.held_out, 7002, *HALF_CHESTS)


def _simulated(options: argparse.Namespace, name: str, scans: int, seed: int, *shape: str) -> PairedList:
    """Simulated bodies of a shape, searched."""
    folder = options.output / name
    bodies = [part for body in options.body or ["phantom"] for part in ("--body", body)]
    simulate(folder / "data", scans, seed, options.workers, *shape, *bodies)
    detect([folder / "data" / "dataset.json"], folder / "results", options.weights)
    return _paired(folder)


def _real(options: argparse.Namespace, results: dict[str, Any]) -> dict[str, Any]:
    threshold = results["validation"]["threshold"]
    untouched = options.output / "untouched"
    scans = _healthy(options)
    detect(scans, untouched, options.weights)
    scores = {case: result.lists[LIST].scores for case, result in read_predictions(untouched).cases.items()}
    folder = options.output / "real"
    inserted = ("--fractures", "12-12", "--fracture-free", "0", "--shams", "0-0", *NOTHING_ELSE)
    simulate(folder / "data", options.seeds * len(scans), 7013, 1, *inserted, *_bodies(scans))
    detect_copies([folder / "data" / "dataset.json"], folder / "results", options.weights)
    return {
        "findings_untouched": {case: int((found >= threshold).sum()) for case, found in scores.items()},
        "inserted": _at(_paired(folder), threshold, folder / "data"),
    }


def _shams(options: argparse.Namespace, results: dict[str, Any]) -> dict[str, Any]:
    threshold = results["validation"]["threshold"]
    scans = _healthy(options)
    untouched = options.output / "untouched"
    detect(scans, untouched, options.weights)
    folder = options.output / "shams"
    a_scan = 30
    only = (*FRACTURE_FREE, "--shams", f"{a_scan}-{a_scan}", *NOTHING_ELSE)
    simulate(folder / "data", -(-options.shams // a_scan), 7004, 1, *only, *_bodies(scans))
    detect_copies([folder / "data" / "dataset.json"], folder / "results", options.weights)
    return count_at_places(folder, untouched, threshold)


def _fidelity(options: argparse.Namespace, _: dict[str, Any]) -> dict[str, Any]:
    untouched, held_out = options.output / "untouched", options.output / "held-out"
    folder = options.output / "fidelity"
    _half_chests(options)
    data = held_out / "data"
    detect(_healthy(options), untouched, options.weights)
    detect(_healthy(options), folder / "untouched", options.weights, *THOROUGH)
    detect([data / "dataset.json"], folder / "held-out", options.weights, *THOROUGH)
    chosen = _report(data, held_out / "results", held_out / "evaluation")
    thorough = _report(data, folder / "held-out", folder / "evaluation")
    return {
        "froc": thorough["mean_of_challenge_points"],
        "froc_chosen": chosen["mean_of_challenge_points"],
        "held-out": compare_runs(held_out / "results", folder / "held-out"),
        "real": compare_runs(untouched, folder / "untouched"),
    }


def _healthy(options: argparse.Namespace) -> list[Path]:
    return sorted(options.real.glob("*.nii.gz"))


def _bodies(scans: list[Path]) -> list[str]:
    return [part for scan in scans for part in ("--body", f"ct:{scan}")]


def _paired(folder: Path) -> PairedList:
    """The truth of a data set and what was found in it."""
    truth = read_ground_truth(folder / "data" / "dataset.json")
    return paired_list(truth, read_predictions(folder / "results"), LIST, CLASSES, "count")


def _at(paired: PairedList, threshold: float, data: Path) -> dict[str, Any]:
    """Sensitivity and false positives of findings that reach the threshold, 95 % bootstrap over scans.

    Args:
        data: folder of the data set, where the traits of its fractures are told.
    """
    pool = pool_by_center(paired)
    hit = pool.hit_scores >= threshold
    classes = np.concatenate([lesions.classes for lesions in paired.lesions])
    wrong = ~pool.true & (pool.scores >= threshold)
    return {
        "scans": pool.n_cases,
        "lesions": pool.n_lesions,
        "sensitivity": float(hit.mean()),
        "interval_95": _interval(pool, hit),
        "false_positives_a_scan": float(wrong.sum() / pool.n_cases),
        "per_class": {
            name: {
                "lesions": int((classes == label).sum()),
                "sensitivity": float(hit[classes == label].mean()),
            }
            for name, label in LABELS.items()
            if (classes == label).any()
        },
        "per_trait": found_by_trait(paired, hit, data),
    }


def _interval(pool: Pool, hit: np.ndarray) -> list[float]:
    counts = np.bincount(pool.lesion_case, minlength=pool.n_cases)
    hits = np.bincount(pool.lesion_case, weights=hit, minlength=pool.n_cases)
    drawn = [weights @ hits / (weights @ counts) for weights in scan_weights(pool.n_cases, REPLICATES, 0)]
    return [float(border) for border in percentile_interval(np.array(drawn))]


MEASURE = {
    "validation": _validation,
    "held-out": _held_out,
    "bodies": _by_body,
    "real": _real,
    "shams": _shams,
    "fidelity": _fidelity,
}


if __name__ == "__main__":
    main()
