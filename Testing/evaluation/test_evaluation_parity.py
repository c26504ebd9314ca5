"""The numbers of the original system and of the official RibFrac code, from files to result files."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.evaluation_data import write_ins2cls
from ribfrac_testing.reference import Golden
from RibFracDetectorLib.evaluation.run_evaluation import Request, run_evaluation

TOLERANCE = 1e-6
COUNTS = ("recall", "precision", "fp", "fn", "tp")


def evaluate(run: Path, truth: Path, output: Path, *metrics: str) -> dict[str, Any]:
    """The content of the result file of each metric."""
    run_evaluation(Request(run, truth, output, metrics))
    return {metric: json.loads((output / f"{metric}.json").read_text()) for metric in metrics}


def assert_same(found: Any, expected: Any, place: str = "") -> None:
    """Compare nested JSON values, numbers within the tolerance; null stands for NaN."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key, value in expected.items():
            assert_same(found[key], value, f"{place}/{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{place}[{index}]")
    elif isinstance(expected, float) and math.isnan(expected):
        assert found is None, place
    elif isinstance(expected, int | float):
        assert found == pytest.approx(expected, abs=TOLERANCE), place
    else:
        assert found == expected, place


@pytest.fixture
def synthetic_cases(golden_common: Golden, tmp_path: Path) -> tuple[Path, Path]:
    """The synthetic cases of the original's helpers as folders of results and ground truth."""
    run, truth = tmp_path / "run", tmp_path / "truth"
    run.mkdir()
    for number, case in enumerate(golden_common.facts["cases"]):
        write_ins2cls(truth, f"case{number:03d}", case["gt"])
        (run / f"case{number:03d}_det_roi_infos.json").write_text(json.dumps(case["det_rois"]))
    return run, truth


@pytest.mark.reference
def test_froc_and_counts_are_the_originals(
    golden_common: Golden, synthetic_cases: tuple[Path, Path], tmp_path: Path
) -> None:
    values = evaluate(*synthetic_cases, tmp_path / "out", "center")["center"]["det"]
    assert_same(values["froc"], golden_common.facts["froc"])
    rows = [[row[name] for name in COUNTS] for row in values["per_case"].values()]
    assert_same(rows, [case["recall_precision_fp_fn_tp"] for case in golden_common.facts["cases"]])


@pytest.mark.reference
def test_average_precision_is_the_originals(
    golden_common: Golden, synthetic_cases: tuple[Path, Path], tmp_path: Path
) -> None:
    values = evaluate(*synthetic_cases, tmp_path / "out", "map")["map"]["det"]["seed"]
    expected = golden_common.facts["mAP"]
    assert_same({key: values[key] for key in expected}, expected)
    assert values["mAP"] == pytest.approx(sum(expected.values()) / len(expected), abs=TOLERANCE)


@pytest.mark.reference
def test_scores_of_the_ribfrac_challenge(reference: Path, tmp_path: Path) -> None:
    folder = reference / "froc_official"
    expected = json.loads((folder / "expected.json").read_text())
    found = evaluate(folder / "predictions", folder / "ground_truth", tmp_path, "ribfrac")["ribfrac"]
    assert list(found) == list(expected)
    assert found["cases"].keys() == expected["cases"].keys()
    # The names of the synthetic situations are known to nobody but their maker.
    for content in (found, expected):
        del content["cases"]
        for case in content["per_case"].values():
            del case["name"]
    assert_same(found, expected)


@pytest.mark.reference
@pytest.mark.parametrize("configuration", ["golden_s", "golden_d"])
def test_case_row_of_a_real_run(configuration: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    golden: Golden = request.getfixturevalue(configuration)
    row = golden.facts["volume_case_row"]
    run, truth = tmp_path / "run", tmp_path / "truth"
    run.mkdir()
    truth.mkdir()
    for name in ("det_roi_infos.json", "seg_roi_infos.json", "roi_seg_mask.nii.gz"):
        shutil.copy(golden.folder / f"{row['cid']}_{name}", run)
    shutil.copy(golden.folder / "volume_ins2cls.json", truth / f"{row['cid']}_ins2cls.json")
    shutil.copy(golden.folder / "volume_instance.nii.gz", truth / f"{row['cid']}_instance.nii.gz")
    values = evaluate(run, truth, tmp_path / "out", "center")["center"]
    for head in ("det", "seg"):
        found = values[head]["per_case"][row["cid"]]
        assert_same({name: found[name] for name in COUNTS}, {name: row[f"{head}_{name}"] for name in COUNTS})
    assert values["data_facts"]["notes"] == []
