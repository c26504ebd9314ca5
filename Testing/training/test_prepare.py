"""`ribfrac prepare` as a process: what it makes of each layout, classes and splits."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.training_data import (
    BRIGHT,
    Scan,
    some_scans,
    write_ribfrac,
    write_seed,
)
from RibFracDetectorLib.case.dataset import SPLITS, case_id_of_prefix, stated_data
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracTrainingLib.training.data.classes import UNKNOWN, ClassMap
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.prepared import PreparedCase, read_case
from RibFracTrainingLib.training.data.split import open_split

CLASSES = ClassMap()


def prepared(root: Path, scans: dict[str, Scan]) -> dict[str, PreparedCase]:
    return {name: read_case(case_folder(root, name)) for name in scans}


def array_of(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).transpose(2, 1, 0)


def split_of(path: Path) -> tuple[list[str], list[str]]:
    content = json.loads(path.read_text())
    training, test = ([case_id_of_prefix(prefix) for prefix in content[name]] for name in SPLITS)
    return training, test


def test_ribfrac_becomes_lps_arrays_and_the_seeds_files(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--data", "real")
    assert done.returncode == 0, done.stderr
    for name, case in prepared(tmp_path / "out", scans).items():
        scan = scans[name]
        upright = Scan(scan.lesions)
        assert np.array_equal(case.image(), upright.image().array)
        assert np.array_equal(case.instance_map(CLASSES), upright.mask().array)
        assert {lesion.instance: lesion.box for lesion in case.lesions} == dict(scan.lesions)
        assert {lesion.instance: lesion.label for lesion in case.lesions} == dict(scan.classes)
        assert case.data == "real"
        assert np.array_equal(array_of(tmp_path / "out" / f"{name}_image.nii.gz"), case.image())
        mask = array_of(tmp_path / "out" / f"{name}_instance.nii.gz")
        assert np.array_equal(mask, case.instance_map(CLASSES)), "instances above 255 must not wrap"


def test_prepared_files_are_ground_truth_for_evaluate(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    assert ribfrac("prepare", source, "--output", tmp_path / "out").returncode == 0
    truth = read_ground_truth(tmp_path / "out")
    assert truth.cases.keys() == scans.keys()
    assert not truth.notes, "JSON and mask must agree"
    for name, scan in scans.items():
        known = truth.cases[name].of_classes(frozenset({1, 2, 3, 4}))
        assert known.instances.tolist() == sorted(scan.lesions), "an unknown class counts, too"


def test_what_the_scans_are_goes_with_them(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--data", "real")
    assert done.returncode == 0, done.stderr
    splits = sorted((tmp_path / "out").glob("dataset*.json"))
    assert len(splits) > 1
    assert {stated_data(split) for split in splits} == {"real"}
    again = ribfrac("prepare", tmp_path / "out", "--output", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert {case.data for case in prepared(tmp_path / "again", some_scans()).values()} == {"real"}
    done = ribfrac("prepare", tmp_path / "out", "--output", tmp_path / "third", "--data", "simulated")
    assert done.returncode == 2
    assert "says that its scans are real" in done.stderr


def test_scans_of_another_orientation_lie_at_the_same_place(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    assert ribfrac("prepare", source, "--output", tmp_path / "out").returncode == 0
    for name, case in prepared(tmp_path / "out", scans).items():
        stored = scans[name].image()
        bright = np.argwhere(stored.array == BRIGHT)
        ours = np.argwhere(np.asarray(case.image()) == BRIGHT)
        places = {tuple(np.round(stored.point(index), 3)) for index in bright}
        assert {tuple(np.round(case.grid.index_to_lps(index), 3)) for index in ours} == places


def test_folds_are_stable_and_share_no_case(tmp_path: Path) -> None:
    scans = some_scans()
    forward = write_ribfrac(tmp_path / "forward", scans)
    backward = write_ribfrac(tmp_path / "backward", dict(reversed(scans.items())), parts=1)
    splits = []
    for source in (forward, backward):
        out = tmp_path / f"{source.name}-out"
        assert ribfrac("prepare", source, "--output", out, "--folds", "3", "--seed", "7").returncode == 0
        splits.append([split_of(out / f"dataset_fold{fold}.json") for fold in range(3)])
    assert splits[0] == splits[1], "the order and the folders of the files must not matter"
    validated = [name for _, test in splits[0] for name in test]
    assert sorted(validated) == sorted(scans)
    for training, test in splits[0]:
        assert sorted(training + test) == sorted(scans)
    assert ribfrac("prepare", forward, "--output", tmp_path / "forward-out", "--folds", "2").returncode == 0
    assert not (tmp_path / "forward-out" / "dataset_fold2.json").exists(), "a fold of the former split"


def test_held_out_cases_are_in_no_fold(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    (tmp_path / "test.txt").write_text("RibFrac4\n\nRibFrac3\n")
    out = tmp_path / "out"
    done = ribfrac("prepare", source, "--output", out, "--test", tmp_path / "test.txt", "--folds", "2")
    assert done.returncode == 0, done.stderr
    held_out = {"RibFrac3", "RibFrac4"}
    assert set(split_of(out / "dataset.json")[1]) == held_out
    for fold in range(2):
        assert not held_out & {name for side in split_of(out / f"dataset_fold{fold}.json") for name in side}


def test_held_out_cases_need_no_folds(tmp_path: Path) -> None:
    """Two cases are enough then; folds of an earlier run would train on the held-out ones."""
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", {name: scans[name] for name in ("RibFrac1", "RibFrac2")})
    out = tmp_path / "out"
    assert ribfrac("prepare", source, "--output", out, "--folds", "2").returncode == 0
    (tmp_path / "test.txt").write_text("RibFrac2\n")
    done = ribfrac("prepare", source, "--output", out, "--test", tmp_path / "test.txt")
    assert done.returncode == 0, done.stderr
    splits = {path.name: json.loads(path.read_text()) for path in out.glob("dataset*.json")}
    assert splits == {"dataset.json": {"training": ["RibFrac1"], "test": ["RibFrac2"]}}
    (tmp_path / "test.txt").write_text("\n")
    done = ribfrac("prepare", source, "--output", out, "--test", tmp_path / "test.txt")
    assert done.returncode == 2
    assert "test.txt: no case id in it" in done.stderr


def test_the_seeds_layout_is_taken_as_it_is(tmp_path: Path) -> None:
    """In place, with a folder behind a symbolic link, another split file, and an unusual orientation."""
    scans = some_scans()
    (tmp_path / "disk").mkdir()
    root = tmp_path / "data"
    root.mkdir()
    (root / "part").symlink_to(tmp_path / "disk", target_is_directory=True)
    write_seed(root, scans, ["RibFrac4"], prefix="part/", split_file="dataset_1231.json")
    before = {
        path: path.read_bytes() for path in [*(tmp_path / "disk").iterdir(), root / "dataset_1231.json"]
    }
    done = ribfrac("prepare", root, "--output", root, "--split-file", "dataset_1231.json", "--folds", "2")
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in root.iterdir()) == [
        "cache",
        "dataset_1231.json",
        "dataset_fold0.json",
        "dataset_fold1.json",
        "part",
    ]
    assert json.loads((root / "dataset_fold0.json").read_text())["test"][0].startswith("part/")
    cases = open_split(root, "training", CLASSES, split_file="dataset_1231.json")
    assert [case.case_id for case in cases] == sorted(scans.keys() - {"RibFrac4"})
    for case in cases:
        assert {lesion.instance: lesion.box for lesion in case.lesions} == dict(scans[case.case_id].lesions)


def test_a_stated_split_without_test_cases_can_have_folds(tmp_path: Path) -> None:
    scans = some_scans()
    del scans["RibFrac2"]  # its class is unknown
    source = write_seed(tmp_path / "source", scans, test=[])
    without = ribfrac("prepare", source, "--output", tmp_path / "out")
    assert without.returncode == 2
    assert "give --folds" in without.stderr
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 0, done.stderr
    sides = split_of(tmp_path / "out" / "dataset.json")
    assert sides == split_of(tmp_path / "out" / "dataset_fold0.json")
    assert sorted(sides[0] + sides[1]) == sorted(scans)


def test_unknown_classes_of_the_seeds_files(tmp_path: Path) -> None:
    """0, as the evaluation and `prepare` itself write it, and -1 both mean that nobody has stated a class."""
    boxes = {1: (6, 8, 10, 12, 15, 18), 2: (30, 30, 20, 37, 36, 29), 3: (20, 8, 30, 26, 14, 36)}
    scans = {"a": Scan(boxes, {1: 0, 2: -1, 3: 4}), "b": Scan(boxes, dict.fromkeys(boxes, 1))}
    root = write_seed(tmp_path / "data", scans, ["b"])
    done = ribfrac("prepare", root, "--output", root)
    assert done.returncode == 0, done.stderr
    assert [lesion.label for lesion in prepared(root, scans)["a"].lesions] == [UNKNOWN, UNKNOWN, 4]


def test_folders_of_scans_and_masks_have_unknown_classes(tmp_path: Path) -> None:
    scans = some_scans()
    for folder in ("scans", "masks"):
        (tmp_path / folder).mkdir()
    for name, scan in scans.items():
        scan.image().write(tmp_path / "scans" / f"{name}.nii.gz")
        scan.mask(np.float32).write(tmp_path / "masks" / f"{name}.nii.gz")
    out = tmp_path / "out"
    done = ribfrac("prepare", tmp_path / "scans", "--masks", tmp_path / "masks", "--output", out)
    assert done.returncode == 0, done.stderr
    assert "unknown class" in done.stderr
    for name, case in prepared(out, scans).items():
        assert [lesion.instance for lesion in case.lesions] == sorted(scans[name].lesions)
        assert {lesion.label for lesion in case.lesions} <= {UNKNOWN}


def test_more_instances_than_a_byte_holds(tmp_path: Path) -> None:
    boxes = {
        1 + i + 8 * (j + 8 * k): (5 * i, 5 * j, 5 * k, 5 * i + 3, 5 * j + 3, 5 * k + 3)
        for i in range(8)
        for j in range(8)
        for k in range(8)
    }
    scans = {"many": Scan(boxes, dict.fromkeys(boxes, 1)), "one": Scan({1: (3, 3, 3, 9, 9, 9)}, {1: 2})}
    source = write_ribfrac(tmp_path / "source", scans)
    assert ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2").returncode == 0
    case = prepared(tmp_path / "out", scans)["many"]
    assert {lesion.instance: lesion.box for lesion in case.lesions} == boxes
    assert np.array_equal(case.instance_map(CLASSES), scans["many"].mask().array)


def test_nndetection_task_holds_the_same_split(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    (tmp_path / "test.txt").write_text("RibFrac2")
    options = ["--format", "nndetection", "--task", "Task113_RibFrac", "--folds", "2"]
    out = tmp_path / "out"
    done = ribfrac("prepare", source, "--output", out, "--test", tmp_path / "test.txt", *options)
    assert done.returncode == 0, done.stderr
    task = out / "Task113_RibFrac"
    assert json.loads((task / "dataset.json").read_text())["labels"] == {"0": "fracture"}
    splits = pickle.loads((task / "preprocessed" / "splits_final.pkl").read_bytes())
    assert splits == json.loads((task / "preprocessed" / "splits_final.json").read_text())
    for fold, sides in enumerate(splits):
        assert (sides["train"], sides["val"]) == split_of(out / f"dataset_fold{fold}.json")
    for name, scan in scans.items():
        part = "Ts" if name == "RibFrac2" else "Tr"
        raw = task / "raw_splitted"
        case = read_case(case_folder(out, name))
        assert np.array_equal(array_of(raw / f"images{part}" / f"{name}_0000.nii.gz"), case.image())
        numbers = range(1, len(scan.lesions) + 1)
        label = json.loads((raw / f"labels{part}" / f"{name}.json").read_text())
        assert label == {"instances": {str(number): 0 for number in numbers}}
        mask = array_of(raw / f"labels{part}" / f"{name}.nii.gz")
        assert sorted(set(np.unique(mask)) - {0}) == list(numbers)
        for number, value in zip(numbers, sorted(scan.lesions), strict=True):
            assert np.array_equal(mask == number, case.instance_map(CLASSES) == value)
