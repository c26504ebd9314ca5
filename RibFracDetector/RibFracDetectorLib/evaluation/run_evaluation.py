"""One evaluation from two folders to a folder of result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..case.dataset import agreed_data
from ..case.errors import InputError
from ..case.utf8_paths import utf8_path
from ..case.whole_files import writing_to
from .case_table import WHOLE_TABLE, write_case_table
from .center_metric import CenterList, compare, evaluate_list
from .curves import froc_figure, save_figure
from .grids import check_grids
from .ground_truth import GroundTruth, read_ground_truth
from .html_report import OtherRun, Report, write_report
from .map_metric import evaluate_map
from .options import EvaluationOptions
from .output import write_json
from .pairing import check_common_cases, named_as_truth, pairing_facts
from .predictions import Predictions, read_predictions
from .ribfrac_metric import evaluate_ribfrac
from .submission import write_submission
from .threshold_table import write_threshold_tables
from .worst_cases import CtFile, find_ct


@dataclass(frozen=True)
class Request:
    """What to evaluate.

    Attributes:
        predictions, ground_truth, output: folders; the last is created, the second may be a split file.
        metrics: some of center, ribfrac, map.
        compare: other runs on the same scans, by the name they get in the report.
        precision: see `predictions.read_predictions`.
        submission: whether to write the files of a RibFrac submission too.
        split: of a split file.
    """

    predictions: Path
    ground_truth: Path
    output: Path
    metrics: Sequence[str]
    options: EvaluationOptions = field(default_factory=EvaluationOptions)
    compare: Mapping[str, Path] = field(default_factory=dict)
    precision: str = "auto"
    submission: bool = False
    split: str = "test"


@dataclass(frozen=True)
class Outcome:
    """Headline values by name, and the notes a user should see."""

    headlines: Mapping[str, float]
    notes: list[str]


def run_evaluation(request: Request) -> Outcome:
    """Evaluate, and write `{metric}.json`, tables, curves and `report.html` into the output folder.

    `ribfrac.json` has the official keys alone; what else there is to say stands in `evaluation.json`.

    Raises:
        InputError: wrong input; nothing is written that is not whole.
    """
    _check_names(request)
    truth = read_ground_truth(request.ground_truth, request.options.use_masks, request.split)
    data = agreed_data(request.options.data, truth.data, truth.data_source)
    request = replace(request, options=replace(request.options, data=data))
    predictions = named_as_truth(truth, read_predictions(request.predictions, request.precision))
    check_common_cases(truth, predictions)
    for case_id in (*truth.cases, *predictions.cases):
        utf8_path(case_id)
    # The challenge compares the masks of submissions voxel by voxel, whatever their headers say.
    if predictions.submission is None or set(request.metrics) != {"ribfrac"}:
        check_grids(truth, predictions, request.options.use_masks)
    with writing_to(request.output):
        request.output.mkdir(parents=True, exist_ok=True)
    run = _Run(request, truth, predictions)
    steps = {"center": run.center_metric, "ribfrac": run.ribfrac_metric, "map": run.map_metric}
    for metric in request.metrics:
        steps[metric]()
    if request.submission:
        run.facts["notes"] += write_submission(request.output / "submission", predictions)
    run.finish()
    return Outcome(run.headlines, _visible_notes(run.facts))


def _check_names(request: Request) -> None:
    """Refuse now what would end the evaluation when its files are written.

    Raises:
        InputError: the output is a file, or what the report names is not UTF-8.
    """
    if request.output.exists() and not request.output.is_dir():
        raise InputError(f"{request.output}: a file, a folder is expected; choose another output folder")
    folders = (request.predictions, request.ground_truth, request.output, *request.compare.values())
    for name in (*(folder.resolve() for folder in folders), *request.compare, request.options.title):
        utf8_path(name)


class _Run:
    """One evaluation under way: what has been computed so far."""

    def __init__(self, request: Request, truth: GroundTruth, predictions: Predictions) -> None:
        self.request, self.truth, self.predictions = request, truth, predictions
        self.options = request.options
        self.facts = pairing_facts(truth, predictions, self.options.froc_classes, self.options.missing)
        self.headlines: dict[str, float] = {}
        self.center: dict[str, CenterList] = {}
        self.others: dict[str, OtherRun] = {}
        self.ribfrac: Mapping[str, Any] | None = None
        self.precisions: dict[str, Any] | None = None

    def center_metric(self) -> None:
        """Curves, tables and comparisons of every list."""
        output = self.request.output
        for name in self.predictions.lists:
            result = evaluate_list(self.truth, self.predictions, name, self.options)
            self.center[name] = result
            self.facts["notes"] += result.notes
            self.headlines[f"{name} FROC mean (nine points)"] = result.values["froc"]["mean"]
            self.headlines[f"{name} FROC mean (0.5-8)"] = result.values["mean_of_challenge_points"]
            save_figure(froc_figure({self._run_name: result}), output, self._curve_name(name))
        for label, folder in self.request.compare.items():
            self.others[label] = self._other_run(folder)
        comparisons = {label: other.comparisons for label, other in self.others.items()}
        lists = {name: result.values for name, result in self.center.items()}
        self._write("center", {**lists, "comparisons": comparisons})
        pools = {name: result.pool for name, result in self.center.items()}
        write_threshold_tables(output, pools, {**self.options.measured_on, "run": self._run_name})
        rows = {name: result.values["per_case"] for name, result in self.center.items() if name != "findings"}
        if rows:
            write_case_table(output / WHOLE_TABLE, rows.get("det", {}), rows.get("seg", {}), self.predictions)

    def ribfrac_metric(self) -> None:
        """The scores of the challenge."""
        result = evaluate_ribfrac(self.truth, self.predictions, self.options.missing)
        self.ribfrac = result.values
        self.facts["notes"] += result.notes
        self.headlines["RibFrac average recall"] = result.values["average_recall"]
        write_json(self.request.output / "ribfrac.json", result.values)

    def map_metric(self) -> None:
        """Average precision of every list."""
        self.precisions = {
            name: evaluate_map(self.truth, self.predictions, name, self.options)
            for name in self.predictions.lists
        }
        for name, values in self.precisions.items():
            self.headlines[f"{name} mAP (AP20, AP30)"] = values["seed"]["mAP"]
        self._write("map", self.precisions)

    def finish(self) -> None:
        """Write what all metrics share."""
        write_json(
            self.request.output / "evaluation.json",
            {**self.options.measured_on, "run": self._run_name, "data_facts": self.facts},
        )
        title = self.options.title or f"Evaluation of {self._run_name}"
        report = Report(
            title=title,
            data=self.options.data,
            facts=self.facts,
            run_name=self._run_name,
            center=self.center,
            others=self.others,
            ribfrac=self.ribfrac,
            average_precision=self.precisions,
            ct_files=self._ct_files(),
        )
        write_report(self.request.output / "report.html", report)

    def _ct_files(self) -> dict[str, CtFile]:
        folder, results = self.request.ground_truth, self.predictions.cases
        found = {case_id: find_ct(case_id, folder, results.get(case_id)) for case_id in self.truth.cases}
        return {case_id: file for case_id, file in found.items() if file is not None}

    @property
    def _run_name(self) -> str:
        return self.request.predictions.resolve().name

    def _curve_name(self, name: str) -> str:
        """The original's names (spec 6) for its lists."""
        prefix = "fp16_" if self.predictions.half and name != "findings" else ""
        return "findings_FROC" if name == "findings" else f"{prefix}{name}_roi_infos_FROC"

    def _other_run(self, folder: Path) -> OtherRun:
        other = named_as_truth(self.truth, read_predictions(folder, self.request.precision))
        check_common_cases(self.truth, other)
        check_grids(self.truth, other, self.options.use_masks)
        names = [name for name in other.lists if name in self.center]
        if not names:
            raise InputError(f"{folder} has none of the lists {', '.join(self.center)}; nothing to compare")
        lists = {name: evaluate_list(self.truth, other, name, self.options) for name in names}
        pairs = {name: compare(self.center[name], lists[name], self.options) for name in names}
        return OtherRun(lists, pairs)

    def _write(self, metric: str, values: Mapping[str, Any]) -> None:
        content = {"metric": metric, **self.options.measured_on, "data_facts": self.facts, **values}
        write_json(self.request.output / f"{metric}.json", content)


def _visible_notes(facts: Mapping[str, Any]) -> list[str]:
    """Notes with the scans that could not be paired in front."""
    lines = []
    if missing := facts["scans_without_result"]:
        done = "count as scans without findings" if facts["missing_policy"] == "count" else "are left out"
        lines.append(f"{len(missing)} scans of the ground truth have no result and {done}: {_some(missing)}")
    if unknown := facts["results_without_ground_truth"]:
        lines.append(f"{len(unknown)} results have no ground truth and are not used: {_some(unknown)}")
    return lines + list(facts["notes"])


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
