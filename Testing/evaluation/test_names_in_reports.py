"""Names of folders, cases and weights that figures and files could not take as they are."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.evaluation_data import write_findings_file, write_ins2cls, write_rois
from ribfrac_testing.review_cases import store_case
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.center_metric import CenterList, evaluate_list
from RibFracDetectorLib.evaluation.curves import froc_figure
from RibFracDetectorLib.evaluation.figure_text import plain_text
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.overview import draw_overview
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.run_evaluation import Request, run_evaluation

BOX, ELSEWHERE = (2, 3, 4, 8, 9, 9), (15, 12, 6, 25, 20, 15)
LATIN_1 = os.fsdecode("Müller".encode("latin-1"))
QUICK = EvaluationOptions(replicates=0)
FORMULA = r"p $\frac$ x"
"""Dollars with something between them that is no formula."""


def folders(root: Path, run: str = "run", case_id: str = "a") -> Request:
    """An evaluation of one scan whose lesion is missed, so that the report has a picture of it."""
    write_ins2cls(root / "truth", case_id, [BOX])
    write_rois(root / run, case_id, [(ELSEWHERE, 0.9)])
    return Request(root / run, root / "truth", root / "out", ("center",), QUICK)


def evaluated(request: Request) -> CenterList:
    truth = read_ground_truth(request.ground_truth)
    return evaluate_list(truth, read_predictions(request.predictions), "det", QUICK)


@pytest.mark.parametrize(("run", "case_id"), [(FORMULA, "a"), ("run", "a$\\frac$b"), ("_p1", "_a")])
def test_any_name_makes_a_report(run: str, case_id: str, tmp_path: Path) -> None:
    run_evaluation(folders(tmp_path, run, case_id))
    page = (tmp_path / "out" / "report.html").read_text()
    assert run in page
    assert case_id in page


@pytest.mark.parametrize("name", ["run", "_p1", FORMULA, "100 $", "a $b$ c"])
def test_every_run_is_named_in_the_legend(name: str, tmp_path: Path) -> None:
    center = evaluated(folders(tmp_path))
    figure = froc_figure({"first": center, name: center})
    figure.draw_without_rendering()
    first, second = figure.axes[0].get_legend().get_texts()
    assert first.get_text().startswith("first (mean at")
    assert second.get_text().startswith(f"{plain_text(name)} (mean at")


def test_the_overview_names_any_weights(tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    weights = replace(stored.case.provenance.weights[0], name=None, path=f"{FORMULA}.pth")
    case = replace(stored.case, provenance=replace(stored.case.provenance, weights=(weights,)))
    draw_overview(tmp_path / "overview.png", stored.ct, case, np.zeros(stored.ct.grid.size, np.uint16), None)
    assert (tmp_path / "overview.png").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("place", ["run", "case", "stranger", "title"])
def test_a_name_that_is_not_utf8_is_refused_before_anything_is_computed(place: str, tmp_path: Path) -> None:
    request = folders(tmp_path, *{"run": [LATIN_1], "case": ["run", LATIN_1]}.get(place, []))
    if place == "stranger":
        write_findings_file(request.predictions, "b", [(BOX, 0.9)]).rename(
            request.predictions / f"{LATIN_1}_findings.json"
        )
    if place == "title":
        options = EvaluationOptions(replicates=0, title=LATIN_1)
        request = Request(request.predictions, request.ground_truth, request.output, ("center",), options)
    with pytest.raises(InputError, match="not UTF-8"):
        run_evaluation(request)
    assert not request.output.exists()


def test_the_output_is_a_file(tmp_path: Path) -> None:
    request = folders(tmp_path)
    request.output.write_text("keep me")
    with pytest.raises(InputError, match="a folder is expected"):
        run_evaluation(request)
    assert request.output.read_text() == "keep me"


def test_the_output_lies_below_a_file(tmp_path: Path) -> None:
    request = folders(tmp_path)
    (tmp_path / "file").write_text("keep me")
    below = tmp_path / "file" / "out"
    with pytest.raises(InputError, match="cannot be written"):
        run_evaluation(Request(request.predictions, request.ground_truth, below, ("center",), QUICK))


def test_the_folder_of_the_submission_is_a_file(tmp_path: Path) -> None:
    stored = store_case(tmp_path)
    write_ins2cls(tmp_path / "truth", "case", [BOX])
    output = tmp_path / "evaluated"
    output.mkdir()
    (output / "submission").write_text("keep me")
    request = Request(stored.files.folder, tmp_path / "truth", output, ("center",), QUICK, submission=True)
    with pytest.raises(InputError, match="submission: cannot be written"):
        run_evaluation(request)
