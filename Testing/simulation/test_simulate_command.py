"""Options of `ribfrac simulate`: what has no effect or no meaning is refused in one line, with status 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from RibFracDetectorLib.cli import main
from RibFracTrainingLib.simulation.dataset import run
from RibFracTrainingLib.simulation.dataset.settings import SimulationSettings

REAL = ("--body", "ct:scan.nii.gz")
CAMPAIGN = ("--cases", "0", "--test", "3", "--seed", "7013", "--workers", "1", "--layout", "nifti")
INSERTED = ("--fractures", "12-12", "--fracture-free", "0", "--shams", "0-0", "--imitators", "0-0")


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[SimulationSettings]:
    """The data sets that were asked for; none is made."""
    asked: list[SimulationSettings] = []

    def note(settings: SimulationSettings, *_: Any) -> int:
        asked.append(settings)
        return 0

    monkeypatch.setattr(run, "simulate", note)
    return asked


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((*REAL, "--part", "left"), "--part: without effect on real scans"),
        ((*REAL, "--heights", "-40", "20"), "--heights: without effect on real scans"),
        ((*REAL, *REAL, "--spacing", "0.7", "--slices", "1-2"), "--spacing, --slices: without effect"),
        ((*REAL, "--cases", "2", "--test", "1"), "--cases 2 and --test 1 of real scans"),
        ((*REAL, "--body", "phantom", "--test", "1"), "--cases 1 and --test 1 of real scans"),
        (("--convert-atlas", "labels.nii.gz", "--seed", "4", "--body", "phantom"), "--seed, --body: without"),
        (("--convert-atlas", "labels.nii.gz"), "ends with .npz"),
        (("--fractures", "6.5-7.5"), "--fractures '6.5-7.5': expected a whole number or a range of them"),
        (("--imitators", "2.5"), "--imitators '2.5': expected a whole number"),
        (("--shams", "1-"), "--shams '1-': expected a whole number"),
        (("--spacing", "0,7"), "--spacing '0,7': expected a number or a range such as 0.65-0.85"),
        (("--slices", "thin"), "--slices 'thin': expected a number or a range such as 0.9-2.1"),
        (("--seed", "9" * 301), "expected a number from 0 to 9223372036854775807"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    options: tuple[str, ...],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    simulated: list[SimulationSettings],
) -> None:
    assert main(["simulate", str(tmp_path / "new"), *options]) == 2
    text = capsys.readouterr().err
    assert told in text
    assert text.count("\n") == 1
    assert not simulated
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "options",
    [
        (*REAL, *CAMPAIGN, *INSERTED, "--slice-faults", "0"),
        (*REAL, "--cases", "4", "--part", "chest", "--spacing", "0.65-0.85"),
        (*REAL, "--body", "phantom", "--part", "half", "--heights", "-40", "60"),
        ("--body", "phantom", "--cases", "2", "--test", "1", "--part", "left", "--slices", "2"),
    ],
)
def test_options_that_mean_something_are_taken(
    options: tuple[str, ...], tmp_path: Path, simulated: list[SimulationSettings]
) -> None:
    assert main(["simulate", str(tmp_path / "new"), *options]) == 0
    assert len(simulated) == 1


def test_ranges_are_taken_as_they_are_written(tmp_path: Path, simulated: list[SimulationSettings]) -> None:
    options = ("--fractures", "3", "--imitators", "1-12", "--spacing", "0.7", "--slices", "1-2.5")
    assert main(["simulate", str(tmp_path / "new"), *options]) == 0
    settings = simulated[0]
    assert (settings.fractures, settings.imitators) == ((3, 3), (1, 12))
    assert (settings.in_plane_mm, settings.slice_mm) == ((0.7, 0.7), (1.0, 2.5))
