"""Draw simulated lesions beside the untouched rib, to be looked at: four of each kind on one sheet.

    PYTHONPATH=RibFracDetector:RibFracTraining python tools/fracture_sheet.py sheet.png
    PYTHONPATH=RibFracDetector:RibFracTraining python tools/fracture_sheet.py sheet.png --ct chest.nii.gz

Without `--ct` they are inserted into a phantom, with it into a scan whose ribs are found. Each lesion is
shown in the axial and the coronal plane and in the two planes along the rib, before and after; its label is a
red line. The window is -250 to 1000 HU.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from refusals import refusing_wrong_input
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.case.whole_files import written_whole
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body, rib_name
from RibFracTrainingLib.simulation.lesions.fracture import LABELS, SHAM, Fracture
from RibFracTrainingLib.simulation.lesions.insertion import Insertion, insert_fractures
from RibFracTrainingLib.simulation.lesions.planning import plan_fractures, plan_shams
from RibFracTrainingLib.simulation.lesions.spots import Spot, spot_of
from RibFracTrainingLib.simulation.ribs.finding import find_ribs
from RibFracTrainingLib.simulation.ribs.paths import STEP_MM, rib_paths
from RibFracTrainingLib.simulation.scanner import draw_scanner, scan
from scipy import ndimage

HALF_MM = (26.0, 17.0)
PIXEL_MM = 0.4
WINDOW_HU = (-250.0, 1000.0)
VIEWS = ("axial", "coronal", "along the rib, from below", "along the rib, from outside")
TOLD = {"step": "step", "gap": "gap", "height": "bulge", "growth": "growth"}  # parameters in the margin


def main() -> None:
    """Read the arguments, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--ct", type=Path, help="a scan of a whole chest")
    parser.add_argument("--kinds", nargs="+", default=list(LABELS), choices=[*LABELS, SHAM])
    parser.add_argument("--each", type=int, default=4, help="lesions of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with refusing_wrong_input():
        draw_sheet(arguments)


def draw_sheet(arguments: argparse.Namespace) -> None:
    """Insert lesions and draw them.

    Raises:
        InputError: no lesion is asked for, the output is no picture or cannot be written, or the scan or its
            ribs cannot be used.
    """
    if arguments.each < 1:
        raise InputError(f"--each {arguments.each}: at least 1 is expected")
    if arguments.output.suffix != ".png":
        raise InputError(f"the output is {arguments.output}; expected NAME.png")
    seeds = iter(np.random.SeedSequence(arguments.seed).spawn(2 + 2 * len(arguments.kinds)))
    body = _phantom(next(seeds)) if arguments.ct is None else _scan(arguments.ct)
    scanner_seed = next(seeds) if arguments.ct is None else None
    rows = []
    for kind in arguments.kinds:
        plan_rng, rng = np.random.default_rng(next(seeds)), np.random.default_rng(next(seeds))
        shams = kind == SHAM
        plan = (
            plan_shams(body, arguments.each, plan_rng)
            if shams
            else plan_fractures(body, arguments.each, plan_rng, {kind: 1.0})
        )
        rows += _rows(body, insert_fractures(body, plan, rng), scanner_seed)
    _draw(rows, arguments.output)


def _phantom(seed: np.random.SeedSequence) -> Body:
    body, _ = make_phantom(PhantomSettings(part="left"), np.random.default_rng(seed))
    return body


def _scan(path: Path) -> Body:
    ct = read_ct(path)
    found = find_ribs(ct.voxels, ct.grid.spacing)
    if not found.usable:
        raise InputError(f"{path}: {found.verdict}; choose a scan of a whole chest")
    return Body(ct.voxels.astype(np.float32), found.ribs, ct.grid.spacing)


def _rows(body: Body, made: Insertion, scanner_seed: np.random.SeedSequence | None) -> list[tuple]:
    """For each lesion: text, pictures before, pictures after, pictures of its label."""
    before, after = (
        hu if scanner_seed is None else _scanned(hu, body, scanner_seed) for hu in (body.hu, made.hu)
    )
    paths = rib_paths(body.ribs, body.spacing)
    rows = []
    for number, fracture in enumerate(made.records, start=1):
        spot = spot_of(fracture, paths, body)
        label = (made.instances == number).astype(np.float32)
        pictures = [[_picture(v, body, view) for view in _planes(spot)] for v in (before, after, label)]
        rows.append((_text(fracture), *pictures))
    return rows


def _scanned(hu: NDArray[np.float32], body: Body, seed: np.random.SeedSequence) -> NDArray[np.float32]:
    """Both pictures of a lesion come from the same scanner with the same noise."""
    rng = np.random.default_rng(seed)
    scanner = draw_scanner(rng, body.spacing[2])
    return scan(hu, body.spacing, scanner, rng).astype(np.float32)


def _text(fracture: Fracture) -> str:
    told = [
        f"{name} {fracture.parameters[key]:.1f}" for key, name in TOLD.items() if key in fracture.parameters
    ]
    return "\n".join([fracture.kind, rib_name(fracture.rib), *told])


def _planes(spot: Spot) -> list[NDArray[np.float64]]:
    """Points in mm (3, rows, columns) of each of `VIEWS`."""
    along, beside = (np.arange(-half, half + PIXEL_MM / 2, PIXEL_MM) for half in HALF_MM)
    right, back, up = np.eye(3)[:, :, None, None]
    columns, rows = along[None, None, :], beside[None, :, None]
    flat = [spot.point[:, None, None] + right * columns + other * rows for other in (back, -up)]
    path, at = spot.path, np.clip(spot.at / STEP_MM + along / STEP_MM, 0, len(spot.path.points) - 1)
    line = _along_path(path.points, at)
    curved = [
        line[:, None, :] + _along_path(axes, at)[:, None, :] * rows for axes in (path.outward, path.across)
    ]
    return flat + curved


def _along_path(values: NDArray, at: NDArray) -> NDArray:
    rows = np.arange(len(values))
    return np.stack([np.interp(at, rows, values[:, axis]) for axis in range(3)])


def _picture(volume: NDArray[np.float32], body: Body, points: NDArray) -> NDArray[np.float32]:
    return ndimage.map_coordinates(
        volume, points / np.reshape(body.spacing, (3, 1, 1)), order=1, mode="nearest"
    )


def _draw(rows: list[tuple], output: Path) -> None:
    figure = Figure(figsize=(16, 1.36 * len(rows) + 0.4), facecolor="black")
    axes = figure.subplots(len(rows), 2 * len(VIEWS), squeeze=False)
    for line, (text, before, after, label) in zip(axes, rows, strict=True):
        for view in range(len(VIEWS)):
            for axis, picture in ((line[2 * view], before[view]), (line[2 * view + 1], after[view])):
                axis.imshow(picture, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1])
                axis.axis("off")
            if label[view].max() > 0.5:
                line[2 * view + 1].contour(label[view], [0.5], colors="red", linewidths=0.5)
        line[0].text(2, 4, text, color="yellow", fontsize=6, va="top")
    for view, name in enumerate(VIEWS):
        axes[0, 2 * view].set_title(f"{name}: before", color="white", fontsize=8)
        axes[0, 2 * view + 1].set_title("after (simulated)", color="white", fontsize=8)
    figure.tight_layout(pad=0.15)
    with written_whole(output) as temporary:
        figure.savefig(temporary, dpi=75, facecolor="black")


if __name__ == "__main__":
    main()
