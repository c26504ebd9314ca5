"""The original's table of single scans, and ground truth and results whose names are those of data sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from ribfrac_testing.evaluation_data import (
    labels_of_boxes,
    write_findings_file,
    write_ins2cls,
    write_rois,
    write_volume,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.case_table import (
    COLUMNS,
    WHOLE_TABLE,
    merge_parts,
    shard_table,
    write_case_table,
    write_part,
)
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.run_evaluation import Request, run_evaluation

SHAPE, SPACING = (40, 30, 24), (0.8, 0.8, 1.5)
BOX, OTHER = (2, 2, 2, 8, 8, 8), (20, 10, 5, 30, 20, 12)
QUICK = EvaluationOptions(replicates=0)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def seed_result(run: Path, case_id: str, boxes: list, direction: tuple | None = None) -> None:
    """What the original leaves of a case."""
    write_rois(run, case_id, [(box, 0.9) for box in boxes])
    write_rois(run, case_id, [(box, 0.9) for box in boxes], "seg")
    mask = (labels_of_boxes(SHAPE, boxes) > 0).astype("uint8")
    stored = mask[::-1, ::-1] if direction else mask
    corner = (0.8 * (SHAPE[0] - 1), 0.8 * (SHAPE[1] - 1), 0) if direction else (0, 0, 0)
    write_volume(run / f"{case_id}_roi_seg_mask.nii.gz", stored, SPACING, direction, corner)


def truth_of(folder: Path, case_id: str, boxes: list, classes: list[int]) -> None:
    write_ins2cls(folder, case_id, boxes, classes)
    write_volume(folder / f"{case_id}_instance.nii.gz", labels_of_boxes(SHAPE, boxes), SPACING)


def test_a_row_of_the_originals_own_results(tmp_path: Path) -> None:
    """Class 7 counts in single scans, class 9 does not; sizes come of the mask, a time is not known."""
    seed_result(tmp_path / "run", "a", [BOX, OTHER], direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1))
    truth_of(tmp_path / "truth", "a", [BOX, OTHER], [7, 9])
    run_evaluation(Request(tmp_path / "run", tmp_path / "truth", tmp_path / "out", ("center",), QUICK))
    (row,) = rows_of(tmp_path / "out" / WHOLE_TABLE)
    assert tuple(row) == COLUMNS
    assert [row[f"img_dim{axis}"] for axis in range(3)] == ["40", "30", "24"]
    assert [float(row[f"spacing_dim{axis}"]) for axis in range(3)] == pytest.approx([-0.8, -0.8, 1.5])
    assert [row[f"det_{name}"] for name in ("recall", "precision", "fp", "fn", "tp")] == [
        *("1.0", "0.5", "1", "0", "1")
    ]
    volumes = [6 * 6 * 6, 10 * 10 * 7]
    assert float(row["seg_dice0"]) == pytest.approx(2 * volumes[0] / (2 * volumes[0] + volumes[1]))
    assert row["infertime"] == ""


def test_findings_tell_the_grid_and_how_long_it_took(tmp_path: Path) -> None:
    path = write_findings_file(tmp_path / "run", "a", [(BOX, 0.9)])
    content = json.loads(path.read_text())
    content["provenance"]["seconds"] = {"network": 61.25, "merge": 0.5004}
    path.write_text(json.dumps(content))
    counts = {"a": {"recall": 0.5}}
    write_case_table(tmp_path / WHOLE_TABLE, counts, {}, read_predictions(tmp_path / "run"))
    (row,) = rows_of(tmp_path / WHOLE_TABLE)
    assert row["infertime"] == "61.75"
    assert [row[f"img_dim{axis}"] for axis in range(3)] == ["400", "300", "350"]
    assert [row[f"spacing_dim{axis}"] for axis in range(3)] == ["-0.8", "-0.8", "1.0"]
    assert (row["det_recall"], row["seg_recall"]) == ("0.5", "")


def test_empty_sides(tmp_path: Path) -> None:
    """No lesion, no prediction, neither: values as spec 6 has them, undefined is empty."""
    seed_result(tmp_path / "run", "found", [BOX])
    truth_of(tmp_path / "truth", "found", [], [])
    seed_result(tmp_path / "run", "missed", [])
    truth_of(tmp_path / "truth", "missed", [BOX], [1])
    seed_result(tmp_path / "run", "neither", [])
    truth_of(tmp_path / "truth", "neither", [], [])
    truth_of(tmp_path / "truth", "without", [BOX], [1])
    run_evaluation(Request(tmp_path / "run", tmp_path / "truth", tmp_path / "out", ("center",), QUICK))
    names = ("det_recall", "det_precision", "det_fp", "det_fn", "det_tp", "seg_dice0")
    found = {row["cid"]: [row[name] for name in names] for row in rows_of(tmp_path / "out" / WHOLE_TABLE)}
    assert found == {
        "found": ["", "0.0", "1", "0", "0", "0.0"],
        "missed": ["0.0", "", "0", "1", "0", "0.0"],
        "neither": ["0.0", "", "0", "0", "0", ""],
        "without": ["0.0", "", "0", "1", "0", ""],
    }


def test_parts_are_joined_once_all_are_there(tmp_path: Path) -> None:
    for name in ("b", "a"):
        seed_result(tmp_path / "run", name, [BOX])
        truth_of(tmp_path / "truth", name, [BOX], [1])
    truth, predictions = read_ground_truth(tmp_path / "truth"), read_predictions(tmp_path / "run")
    for index, name in enumerate(("b", "a")):
        assert not merge_parts(tmp_path, 2)
        part = type(truth)(truth.layout, {name: truth.cases[name]})
        write_part(tmp_path / shard_table(index, 2), part, predictions, QUICK)
    assert merge_parts(tmp_path, 2)
    assert [row["cid"] for row in rows_of(tmp_path / WHOLE_TABLE)] == ["a", "b"]
    write_part(tmp_path / shard_table(1, 2), truth, predictions, QUICK)
    with pytest.raises(InputError, match="another shard's table"):
        merge_parts(tmp_path, 2)
    (tmp_path / shard_table(1, 2)).write_text("cid\n")
    with pytest.raises(InputError, match="not a table of this version"):
        merge_parts(tmp_path, 2)


@pytest.mark.parametrize("ending", ["-image", "_image"])
def test_results_named_after_the_image_files_of_a_data_set(ending: str, tmp_path: Path) -> None:
    write_findings_file(tmp_path / "run", f"RibFrac1{ending}", [(BOX, 0.9)])
    write_ins2cls(tmp_path / "truth", "RibFrac1", [BOX])
    request = Request(tmp_path / "run", tmp_path / "truth", tmp_path / "out", ("center",), QUICK)
    run_evaluation(request)
    values = json.loads((tmp_path / "out" / "center.json").read_text())["findings"]
    assert values["per_case"]["RibFrac1"]["tp"] == 1
    write_findings_file(tmp_path / "run", "RibFrac1", [])
    with pytest.raises(InputError, match="two results for scan RibFrac1"):
        run_evaluation(request)


def test_ground_truth_of_a_split(tmp_path: Path) -> None:
    truth_of(tmp_path / "far", "a", [BOX], [2])
    write_volume(tmp_path / "b_instance.nii", labels_of_boxes(SHAPE, [OTHER]), SPACING)
    write_ins2cls(tmp_path, "c", [BOX])
    splits = {"training": ["c"], "test": ["far/a", "b"], "data": "simulated"}
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps(splits))
    truth = read_ground_truth(file)
    assert {name: case.classes.tolist() for name, case in truth.cases.items()} == {"a": [2], "b": [0]}
    assert truth.data == "simulated"
    assert list(read_ground_truth(file, split="training").cases) == ["c"]
    file.write_text(json.dumps({**splits, "test": ["far/a", "gone"]}))
    with pytest.raises(InputError, match=r"gone_ins2cls\.json: missing"):
        read_ground_truth(file)
