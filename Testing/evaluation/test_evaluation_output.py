"""What an evaluation leaves behind: the report, the pictures, the table for the slider, the submission."""

from __future__ import annotations

import base64
import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.evaluation_data import (
    labels_of_boxes,
    write_findings_file,
    write_ins2cls,
    write_rois,
    write_rows,
    write_simulated_runs,
    write_volume,
)
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.evaluation.bootstrap import bootstrap_sensitivity
from RibFracDetectorLib.evaluation.center_metric import compare, evaluate_list
from RibFracDetectorLib.evaluation.froc import CHALLENGE_POINTS, SEED_POINTS
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.run_evaluation import Request, run_evaluation
from RibFracDetectorLib.evaluation.submission import write_submission

SHAPE = (40, 30, 24)


class Page(HTMLParser):
    """What a browser would be asked to fetch or run, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of an evaluation of twenty scans with a second run beside it."""
    root = tmp_path_factory.mktemp("compared")
    run, truth = write_simulated_runs(root, 20)
    other, _ = write_simulated_runs(root / "other", 20, seed=5)
    options = EvaluationOptions(replicates=50, title="Twenty <scans>", data="simulated")
    compare = {"second": other}
    run_evaluation(Request(run, truth, root / "out", ("center", "map"), options, compare))
    return root / "out"


def test_the_report_fetches_and_runs_nothing(compared: Path) -> None:
    html = (compared / "report.html").read_text()
    page = Page(html)
    assert all(source.startswith("data:image/") for source in page.sources)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "url(" not in html
    assert "@import" not in html


def test_pictures_of_the_report_are_whole(compared: Path) -> None:
    page = Page((compared / "report.html").read_text())
    kinds = {"data:image/svg+xml;base64": b"<?xml", "data:image/png;base64": b"\x89PNG"}
    for source in page.sources:
        head, _, content = source.partition(",")
        assert base64.b64decode(content).startswith(kinds[head])
    assert len(page.sources) >= 6 + 1


def test_the_report_says_what_was_measured(compared: Path) -> None:
    text = Page((compared / "report.html").read_text()).text
    values = json.loads((compared / "center.json").read_text())
    assert "Twenty <scans>" in text
    assert "say nothing about patients" in text
    assert f"{values['det']['mean_of_challenge_points']:.3f}" in text
    assert "det, second" in text
    for section in ("Summary", "Average precision", "Worst cases", "Data", "Sensitivity by size"):
        assert section in text


def test_the_comparison_is_written(compared: Path) -> None:
    comparison = json.loads((compared / "center.json").read_text())["comparisons"]["second"]["det"]
    assert comparison["scans"] == 20
    low, high = comparison["mean"]["interval"]
    assert low <= comparison["mean"]["difference"] <= high
    assert 0 < comparison["mean"]["p_value"] <= 1


def test_each_mean_has_the_interval_of_its_own_points(tmp_path: Path) -> None:
    run, truth = write_simulated_runs(tmp_path, 6)
    options = EvaluationOptions(replicates=20, seed=3)
    result = evaluate_list(read_ground_truth(truth), read_predictions(run), "det", options)
    for name, points in (("mean", SEED_POINTS), ("mean_of_challenge_points", CHALLENGE_POINTS)):
        drawn = bootstrap_sensitivity(result.pool, points, 20, 3)
        assert result.values["intervals_95"][name] == pytest.approx(drawn.mean_interval())


@pytest.mark.parametrize(("missing", "scans"), [("count", 3), ("skip", 1)])
def test_runs_are_compared_on_the_scans_of_both(missing: str, scans: int, tmp_path: Path) -> None:
    box = (2, 2, 2, 8, 8, 8)
    for case_id in "abc":
        write_ins2cls(tmp_path / "truth", case_id, [box])
    for run, case_ids in (("one", "ab"), ("two", "bc")):
        for case_id in case_ids:
            write_rois(tmp_path / run, case_id, [(box, 0.9)])
    options = EvaluationOptions(replicates=5, missing=missing)
    ground_truth = read_ground_truth(tmp_path / "truth")
    one, two = (
        evaluate_list(ground_truth, read_predictions(tmp_path / run), "det", options)
        for run in ("one", "two")
    )
    comparison = compare(one, two, options)
    assert comparison["scans"] == scans
    assert comparison["mean"]["difference"] == 0


