"""Simulated data sets: read by training and evaluation, the same in any number of pieces and processes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracTrainingLib.simulation.dataset.one_case import SimulatedCase, simulate_case
from RibFracTrainingLib.simulation.dataset.run import Target, simulate
from RibFracTrainingLib.simulation.dataset.settings import BodySpec, SimulationSettings
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.samples import CropSamples, SampleKey, SamplingSettings
from RibFracTrainingLib.training.data.split import open_split

SMALL = SimulationSettings(
    training=2, test=1, seed=9, part="half", fractures=(3, 4), fracture_free=0.0, imitators=(1, 2),
    heights_mm=(-50, 50), in_plane_mm=(1.4, 1.6), slice_mm=(1.8, 2.2),
)  # fmt: skip
OPTIONS = (
    *("--seed", "9", "--part", "half", "--fractures", "3-4", "--fracture-free", "0", "--imitators", "1-2"),
    *("--heights", "-50", "50", "--spacing", "1.4-1.6", "--slices", "1.8-2.2"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in both layouts."""
    root = tmp_path_factory.mktemp("simulated") / "set"
    assert simulate(SMALL, Target(root, "both"), 1, quiet) == 3
    return root


def quiet(line: str) -> None:
    """Say nothing."""


def contents(root: Path) -> dict[str, bytes]:
    """All files but the compressed ones, by name."""
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.endswith(".nii.gz"):
            files[path.relative_to(root).as_posix()] = path.read_bytes()
    return files


def test_training_reads_it(folder: Path) -> None:
    classes = ClassMap()
    training, test = (open_split(folder, split, classes) for split in ("training", "test"))
    assert len(training) == 2
    assert len(test) == 1
    assert all(case.data == "simulated" and case.lesions for case in training)
    samples = CropSamples(training, SamplingSettings((48, 48, 48)), classes, seed=1)
    positive, negative = samples[SampleKey(0, 0, 0)]
    assert positive.instances.any()
    assert positive.image.shape == negative.image.shape == (48, 48, 48)


def test_evaluation_and_training_see_the_same_lesions(folder: Path) -> None:
    truth = read_ground_truth(folder)
    for case in open_split(folder, "training", ClassMap()):
        lesions = truth.cases[case.case_id]
        assert len(lesions.boxes) == len(case.lesions)
        assert sorted(map(tuple, np.asarray(lesions.boxes, int).tolist())) == sorted(
            lesion.box for lesion in case.lesions
        )


def test_kinds_are_those_that_were_asked_for() -> None:
    chosen = dataclasses.replace(SMALL, kinds=("healed", "buckle"), fractures=(5, 5))
    for number in range(2):
        records = simulate_case(chosen, "training", number).record["fractures"].values()
        assert {record["kind"] for record in records} <= {"healed", "buckle"}
        assert len(records) == 5
    with pytest.raises(InputError, match="kinds bent"):
        dataclasses.replace(SMALL, kinds=("bent",))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -5}, "seed -5: expected a number from 0"),
        ({"fractures": (0, 10**30)}, r"fractures 0-10{30}: expected an increasing range within 0 to 10000"),
        ({"shams": (0, 10**30)}, "shams"),
        ({"seed": 10**300}, "expected a number from 0 to 9223372036854775807"),
        ({"heights_mm": (0.0, 1e9)}, r"heights 0 to 1e\+09 mm: expected .* within -1000 to 1000 mm"),
        ({"heights_mm": (0.0, 19.0)}, "heights 0 to 19 mm: expected a range of 20 mm at least"),
        ({"kinds": ("segmental",), "fractures": (1, 1)}, "fractures 1-1 of the kind segmental"),
    ],
)
def test_numbers_that_nothing_can_be_drawn_with_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        dataclasses.replace(SMALL, **change)


def test_both_layouts_hold_the_same_voxels(folder: Path) -> None:
    for case in open_split(folder, "training", ClassMap()):
        ct = read_ct(folder / f"{case.case_id}_image.nii.gz")
        assert np.array_equal(ct.voxels, case.image())
        assert np.allclose(ct.grid.spacing, case.grid.spacing)


def test_lesions_lie_on_ribs_with_their_class(folder: Path) -> None:
    for case in open_split(folder, "training", ClassMap()):
        fractures = case.source["fractures"]
        assert 3 <= len(fractures) <= 4
        for lesion in case.lesions:
            fracture = fractures[str(lesion.instance)]
            assert lesion.label == fracture["label"]
            low, high = np.reshape(lesion.box, (2, 3))
            assert (np.array(fracture["centre"]) >= low - 3).all()
            assert (np.array(fracture["centre"]) < high + 3).all()


def test_a_case_depends_on_its_numbers_alone(folder: Path) -> None:
    again = simulate_case(dataclasses.replace(SMALL, training=50), "training", 1)
    case = open_split(folder, "training", ClassMap())[1]
    assert np.array_equal(again.image, case.image())
    assert json.loads(json.dumps(again.record)) == case.source


def test_places_of_shams_are_recorded() -> None:
    """They have no label, so the record is all that tells where they are."""
    settings = dataclasses.replace(SMALL, fractures=(0, 0), shams=(2, 2), imitators=(0, 0), slice_faults=0.0)
    untouched = simulate_case(dataclasses.replace(settings, shams=(0, 0)), "test", 0)
    case = simulate_case(settings, "test", 0)
    assert not case.labels
    assert untouched.record["shams"] == []
    assert case.record["shams"]
    for sham in case.record["shams"]:
        place = tuple(slice(max(at - 8, 0), at + 9) for at in sham["centre"])
        assert sham["kind"] == "sham"
        assert (case.image[place] != untouched.image[place]).any()


