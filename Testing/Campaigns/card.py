"""The numbers of `accuracy.json` as Markdown tables, for the model card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from RibFracDetectorLib.evaluation.froc import CHALLENGE_POINTS

POINTS = tuple(map(str, CHALLENGE_POINTS))


def as_table(results: dict[str, Any]) -> str:
    """All parts that were measured."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: dict[str, Any]) -> Iterator[str]:
    if "validation" in results:
        part = results["validation"]
        yield (
            f"Threshold {part['threshold']:.2f}, fixed on {part['scans']} simulated chests without a "
            f"fracture at {part['false_positives_a_scan']:g} findings a chest."
        )
        yield ""
    if "held-out" in results:
        yield from _held_out(results["held-out"])
    if "bodies" in results:
        yield from _by_body(results["bodies"])
    if "real" in results:
        yield from _real(results["real"])
    if "shams" in results:
        part = results["shams"]
        yield (
            f"Shams: findings at {part['raised_by_sham']} of {part['places']} places, at "
            f"{part['raised_untouched']} of them in the untouched scans too."
        )
    if "fidelity" in results:
        yield from _fidelity(results["fidelity"])


def _held_out(part: dict[str, Any]) -> Iterator[str]:
    low, high = part["intervals_95"]["mean_of_challenge_points"]
    yield (
        f"{part['scans']} held-out simulated scans, {part['lesions']} simulated fractures: mean sensitivity "
        f"{part['mean_of_challenge_points']:.2f} (95 % interval {low:.2f} to {high:.2f}); expected "
        f"calibration error {part['reliability']['expected_calibration_error']:.2f}."
    )
    yield ""
    yield _row("false positives a scan", POINTS)
    yield "| --- |" + " --- |" * len(POINTS)
    yield _row("sensitivity", _sensitivities(part))
    yield ""
    yield from _calibration(part["reliability"]["bins"])
    yield from _at_threshold("held-out simulated scans", part["at_threshold"])


def _by_body(part: dict[str, Any]) -> Iterator[str]:
    yield _row("sensitivity at false positives a scan", (*POINTS, "mean", "scans", "fractures"))
    yield "| --- |" + " --- |" * len(POINTS) + " --- | ---: | ---: |"
    for kind, values in part.items():
        mean = f"{values['mean_of_challenge_points']:.2f}"
        yield _row(kind, (*_sensitivities(values), mean, str(values["scans"]), str(values["lesions"])))
    yield ""


def _sensitivities(part: dict[str, Any]) -> Iterator[str]:
    return (f"{part['froc'][point]:.2f}" for point in POINTS)


def _calibration(bins: list[dict[str, Any]]) -> Iterator[str]:
    filled = [one for one in bins if one["detections"]]
    yield _row("score", (f"{one['low']:.1f} to {one['high']:.1f}" for one in filled))
    yield "| --- |" + " ---: |" * len(filled)
    yield _row("findings", (str(one["detections"]) for one in filled))
    yield _row("of them right", (f"{one['correct']:.2f}" for one in filled))
    yield ""


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _real(part: dict[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{case}: {count}" for case, count in part["findings_untouched"].items())
    yield f"Findings in the untouched real scans: {counts}."
    yield ""
    yield from _at_threshold("real scans with inserted fractures", part["inserted"])


def _at_threshold(what: str, part: dict[str, Any]) -> Iterator[str]:
    low, high = part["interval_95"]
    yield f"| {what}, at the threshold | fractures | sensitivity |"
    yield "| --- | --- | --- |"
    yield f"| all (95 % interval) | {part['lesions']} | {part['sensitivity']:.2f} ({low:.2f} to {high:.2f}) |"
    for name, values in (part["per_class"] | part["per_trait"]).items():
        yield f"| {name} | {values['lesions']} | {values['sensitivity']:.2f} |"
    yield ""
    yield f"False positives a scan there: {part['false_positives_a_scan']:.2f}."
    yield ""


def _fidelity(part: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield (
        f"As the machine chooses ({', '.join(part['held-out']['first']['computed_by'])}): mean sensitivity "
        f"{part['froc_chosen']:.3f}; every window, in float32 by PyTorch: {part['froc']:.3f}."
    )
    yield ""
    columns = ("findings", "only in one", "shown by one", "box side, voxels", "score", "windows")
    yield _row("one against the other", columns)
    yield "| --- |" + " ---: |" * len(columns)
    for name, what in (("held-out", "held-out simulated scans"), ("real", "untouched real scans")):
        values = part[name]
        runs = values["first"], values["second"]
        yield _row(
            f"{values['scans']} {what}",
            (
                str(values["findings"]),
                str(values["without_partner"]),
                str(values["partner_below_threshold"]),
                f"at most {values['largest_box_difference_voxels']:.1f}",
                f"at most {values['largest_score_difference']:.2f}",
                " of ".join(str(run["windows"]) for run in runs),
            ),
        )
