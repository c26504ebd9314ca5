"""Every layout of results and ground truth, and everything that can be wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ribfrac_testing.evaluation_data import (
    RESULT_COLUMNS,
    TRUTH_COLUMNS,
    labels_of_boxes,
    write_findings_file,
    write_ins2cls,
    write_rois,
    write_rows,
    write_volume,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.evaluation.cases import UNKNOWN_CLASS
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.run_evaluation import Outcome, Request, run_evaluation

SHAPE = (30, 24, 20)
BOX, OTHER = (2, 3, 4, 8, 9, 9), (15, 12, 6, 25, 20, 15)
RAS = (-1, 0, 0, 0, -1, 0, 0, 0, 1)


class Folders:
    """A folder of results, one of ground truth, and one for the output, below one root."""

    def __init__(self, root: Path) -> None:
        self.run, self.truth, self.out = root / "run", root / "truth", root / "out"
        self.run.mkdir()
        self.truth.mkdir()

    def evaluate(self, *metrics: str, **choices: Any) -> Outcome:
        options = EvaluationOptions(replicates=20, **choices)
        return run_evaluation(Request(self.run, self.truth, self.out, metrics or ("center",), options))

    def result(self, name: str = "center.json") -> dict[str, Any]:
        return json.loads((self.out / name).read_text())


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def ribfrac_truth(folder: Path, case_id: str, boxes: list, rows: list | None = None) -> None:
    write_volume(folder / f"{case_id}-label.nii.gz", labels_of_boxes(SHAPE, boxes))
    if rows is not None:
        write_rows(folder / "info.csv", TRUTH_COLUMNS, rows)


def test_the_same_lesions_from_every_layout(tmp_path: Path) -> None:
    boxes = [BOX, OTHER]
    write_ins2cls(tmp_path / "json", "RibFrac1", boxes, [1, 3])
    ribfrac_truth(
        tmp_path / "ribfrac", "RibFrac1", boxes, [["RibFrac1", 0, 0], ["RibFrac1", 1, 1], ["RibFrac1", 2, 3]]
    )
    write_volume(tmp_path / "masks" / "RibFrac1_instance.nii", labels_of_boxes(SHAPE, boxes))
    read = {layout: read_ground_truth(tmp_path / layout) for layout in ("json", "ribfrac", "masks")}
    for truth in read.values():
        lesions = truth.cases["RibFrac1"]
        np.testing.assert_array_equal(lesions.boxes, boxes)
        np.testing.assert_array_equal(lesions.instances, [1, 2])
    assert read["json"].cases["RibFrac1"].classes.tolist() == [1, 3]
    assert read["ribfrac"].cases["RibFrac1"].classes.tolist() == [1, 3]
    assert read["masks"].cases["RibFrac1"].classes.tolist() == [UNKNOWN_CLASS] * 2


def test_boxes_of_a_mask_are_those_of_the_lps_volume(tmp_path: Path) -> None:
    labels = labels_of_boxes(SHAPE, [BOX])
    stored = labels[::-1, ::-1]  # the same volume in a file whose x and y run to the right and to the front
    write_volume(tmp_path / "a_instance.nii.gz", stored, direction=RAS)
    np.testing.assert_array_equal(read_ground_truth(tmp_path).cases["a"].boxes, [BOX])


def test_all_lists_of_a_folder(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX])
    write_rois(folders.run, "a", [(BOX, 0.9), (OTHER, 0.4)])
    write_rois(folders.run, "a", [(BOX, 0.7)], "seg")
    folders.evaluate()
    result = folders.result()
    assert result["det"]["per_case"]["a"]["fp"] == 1
    assert result["seg"]["per_case"]["a"]["fp"] == 0
    assert {path.name for path in folders.out.glob("*_FROC.*")} == {
        f"{name}_roi_infos_FROC.{kind}" for name in ("det", "seg") for kind in ("pdf", "png")
    }


def test_half_precision_has_the_originals_prefix(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX])
    write_rois(folders.run, "a_fp16", [(BOX, 0.9)])
    folders.evaluate()
    assert folders.result()["det"]["per_case"]["a"]["tp"] == 1
    assert (folders.out / "fp16_det_roi_infos_FROC.pdf").read_bytes().startswith(b"%PDF")


def test_no_ground_truth_lesion_at_all(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [])
    write_rois(folders.run, "a", [(BOX, 0.9)])
    folders.evaluate("center", "map")
    values = folders.result()["det"]
    assert values["froc"]["mean"] is None
    assert values["per_case"]["a"] == {"recall": None, "precision": 0.0, "fp": 1, "fn": 0, "tp": 0}
    assert folders.result("map.json")["det"]["seed"]["mAP"] is None


def test_no_prediction_at_all(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX])
    write_rois(folders.run, "a", [])
    folders.evaluate("center", "map")
    values = folders.result()["det"]
    assert values["froc"]["mean"] == 0
    assert values["per_case"]["a"] == {"recall": 0.0, "precision": None, "fp": 0, "fn": 1, "tp": 0}
    assert folders.result("map.json")["det"]["seed"]["mAP"] == 0


def test_neither_lesion_nor_prediction(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [])
    write_rois(folders.run, "a", [])
    folders.evaluate("center", "map")
    assert folders.result()["det"]["froc"]["mean"] is None
    assert folders.result()["det"]["per_case"]["a"]["fp"] == 0


@pytest.mark.parametrize(("missing", "recall"), [("count", 0.5), ("skip", 1.0)])
def test_a_scan_without_a_result(folders: Folders, missing: str, recall: float) -> None:
    for case_id in ("a", "b"):
        write_ins2cls(folders.truth, case_id, [BOX])
    write_rois(folders.run, "a", [(BOX, 0.9)])
    outcome = folders.evaluate(missing=missing)
    result = folders.result()
    assert result["det"]["froc"]["mean"] == recall
    assert result["data_facts"]["scans_without_result"] == result["det"]["scans_without_file"] == ["b"]
    assert "b" in outcome.notes[0]


def test_a_result_without_ground_truth_is_told_and_not_used(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX])
    write_rois(folders.run, "a", [(BOX, 0.9)])
    write_rois(folders.run, "stranger", [(BOX, 0.9)])
    outcome = folders.evaluate()
    assert list(folders.result()["det"]["per_case"]) == ["a"]
    assert folders.result()["data_facts"]["results_without_ground_truth"] == ["stranger"]
    assert "stranger" in outcome.notes[0]


def test_dropped_and_unknown_classes(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX, OTHER, (26, 1, 1, 28, 3, 3), (1, 20, 1, 3, 22, 3)], [1, 7, 9, 0])
    write_rois(folders.run, "a", [(BOX, 0.9)])
    folders.evaluate()
    result = folders.result()
    assert result["data_facts"]["dropped_lesions_by_class"] == {"7": 1, "9": 1}
    assert result["data_facts"]["lesions_of_unknown_class"] == 1
    assert result["det"]["froc"]["mean"] == 0.5  # of classes 1 and unknown
    assert result["det"]["per_case"]["a"]["fn"] == 2  # single scans keep class 7 too
    folders.evaluate(classes=frozenset({9}))
    assert folders.result()["det"]["lesions"] == 2


def test_ground_truth_whose_mask_and_json_disagree(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX, OTHER])
    labels = labels_of_boxes(SHAPE, [BOX])
    labels[2, 3, 4:9] = labels[2, 3:9, 4] = 0
    labels[2] = 0
    labels[28, 20, 18] = 5
    write_volume(folders.truth / "a_instance.nii.gz", labels)
    write_rois(folders.run, "a", [(BOX, 0.9)])
    notes = folders.evaluate().notes
    assert [note for note in notes if "instance 1 has another box" in note]
    assert [note for note in notes if "instance 2 of the JSON has no voxel" in note]
    assert [note for note in notes if "instance 5 is in a_instance.nii.gz but not in the JSON" in note]
    assert folders.result()["det"]["lesions"] == 2
    assert folders.evaluate(use_masks=False).notes == []


def test_sizes_are_millimetres_where_masks_tell_the_spacing(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX])
    write_rois(folders.run, "a", [(BOX, 0.9)])
    folders.evaluate()
    assert list(folders.result()["det"]["per_size"]) == ["0-10 voxels"]
    write_volume(folders.truth / "a_instance.nii.gz", labels_of_boxes(SHAPE, [BOX]), spacing=(1, 1, 5))
    folders.evaluate()
    assert list(folders.result()["det"]["per_size"]) == ["20-40 mm"]


def test_dice_of_regions_is_over_valid_lesions(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [BOX, OTHER], [1, 9])
    write_volume(folders.truth / "a_instance.nii.gz", labels_of_boxes(SHAPE, [BOX, OTHER]))
    write_rois(folders.run, "a", [(BOX, 0.9)], "seg")
    write_volume(folders.run / "a_roi_seg_mask.nii.gz", labels_of_boxes(SHAPE, [BOX]))
    folders.evaluate()
    assert folders.result()["seg"]["per_case"]["a"]["dice"] == 1


def test_ribfrac_labels_without_row_and_rows_without_label(folders: Folders) -> None:
    ribfrac_truth(
        folders.truth, "RibFrac1", [BOX, OTHER], [["RibFrac1", 0, 0], ["RibFrac1", 1, 1], ["RibFrac1", 3, 2]]
    )
    write_rois(folders.run, "RibFrac1", [(BOX, 0.9)])
    notes = folders.evaluate().notes
    assert "RibFrac1: label 2 has no row; its class is unknown" in notes
    assert "RibFrac1: label 3 has a row but no voxel" in notes
    assert folders.result()["det"]["lesions"] == 2


def test_a_submission_has_findings(folders: Folders) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX], [["RibFrac1", 0, 0], ["RibFrac1", 1, 1]])
    write_volume(folders.run / "RibFrac1.nii.gz", labels_of_boxes(SHAPE, [BOX, OTHER]))
    write_rows(folders.run / "pred.csv", RESULT_COLUMNS, [["RibFrac1", 1, 0.9, 1], ["RibFrac1", 2, 0.2, 1]])
    folders.evaluate("center", "ribfrac")
    assert folders.result()["findings"]["per_case"]["RibFrac1"]["fp"] == 1
    assert folders.result("ribfrac.json")["average_fp_at_max_recall"] == pytest.approx(1)


@pytest.mark.parametrize(
    "rows", [None, [["RibFrac1", 0, 0], ["RibFrac1", 1, 1]]], ids=["no table", "a row short"]
)
def test_a_fracture_hit_whose_class_no_table_states_is_no_false_positive(
    folders: Folders, rows: list | None
) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX, OTHER], rows)
    write_volume(folders.run / "RibFrac1.nii.gz", labels_of_boxes(SHAPE, [BOX, OTHER]))
    write_rows(folders.run / "pred.csv", RESULT_COLUMNS, [["RibFrac1", 1, 0.9, 1], ["RibFrac1", 2, 0.8, 2]])
    folders.evaluate("ribfrac")
    scores = folders.result("ribfrac.json")
    of_column = dict(zip(scores["confusion_cols_gt"], np.sum(scores["confusion"], axis=0), strict=True))
    assert (of_column["FP"], of_column["Ignore"]) == (0, 2 if rows is None else 1)


def seed_regions(folders: Folders, boxes: list, in_mask: list) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX])
    write_rois(folders.run, "RibFrac1", [(box, 0.8) for box in boxes], "seg")
    mask = labels_of_boxes(SHAPE, in_mask) > 0
    write_volume(folders.run / "RibFrac1_roi_seg_mask.nii.gz", mask.astype(np.uint8))


def test_the_originals_regions_are_scored_by_the_challenge(folders: Folders) -> None:
    seed_regions(folders, [BOX, OTHER], [BOX, OTHER])
    folders.evaluate("ribfrac")
    scores = folders.result("ribfrac.json")
    assert scores["max_recall"] == pytest.approx(1)
    assert scores["average_fp_at_max_recall"] == pytest.approx(1)


@pytest.mark.parametrize(("boxes", "in_mask"), [([BOX], [BOX, OTHER]), ([BOX, OTHER], [BOX])])
def test_result_whose_mask_and_json_disagree(folders: Folders, boxes: list, in_mask: list) -> None:
    seed_regions(folders, boxes, in_mask)
    with pytest.raises(InputError, match="RibFrac1"):
        folders.evaluate("ribfrac")


def test_a_mask_in_another_orientation_than_its_ground_truth(folders: Folders) -> None:
    seed_regions(folders, [BOX], [BOX])
    stored = labels_of_boxes(SHAPE, [BOX])[::-1, ::-1]
    corner = (SHAPE[0] - 1, SHAPE[1] - 1, 0)
    write_volume(folders.truth / "RibFrac1-label.nii.gz", stored, direction=RAS, origin=corner)
    folders.evaluate("ribfrac")
    assert folders.result("ribfrac.json")["dice"] == pytest.approx(1)


def findings_with_masks(folders: Folders, in_mask: list) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX])
    write_findings_file(folders.run, "RibFrac1", [(BOX, 0.9), (OTHER, 0.5)], grid=Grid(SHAPE, (1, 1, 1)))
    write_volume(folders.run / "RibFrac1_instances.nii.gz", labels_of_boxes(SHAPE, in_mask))


def test_findings_are_a_list_of_their_own(folders: Folders) -> None:
    findings_with_masks(folders, [BOX])
    notes = folders.evaluate("center", "ribfrac").notes
    values = folders.result()
    assert values["findings"]["per_case"]["RibFrac1"] == {
        "recall": 1.0,
        "precision": 0.5,
        "fp": 1,
        "fn": 0,
        "tp": 1,
        "dice": 1.0,
    }
    assert "det" not in values
    assert (folders.out / "findings_FROC.pdf").is_file()
    assert [note for note in notes if "1 findings without a region" in note]
    assert folders.result("ribfrac.json")["max_recall"] == pytest.approx(1)


def test_findings_whose_mask_has_another_label(folders: Folders) -> None:
    findings_with_masks(folders, [BOX, OTHER, (26, 1, 1, 28, 3, 3)])
    with pytest.raises(InputError, match=r"labels \[3\] that the findings lack"):
        folders.evaluate("ribfrac")


def test_findings_that_break_their_schema_are_refused(folders: Folders) -> None:
    findings_with_masks(folders, [BOX])
    path = folders.run / "RibFrac1_findings.json"
    path.write_text(path.read_text().replace('"score": 0.9', '"score": 9'))
    with pytest.raises(InputError, match="not a valid findings file"):
        folders.evaluate()


def broken_json(folders: Folders) -> None:
    (folders.run / "a_det_roi_infos.json").write_text("[{")


def score_above_one(folders: Folders) -> None:
    write_rois(folders.run, "a", [(BOX, 1.5)])


def box_of_five(folders: Folders) -> None:
    path = folders.run / "a_det_roi_infos.json"
    path.write_text(json.dumps([{"bbox": [1, 2, 3, 4, 5], "prob": 0.5}]))


def nan_score(folders: Folders) -> None:
    path = folders.run / "a_det_roi_infos.json"
    path.write_text('[{"bbox": [1, 2, 3, 4, 5, 6], "prob": NaN}]')


def both_precisions(folders: Folders) -> None:
    write_rois(folders.run, "a_fp16", [(BOX, 0.5)])


def no_results(folders: Folders) -> None:
    for path in folders.run.iterdir():
        path.unlink()


def other_cases(folders: Folders) -> None:
    no_results(folders)
    write_rois(folders.run, "z", [(BOX, 0.5)])


def doubled_instance(folders: Folders) -> None:
    path = write_ins2cls(folders.truth, "a", [BOX, OTHER])
    path.write_text(path.read_text().replace('"instance": 2', '"instance": 1'))


def swapped_corners(folders: Folders) -> None:
    write_ins2cls(folders.truth, "a", [(8, 3, 4, 2, 9, 9)])


def doubled_mask(folders: Folders) -> None:
    for ending in ("nii", "nii.gz"):
        write_volume(folders.truth / f"a_instance.{ending}", labels_of_boxes(SHAPE, [BOX]))


def class_is_text(folders: Folders) -> None:
    path = write_ins2cls(folders.truth, "a", [BOX])
    path.write_text(path.read_text().replace('"class": 1', '"class": "one"'))


def nested_deeply(folders: Folders) -> None:
    (folders.run / "a_det_roi_infos.json").write_text("[" * 100_000)


def findings_nested_deeply(folders: Folders) -> None:
    (folders.run / "a_findings.json").write_text("[" * 100_000)


def box_of_many_digits(folders: Folders) -> None:
    path = folders.run / "a_det_roi_infos.json"
    path.write_text(json.dumps([{"bbox": [1, 2, 3, 4, 5, 10**400], "prob": 0.5}]))


def class_of_many_digits(folders: Folders) -> None:
    path = write_ins2cls(folders.truth, "a", [BOX])
    path.write_text(path.read_text().replace('"class": 1', f'"class": {10**22}'))


def no_masks(folders: Folders) -> None:
    """The challenge's metric needs them."""