def test_held_out_cases_are_never_training_cases() -> None:
    def drawn(seed: int, split: str) -> list[SimulatedCase]:
        settings = dataclasses.replace(
            SMALL,
            seed=seed,
            fractures=(0, 0),
            imitators=(0, 0),
            shams=(0, 0),
            in_plane_mm=(5, 5),
            slice_mm=(5, 5),
        )
        return [simulate_case(settings, split, number) for number in range(1)]

    known = {case.image.tobytes() for seed in (1, 2) for case in drawn(seed, "training")}
    held_out = {case.image.tobytes() for seed in (1, 2) for case in drawn(seed, "test")}
    assert len(known) == len(held_out) == 2
    assert not known & held_out


def test_finished_cases_are_skipped_and_more_can_be_asked_for(folder: Path) -> None:
    before = contents(folder)
    assert simulate(SMALL, Target(folder, "both"), 1, quiet) == 0
    assert contents(folder) == before


def test_another_simulation_or_other_files_are_not_overwritten(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seed"):
        simulate(dataclasses.replace(SMALL, seed=1), Target(folder, "both"), 1, print)
    with pytest.raises(InputError, match="layout"):
        simulate(SMALL, Target(folder, "cache"), 1, print)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="thesis"):
        simulate(SMALL, Target(tmp_path, "cache"), 1, print)


def test_a_misspelt_atlas_is_told_and_claims_no_folder(tmp_path: Path) -> None:
    root = tmp_path / "set"
    process = run_command(root, "--body", f"atlas:{tmp_path / 'nofile.nii.gz'}")
    _, err = process.communicate()
    assert process.returncode == 2
    assert f"{tmp_path / 'nofile.nii.gz'}: no such file" in err
    assert not root.exists()


def test_a_folder_without_a_case_takes_other_settings(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    (root / "cache").mkdir(parents=True)
    stale = json.loads((folder / "simulation.json").read_text()) | {"seed": 8}
    (root / "simulation.json").write_text(json.dumps(stale))
    settings = dataclasses.replace(SMALL, training=1, test=0)
    assert simulate(settings, Target(root, "cache"), 1, quiet) == 1
    assert json.loads((root / "simulation.json").read_text())["seed"] == SMALL.seed
    with pytest.raises(InputError, match="made with seed 9, asked for is 1"):
        simulate(dataclasses.replace(settings, seed=1), Target(root, "cache"), 1, quiet)


def run_command(*arguments: str | Path) -> subprocess.Popen:
    libraries = os.pathsep.join(str(REPOSITORY / name) for name in ("RibFracDetector", "RibFracTraining"))
    return subprocess.Popen(
        [sys.executable, "-m", "RibFracDetectorLib", "simulate", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": libraries},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_a_killed_run_goes_on(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    arguments = (root, "--cases", "2", "--test", "1", "--layout", "cache", *OPTIONS)
    process = run_command(*arguments)
    while not list(root.glob("cache/sim*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished = len(list(root.glob("cache/sim*")))
    assert 1 <= finished < 3
    assert not (root / "dataset.json").exists()
    process = run_command(*arguments, "--workers", "2")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert f"{finished} of 3 cases were finished" in err
    assert "3 in" in out
    assert not list(root.glob("cache/.*"))
    ours = {name: content for name, content in contents(folder).items() if name.startswith("cache")}
    assert {name: content for name, content in contents(root).items() if name.startswith("cache")} == ours


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--body", "dragon"], "phantom, atlas:FILE or ct:FILE"),
        (["--fractures", "many"], "--fractures"),
        (["--spacing", "0.9-0.7"], "increasing range"),
        (["--body", "ct:nowhere.nii.gz"], "nowhere.nii.gz"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(tmp_path: Path, options: list[str], told: str) -> None:
    process = run_command(tmp_path / "new", *options)
    _, err = process.communicate()
    assert process.returncode == 2
    assert told in err
    assert err.count("\n") == 1


def test_bodies_are_dealt_out_in_turn() -> None:
    assert str(BodySpec.parse("ct:a.nii.gz,ribs:b.nii.gz")) == "ct:a.nii.gz,ribs:b.nii.gz"
    assert BodySpec.parse("atlas:x.npz") == BodySpec("atlas", "x.npz")
    for text in ("atlas", "ct:", "phantom:x", "atlas:x,ribs:y", ""):
        with pytest.raises(InputError):
            BodySpec.parse(text)


def test_a_real_scan_keeps_its_voxels_away_from_fractures(tmp_path: Path) -> None:
    """A simulated image stands for the scan; its mask of ribs is given."""
    import SimpleITK as sitk  # noqa: N813
    from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom

    body, _ = make_phantom(PhantomSettings((1.6, 1.6, 2.0), "left", (-40, 40)), np.random.default_rng(2))
    for name, array in (("scan", np.rint(body.hu).astype(np.int16)), ("ribs", body.ribs)):
        image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
        image.SetSpacing(body.spacing)
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    spec = BodySpec("ct", str(tmp_path / "scan.nii.gz"), str(tmp_path / "ribs.nii.gz"))
    settings = dataclasses.replace(SMALL, bodies=(spec,), imitators=(0, 0), shams=(0, 0), slice_faults=0.0)
    case = simulate_case(settings, "training", 0)
    changed = case.image != np.rint(body.hu).astype(np.int16)
    assert case.labels
    assert changed.any()
    assert changed.mean() < 0.05
    assert case.record["scanner"] is None
