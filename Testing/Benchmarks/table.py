"""The results of `detection.py` as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def as_table(results: dict[str, Any]) -> str:
    """Everything a reader needs to judge the numbers, those of absent parts left out."""
    machine = results["machine"]
    versions = machine["versions"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, "
        + ("with" if machine["matrix_instructions_for_bf16"] else "without")
        + f" matrix instructions for bf16; load at the start {machine['load_at_start']}. "
        f"Python {versions['python']}, torch {versions.get('torch')}, "
        f"OpenVINO {versions.get('openvino', 'none')}. "
        f"Network {results['architecture']}, weights: {results['weights']}.",
        "",
    ]
    if "network" in results:
        lines += [*_network(results["network"]), ""]
    if "scans" in results:
        lines += [*_scans(results["scans"]), ""]
    if "old" in results:
        lines += [*_old(results["old"]), ""]
    if "original_in_full" in results:
        lines += [*_in_full(results["original_in_full"]), ""]
    return "\n".join(lines)


def _network(network: dict[str, Any]) -> Iterable[str]:
    size = "×".join(map(str, network["window"]))
    yield f"| one window of {size} | seconds | times faster than torch fp32 | of the matrix product |"
    yield "| --- | ---: | ---: | ---: |"
    for way, seconds in network["seconds"].items():
        share = network["share_of_matrix_product"].get(way)
        percent = "" if share is None else f"{share:.0%}"
        yield f"| {way} | {seconds:.2f} | {network['times_faster_than_torch_fp32'][way]:.2f} | {percent} |"


def _scans(scans: dict[str, Any]) -> Iterable[str]:
    yield "| `ribfrac detect`, whole process | seconds | peak GB | windows | by | outside the network |"
    yield "| --- | ---: | ---: | ---: | --- | ---: |"
    for name, runs in scans.items():
        for temperature, run in runs.items():
            yield (
                f"| {name}, {temperature} | {run['wall_seconds']:.1f} | {run['peak_memory_gb']:.1f} "
                f"| {run['windows']} | {run['engine']} {run['precision']} "
                f"| {run['share_outside_network']:.0%} |"
            )


def _old(old: dict[str, Any]) -> Iterable[str]:
    yield f"| {old['scan']}, windows alone (scaled) | windows | seconds | times our whole process, warm |"
    yield "| --- | ---: | ---: | ---: |"
    for name in ("original", "monai"):
        entry = old[name]
        ratio = entry.get("times_slower_than", {}).get("warm")
        yield (
            f"| {name}, {entry['windows_timed']} windows timed | {entry['windows_of_the_scan']} "
            f"| {entry['seconds_scaled']:.0f} | {'' if ratio is None else f'{ratio:.1f}'} |"
        )


def _in_full(original: dict[str, Any]) -> Iterable[str]:
    run, ratio = original["run"], original["times_slower_than"].get("warm")
    yield (
        f"Mode original in full, whole process, {original['scan']}: {run['wall_seconds']:.0f} s, "
        f"{run['windows']} windows, peak {run['peak_memory_gb']:.1f} GB"
        + ("." if ratio is None else f"; {ratio:.1f} times our whole process, warm.")
    )