def test_the_table_for_the_slider(compared: Path) -> None:
    table = json.loads((compared / "threshold_table.json").read_text())
    assert table["measured_on"]["title"] == "Twenty <scans>"
    assert table["measured_on"]["data"] == "simulated"
    assert table["measured_on"]["lists"]["det"]["scans"] == 20
    assert table["definitions"].keys() == table["tables"]["det"][0].keys()
    with (compared / "threshold_table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(rows_of_list) for rows_of_list in table["tables"].values())
    first = table["tables"]["det"][0]
    assert {key: float(rows[0][key]) for key in first} == pytest.approx(first)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    run, truth = write_simulated_runs(tmp_path, 4)
    options = EvaluationOptions(replicates=10)
    for name in ("one", "two"):
        run_evaluation(Request(run, truth, tmp_path / name, ("center",), options))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_data_of_unknown_kind_are_called_so(tmp_path: Path) -> None:
    run, truth = write_simulated_runs(tmp_path, 2)
    run_evaluation(Request(run, truth, tmp_path / "out", ("center",), EvaluationOptions(replicates=0)))
    assert "Nobody has stated" in Page((tmp_path / "out" / "report.html").read_text()).text
    values = json.loads((tmp_path / "out" / "center.json").read_text())
    assert values["det"]["intervals_95"] == {}
    assert values["data"] == "unknown"


def seed_case(
    folder: Path, case_id: str, boxes: list, scores: list[float], direction: tuple | None = None
) -> None:
    """Regions of the original's files; the mask is stored in another orientation than LPS on demand."""
    mask = (labels_of_boxes(SHAPE, boxes) > 0).astype(np.uint8)
    if direction is not None:
        mask = mask[::-1, ::-1]
    write_rois(folder, case_id, list(zip(boxes, scores, strict=True)), "seg")
    write_volume(folder / f"{case_id}_roi_seg_mask.nii.gz", mask, (0.8, 0.8, 1.5), direction)


def test_a_submission_scores_as_the_results_it_was_made_of(tmp_path: Path) -> None:
    run, truth = tmp_path / "run", tmp_path / "truth"
    ras = (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    boxes = [(2, 2, 2, 8, 8, 8), (20, 10, 5, 30, 20, 12)]
    seed_case(run, "RibFrac1", boxes, [0.3, 0.9])
    seed_case(run, "RibFrac2", boxes[:1], [0.6], ras)
    seed_case(run, "RibFrac3", [], [])
    for number in (1, 2, 3):
        labels = labels_of_boxes(SHAPE, [(3, 2, 2, 9, 8, 8)])
        direction = ras if number == 2 else None
        stored = labels[::-1, ::-1] if direction else labels
        write_volume(truth / f"RibFrac{number}-label.nii.gz", stored, (0.8, 0.8, 1.5), direction)
    rows = [[f"RibFrac{number}", label, label] for number in (1, 2, 3) for label in (0, 1)]
    write_rows(truth / "info.csv", "public_id,label_id,label_code", rows)
    one, two = tmp_path / "one", tmp_path / "two"
    run_evaluation(Request(run, truth, one, ("ribfrac",), submission=True))
    run_evaluation(Request(one / "submission", truth, two, ("ribfrac",)))
    assert (one / "ribfrac.json").read_bytes() == (two / "ribfrac.json").read_bytes()
    scores = json.loads((one / "ribfrac.json").read_text())
    assert scores["max_recall"] == pytest.approx(2 / 3)
    with (one / "submission" / "ribfrac-pred.csv").open() as stream:
        table = list(csv.DictReader(stream))
    first = [row for row in table if row["public_id"] == "RibFrac1"]
    assert [(row["label_id"], row["confidence"]) for row in first] == [
        ("0", "1.0"),
        ("1", "0.9"),
        ("2", "0.3"),
    ]


def test_a_submission_keeps_the_best_of_more_regions_than_it_can_hold(tmp_path: Path) -> None:
    corners = [(x, y, z) for x in range(0, 40, 2) for y in range(0, 30, 2) for z in (0, 2)][:260]
    boxes = [(x, y, z, x + 1, y + 1, z + 1) for x, y, z in corners]
    seed_case(tmp_path / "run", "a", boxes, [1 - index / 1000 for index in range(260)])
    write_ins2cls(tmp_path / "truth", "a", boxes[:1])
    outcome = run_evaluation(
        Request(tmp_path / "run", tmp_path / "truth", tmp_path / "out", ("center",), submission=True)
    )
    assert [note for note in outcome.notes if "5 regions left out" in note]
    with (tmp_path / "out" / "submission" / "ribfrac-pred.csv").open() as stream:
        labels = [int(row["label_id"]) for row in csv.DictReader(stream)]
    assert labels == list(range(256))


def test_findings_that_a_submission_cannot_hold_are_told(tmp_path: Path) -> None:
    boxes = [(2, 2, 2, 8, 8, 8), (20, 10, 5, 30, 20, 12)]
    run = tmp_path / "run"
    write_findings_file(run, "a", [(box, 0.9) for box in boxes], grid=Grid(SHAPE, (1.0, 1.0, 1.0)))
    write_volume(run / "a_instances.nii.gz", labels_of_boxes(SHAPE, boxes[:1]))
    notes = write_submission(tmp_path / "submission", read_predictions(run))
    assert notes == ["a: 1 findings left out; only findings with a region have a mask"]