BREAKS: list[tuple[Callable[[Folders], None], str]] = [
    (broken_json, "not a readable JSON file"),
    (score_above_one, "from 0 to 1"),
    (box_of_five, "six numbers"),
    (nan_score, "from 0 to 1"),
    (both_precisions, "--precision"),
    (no_results, "holds no results"),
    (other_cases, "no scan of"),
    (doubled_instance, "comes twice"),
    (swapped_corners, "corners are swapped"),
    (doubled_mask, "is there twice"),
    (class_is_text, "whole number"),
    (nested_deeply, "not a readable JSON file"),
    (findings_nested_deeply, "not a findings file"),
    (box_of_many_digits, "six numbers"),
    (class_of_many_digits, "whole number"),
    (no_masks, "no instance mask"),
]


@pytest.mark.parametrize(("damage", "message"), BREAKS, ids=[damage.__name__ for damage, _ in BREAKS])
def test_wrong_input_is_refused_in_one_line(folders: Folders, damage: Callable, message: str) -> None:
    write_ins2cls(folders.truth, "a", [BOX])
    write_rois(folders.run, "a", [(BOX, 0.5)])
    damage(folders)
    with pytest.raises(InputError, match=message) as caught:
        folders.evaluate("center", "ribfrac")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["RibFrac1", 1, 0.9, 5]], "outside the classes of RibFrac"),
        ([["RibFrac1", 1, 0.9, 1], ["RibFrac1", 1, 0.8, 1]], "comes twice"),
        ([["RibFrac1", "one", 0.9, 1]], "whole label_id"),
        ([["RibFrac1", 0, 0.9, 0]], "have no row"),
        ([["RibFrac1", 1, "", 1]], "confidence is ''; expected a number from 0 to 1"),
        ([["RibFrac1", 1, 90, 1]], "confidence is '90'; .* not a percentage"),
        ([["RibFrac1", 1, -0.5, 1]], "confidence is '-0.5'"),
        ([["RibFrac1", 1, "nan", 1]], "confidence is 'nan'"),
        ([["RibFrac1", 1, 0.9]], "whole label_id and label_code"),
        ([["RibFrac1", 1, 0.9, 1], ["x" * 200_000, 1, 0.9, 1]], "no table"),
    ],
)
def test_a_wrong_table_is_refused(folders: Folders, rows: list, message: str) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX])
    write_volume(folders.run / "RibFrac1.nii.gz", labels_of_boxes(SHAPE, [BOX]))
    write_rows(folders.run / "pred.csv", RESULT_COLUMNS, rows)
    with pytest.raises(InputError, match=message):
        folders.evaluate("ribfrac")


