"""Make the sample case in Resources/SampleData anew: a simulated left half of a chest with six fractures.

The files depend on what stands here and, where HU are rounded, on the kind of CPU: Testing/simulation/
test_sample_case.py tells whether the simulation has changed since the case was made. The case is of the test
split: no training of any seed draws it.

    python tools/make_sample_case.py [FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("RibFracDetector", "RibFracTraining", "tools")]

from refusals import refusing_wrong_input  # noqa: E402
from RibFracDetectorLib.case.dataset import RECORD_SUFFIX  # noqa: E402
from RibFracDetectorLib.case.reading import read_ct  # noqa: E402
from RibFracDetectorLib.case.whole_files import written_whole  # noqa: E402
from RibFracTrainingLib.simulation.dataset.run import Target, simulate  # noqa: E402
from RibFracTrainingLib.simulation.dataset.settings import SimulationSettings  # noqa: E402
from RibFracTrainingLib.training.data.prepare.seed_files import SEED_SUFFIXES  # noqa: E402

NAME = "simulated_chest"
SETTINGS = SimulationSettings(
    training=0,
    test=1,
    # When it was chosen, the first from 2092 on with three kinds of fractures, files of less than 6 MB, and
    # five of its six found by the demonstration weights of then: it is to show what a found one looks like.
    seed=2095,
    part="left",
    heights_mm=(-65.0, 30.0),
    fractures=(6, 6),
    fracture_free=0.0,
    imitators=(2, 2),
    shams=(0, 0),
    slice_faults=0.0,
    in_plane_mm=(0.8, 0.8),
    slice_mm=(1.8, 1.8),
)
THUMBNAIL_PIXELS, BONE_HU = 256, (50.0, 900.0)


def main(folder: Path) -> None:
    """Write scan, mask, classes, record and thumbnail into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".sample-") as temporary:
        made = Path(temporary) / "made"
        simulate(SETTINGS, Target(made, "nifti"), 1, print)
        case_id = SETTINGS.case_id("test", 0)
        for suffix in (*SEED_SUFFIXES, RECORD_SUFFIX):
            (made / f"{case_id}{suffix}").replace(folder / f"{NAME}{suffix}")
    write_thumbnail(folder / f"{NAME}_image.nii.gz", folder / f"{NAME}.png")


def write_thumbnail(scan: Path, picture: Path) -> None:
    """The ribs seen from the side, as a square picture."""
    from matplotlib.figure import Figure

    ct = read_ct(scan)
    side = np.flip(ct.voxels.max(axis=0).T, axis=0)  # the patient looks to the left, head up
    figure = Figure(figsize=(1, 1), dpi=THUMBNAIL_PIXELS, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    low, high = BONE_HU
    ratio = ct.grid.spacing[2] / ct.grid.spacing[1]
    axes.imshow(side, cmap="bone", vmin=low, vmax=high, aspect=ratio, interpolation="bilinear")
    # The full height, and as much of the depth in the middle: a square.
    half, middle = side.shape[0] * ratio / 2, side.shape[1] / 2
    axes.set_xlim(middle - half, middle + half)
    axes.text(0.5, 0.03, "simulated", color="white", fontsize=5, ha="center", transform=axes.transAxes)
    with written_whole(picture) as temporary:
        figure.savefig(temporary, metadata={"Software": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=ROOT / "Resources" / "SampleData",
        help="where to (default: Resources/SampleData)",
    )
    with refusing_wrong_input():
        main(parser.parse_args().folder)
