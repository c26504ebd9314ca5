"""The report: one HTML file that needs no network and no script, pictures inside it.

Each section is a function from results to HTML; a section without results is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from .center_metric import CenterList
from .curves import data_uri, froc_figure, official_figure, reliability_figure, score_figure
from .froc import CHALLENGE_POINTS, SEED_POINTS, operating_score
from .html_parts import bullets, figure, interval, number, table, with_interval
from .output import write_bytes
from .worst_cases import CtFile, case_figure, worst_cases

_LIST_NAMES = {"det": "detection boxes", "seg": "segmented regions", "findings": "findings"}
_WORST = 6
_JUDGED_AT = 1.0
"""False positives a scan at which the worst cases are judged."""

_CSS = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1c2530; background: #fff;
       max-width: 1060px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; border-bottom: 2px solid #d5dde6; padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e3e8ee; text-align: right; }
th { background: #f2f5f8; font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
figure { margin: .6rem 0; } figcaption { color: #56616e; font-size: .88rem; }
img { max-width: 100%; height: auto; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 1rem; }
.banner { background: #fff3d6; border-left: 5px solid #d99a00; padding: .6rem 1rem; margin: 1rem 0; }
.quiet { color: #56616e; font-size: .9rem; }
.scroll { overflow-x: auto; }
@media print { h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class OtherRun:
    """A run beside the one of the report: its lists, and their paired comparison with those of the report."""

    lists: Mapping[str, CenterList]
    comparisons: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Report:
    """Everything the report may show; what was not computed is empty."""

    title: str
    data: str
    facts: Mapping[str, Any]
    run_name: str
    center: Mapping[str, CenterList] = field(default_factory=dict)
    others: Mapping[str, OtherRun] = field(default_factory=dict)
    ribfrac: Mapping[str, Any] | None = None
    average_precision: Mapping[str, Mapping[str, Any]] | None = None
    ct_files: Mapping[str, CtFile] = field(default_factory=dict)


def write_report(path: Path, report: Report) -> None:
    """Write the page."""
    sections = [
        _summary(report),
        *(_list_section(report, name, run) for name, run in report.center.items()),
        _challenge(report),
        _precision(report),
        _worst(report),
        _data(report),
    ]
    title = escape(report.title)
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_CSS}</style></head>'
        f"<body><h1>{title}</h1>{_banner(report)}{''.join(sections)}</body></html>\n"
    )
    write_bytes(path, page.encode())


def _banner(report: Report) -> str:
    kinds = {
        "simulated": "Measured on simulated data: these numbers say nothing about patients.",
        "unknown": "Nobody has stated whether these data are real or simulated.",
    }
    text = kinds.get(report.data, "")
    warning = f'<p class="banner">{text}</p>' if text else ""
    return f'<p class="quiet">Evaluation of rib-fracture detection. For research use.</p>{warning}'


def _summary(report: Report) -> str:
    facts = report.facts
    missing, unknown = facts["scans_without_result"], facts["results_without_ground_truth"]
    policy = "counted as scans without findings" if facts["missing_policy"] == "count" else "left out"
    rows = [
        ("Run", report.run_name),
        ("Scans of the ground truth", facts["scans"]),
        ("Fractures that count", facts["lesions"]),
        ("Scans without a result", f"{len(missing)} ({policy})" if missing else "0"),
        ("Results without ground truth", f"{len(unknown)} (not used)" if unknown else "0"),
    ]
    values = _runs_table(report) if report.center else ""
    return f"<h2>Summary</h2>{table(('', ''), rows)}{values}"


def _runs_table(report: Report) -> str:
    """Means with their intervals, one row a list and run, with the paired difference of the other runs."""
    head = (
        "List, run",
        "Mean at 0.5-8 FP [95 %]",
        "Mean of nine points [95 %]",
        "Difference at 0.5-8 [95 %]",
        "p",
    )
    rows = []
    for name, run in report.center.items():
        rows.append((f"{name}, {report.run_name}", *_means(run), "", ""))
        for other_name, other in report.others.items():
            if name in other.lists:
                difference = other.comparisons[name]["mean_of_challenge_points"]
                rows.append(
                    (
                        f"{name}, {other_name}",
                        *_means(other.lists[name]),
                        with_interval(difference["difference"], difference["interval"], "+.3f"),
                        number(difference["p_value"]),
                    )
                )
    note = (
        "Differences are to the first run of the list; paired bootstrap over scans." if report.others else ""
    )
    return f'<div class="scroll">{table(head, rows)}</div><p class="quiet">{note}</p>'


def _means(run: CenterList) -> tuple[str, str]:
    intervals = run.values["intervals_95"]
    challenge = run.values["mean_of_challenge_points"]
    return (
        with_interval(challenge, intervals.get("mean_of_challenge_points")),
        with_interval(run.values["froc"]["mean"], intervals.get("mean")),
    )


def _list_section(report: Report, name: str, run: CenterList) -> str:
    curves = {report.run_name: run} | {
        other_name: other.lists[name] for other_name, other in report.others.items() if name in other.lists
    }
    intervals = run.values["intervals_95"]
    points = [
        (f"{point:g}", number(run.values["froc"][str(point)]), interval(intervals.get(str(point))))
        for point in SEED_POINTS
    ]
    calibration = run.values["reliability"]
    error = number(calibration["expected_calibration_error"])
    return (
        f"<h2>{escape(_LIST_NAMES[name].capitalize())} ({name})</h2>"
        + figure(
            data_uri(froc_figure(curves)), "FROC by the centre rule; bands are 95 % bootstrap over scans."
        )
        + table(("False positives per scan", "Sensitivity", "95 %"), points)
        + '<div class="pair"><div>'
        + _groups("Sensitivity by class", run.values["per_class"])
        + "</div><div>"
        + _groups("Sensitivity by size (longest edge of the box)", run.values["per_size"])
        + '</div></div><div class="pair">'
        + figure(data_uri(score_figure(run.pool)), "Distribution of scores.")
        + figure(
            data_uri(reliability_figure(calibration)), f"Reliability; expected calibration error {error}."
        )
        + "</div>"
    )


def _groups(title: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    if not groups:
        return ""
    head = ("Group", "n", *(f"{point:g} FP" for point in CHALLENGE_POINTS))
    rows = [
        (name, group["lesions"], *(number(value, ".2f") for value in group["sensitivity"].values()))
        for name, group in groups.items()
    ]
    return f'<h3>{escape(title)}</h3><div class="scroll">{table(head, rows)}</div>'


def _challenge(report: Report) -> str:
    if report.ribfrac is None:
        return ""
    values = report.ribfrac
    points = [
        (f"{point:g}", number(recall))
        for point, recall in zip(values["key_fp"], values["key_recall"], strict=True)
    ]
    scores = [
        ("Average recall", number(values["average_recall"])),
        ("Maximum recall", number(values["max_recall"])),
        ("False positives per scan there", number(values["average_fp_at_max_recall"])),
        ("Macro F1, all", number(values["macro_average_F1"])),
        ("Macro F1, target aware", number(values["target_aware_F1"])),
        ("Macro F1, prediction aware", number(values["prediction_aware_F1"])),
        ("Dice / IoU of all voxels", f"{number(values['dice'])} / {number(values['iou'])}"),
    ]
    confusion = [
        (row, *(f"{count:g}" for count in counts))
        for row, counts in zip(values["confusion_rows_pred"], values["confusion"], strict=True)
    ]
    return (
        "<h2>RibFrac Challenge</h2>"
        + '<div class="pair"><div>'
        + table(("False positives per scan", "Recall"), points)
        + table(("", ""), scores)
        + "</div>"
        + figure(data_uri(official_figure(values)), "Official detection curve, thresholds 0.00-0.99.")
        + '</div><h3>Predicted class (rows) against true class (columns)</h3><div class="scroll">'
        + table(("", *values["confusion_cols_gt"]), confusion)
        + "</div>"
    )


def _precision(report: Report) -> str:
    if report.average_precision is None:
        return ""
    names = list(report.average_precision)
    lists = list(report.average_precision.values())
    rows = [
        (key, *(number(values[block].get(key)) for values in lists))
        for block in ("seed", "coco", "froc")
        for key in lists[0][block]
    ]
    return f"<h2>Average precision of boxes</h2>{table(('', *names), rows)}"


def _worst(report: Report) -> str:
    """The list that the reader sees: findings where there are any, else the first."""
    if not report.center:
        return ""
    name = "findings" if "findings" in report.center else next(iter(report.center))
    run = report.center[name]
    score = operating_score(run.pool, _JUDGED_AT)
    cases = worst_cases(run.paired, score, _WORST)
    if not cases:
        return "<h2>Worst cases</h2><p>No scan has an error at one false positive per scan.</p>"
    shown = "none" if math.isinf(score) else f"those with score >= {score:.3f}"
    rows = [(case.case_id, case.missed, case.false_positives) for case in cases]
    pictures = "".join(
        figure(data_uri(case_figure(case, report.ct_files.get(case.case_id)), "png"), case.case_id)
        for case in cases
    )
    return (
        f'<h2>Worst cases</h2><p class="quiet">List {name}, at one false positive per scan ({shown}).</p>'
        + table(("Scan", "Missed", "False positives"), rows)
        + '<p class="quiet">Green: fracture found; dashed yellow: missed; blue: right; red: false.</p>'
        + pictures
    )


def _data(report: Report) -> str:
    """What a reader of the numbers must know about the data: nothing is left out silently."""
    facts = report.facts
    rows = [
        ("Layout of the ground truth", facts["ground_truth_layout"]),
        ("Classes that count", ", ".join(map(str, facts["classes"]))),
        ("Fractures of unknown class (always count)", facts["lesions_of_unknown_class"]),
        (
            "Fractures dropped, by class",
            ", ".join(f"{key}: {count}" for key, count in facts["dropped_lesions_by_class"].items())
            or "none",
        ),
    ]
    lists = [
        ("Scans without a result", facts["scans_without_result"]),
        ("Results without ground truth", facts["results_without_ground_truth"]),
        ("Notes", facts["notes"]),
    ]
    items = "".join(f"<h3>{title}</h3>{bullets(lines)}" for title, lines in lists if lines)
    return f"<h2>Data</h2>{table(('', ''), rows)}{items}"