def test_a_table_that_is_not_utf8_is_refused(folders: Folders) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX])
    write_volume(folders.run / "RibFrac1.nii.gz", labels_of_boxes(SHAPE, [BOX]))
    table = f"{RESULT_COLUMNS}\nRibFrac1,1,0.9,1\nMüller,1,0.9,1\n"
    (folders.run / "pred.csv").write_bytes(table.encode("latin-1"))
    with pytest.raises(InputError, match=r"pred.csv: not UTF-8 .*; save it as UTF-8"):
        folders.evaluate("ribfrac")


@pytest.mark.parametrize("metric", ["center", "ribfrac"])
def test_a_label_beyond_counting_is_refused(folders: Folders, metric: str) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX])
    huge = labels_of_boxes(SHAPE, [BOX]).astype(np.uint32) * 2_000_000_000
    write_volume(folders.truth / "RibFrac1-label.nii.gz", huge)
    write_rois(folders.run, "RibFrac1", [(BOX, 0.9)])
    with pytest.raises(InputError, match="the label 2000000000, at most 1000000 is expected"):
        folders.evaluate(metric)


def test_spaces_in_a_table_and_other_tables_beside_it_do_no_harm(folders: Folders) -> None:
    ribfrac_truth(folders.truth, "RibFrac1", [BOX])
    write_volume(folders.run / "RibFrac1.nii.gz", labels_of_boxes(SHAPE, [BOX]))
    (folders.run / "pred.csv").write_text(f"{RESULT_COLUMNS.replace(',', ' , ')}\n\nRibFrac1 , 1, 0.9 ,1\n")
    (folders.run / "notes.csv").write_text("x" * 200_000)
    (folders.run / "folder.csv").mkdir()
    folders.evaluate("ribfrac")
    assert folders.result("ribfrac.json")["max_recall"] == pytest.approx(1)


def test_precision_chooses_among_both(tmp_path: Path) -> None:
    write_rois(tmp_path, "a", [(BOX, 0.5)])
    write_rois(tmp_path, "a_fp16", [(BOX, 0.25)])
    for precision, expected in (("fp32", 0.5), ("fp16", 0.25)):
        predictions = read_predictions(tmp_path, precision)
        assert predictions.cases["a"].lists["det"].scores.tolist() == [expected]
