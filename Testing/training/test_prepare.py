"""`ribfrac prepare` as a process: what it makes of each layout, and how it goes on after a kill."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from ribfrac_testing.command_line import command, environment, ribfrac
from ribfrac_testing.training_data import (
    BRIGHT,
    SIZE,
    Scan,
    some_scans,
    write_ribfrac,
    write_seed,
)
from ribfrac_testing.volumes import Stored
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


def test_cases_that_left_are_removed_from_the_task(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    options = ["--output", tmp_path / "out", "--format", "nndetection", "--folds", "2"]
    assert ribfrac("prepare", source, *options).returncode == 0
    assert ribfrac("prepare", source, *options, "--leave-out", "RibFrac10").returncode == 0
    names = {path.name.split(".")[0].split("_")[0] for path in (tmp_path / "out").glob("Task*/raw*/*/*")}
    assert names == some_scans().keys() - {"RibFrac10"}
    assert "RibFrac10" not in (tmp_path / "out" / "dataset.json").read_text()


def test_second_run_skips_what_is_finished_and_redoes_what_changed(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans, parts=1)
    out = tmp_path / "out"
    assert ribfrac("prepare", source, "--output", out).returncode == 0
    times = {name: (case_folder(out, name) / "image.npy").stat().st_mtime_ns for name in scans}
    (out / "RibFrac2_image.nii.gz").unlink()
    moved = Scan({1: (12, 20, 12, 17, 26, 17)})
    moved.mask().write(source / "labels-1" / "RibFrac1-label.nii.gz")
    table = (
        (source / "info-1.csv")
        .read_text()
        .replace("RibFrac1,2,2", "")
        .replace("RibFrac10,300,3", "RibFrac10,300,4")
    )
    (source / "info-1.csv").write_text(table)
    done = ribfrac("prepare", source, "--output", out)
    assert done.returncode == 0, done.stderr
    again = {
        name for name in scans if (case_folder(out, name) / "image.npy").stat().st_mtime_ns != times[name]
    }
    assert again == {"RibFrac1", "RibFrac2", "RibFrac10"}, "a changed mask, a lost file, a changed class"
    cases = prepared(out, scans)
    assert [lesion.box for lesion in cases["RibFrac1"].lesions] == [moved.lesions[1]]
    assert [lesion.label for lesion in cases["RibFrac10"].lesions] == [4]
    assert (out / "RibFrac2_image.nii.gz").is_file()


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    """Killed again and again, each time after it has prepared one more case."""
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    assert ribfrac("prepare", source, "--output", tmp_path / "whole").returncode == 0
    out = tmp_path / "killed"
    for kill_after in range(1, len(scans) + 1):
        process = subprocess.Popen(
            command("prepare", source, "--output", out),
            env=environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            encoding="utf-8",
        )
        for line in process.stderr:
            if line.startswith(f"[{kill_after}/"):
                time.sleep(0.01 * kill_after)  # in the midst of the next case
                break
        process.kill()
        process.wait()
        process.stderr.close()
        finished = (out / "dataset.json").exists()  # the kill may come too late
        for name in scans:
            if finished or case_folder(out, name).exists():
                case = read_case(case_folder(out, name))
                assert np.array_equal(case.image(), Scan(scans[name].lesions).image().array)
    done = ribfrac("prepare", source, "--output", out)
    assert done.returncode == 0, done.stderr
    assert "was finished" in done.stderr
    assert contents(out) == contents(tmp_path / "whole")


def test_remains_of_killed_runs_are_removed(tmp_path: Path) -> None:
    """Of a case, which may have left the data set since, of a split file, and of a task."""
    source = write_ribfrac(tmp_path / "source", some_scans())
    options = ["--output", tmp_path / "out", "--folds", "2", "--format", "nndetection"]
    assert ribfrac("prepare", source, *options).returncode == 0
    before = contents(tmp_path / "out")
    remains = ["cache/.gone.partial/image.npy", ".77-dataset.json", ".77-dataset_fold1.json"]
    remains.append("Task100_RibFrac/preprocessed/.77-splits_final.pkl")
    remains.append("Task100_RibFrac/raw_splitted/imagesTr/.77-RibFrac1_0000.nii.gz")
    for name in remains:
        (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_bytes(b"half")
    (tmp_path / "out" / ".my-notes.json").write_text("{}")
    assert ribfrac("prepare", source, *options).returncode == 0
    after = contents(tmp_path / "out")
    assert after.pop(".my-notes.json") == b"{}"
    assert after == before


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def test_two_processes_make_the_same_files(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    assert ribfrac("prepare", source, "--output", tmp_path / "one").returncode == 0
    done = ribfrac("prepare", source, "--output", tmp_path / "two", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can answer")
def test_sigterm_ends_with_130_and_leaves_whole_cases(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    process = subprocess.Popen(
        command("prepare", source, "--output", tmp_path / "out"),
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        encoding="utf-8",
    )
    next(line for line in process.stderr if line.startswith("[1/"))
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 130
    assert not list((tmp_path / "out" / "cache").glob(".*"))
    assert read_case(case_folder(tmp_path / "out", "RibFrac1")).image().shape == SIZE


def test_a_full_disk_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from RibFracDetectorLib.case.errors import InputError
    from RibFracTrainingLib.training.data.prepare import run

    source = write_ribfrac(tmp_path / "source", some_scans())
    monkeypatch.setattr(run, "free_bytes", lambda _folder: 100_000)
    options = run.PrepareOptions((source,), tmp_path / "out")
    with pytest.raises(InputError, match="does not fit") as error:
        run.prepare(options, lambda _line: None)
    assert error.value.exit_status == 2
    assert not (tmp_path / "out").exists()


def test_the_disk_need_is_an_upper_bound(tmp_path: Path) -> None:
    """Of the noisiest scan there is, which no compression makes smaller."""
    from RibFracTrainingLib.training.data.prepare.disk import bytes_needed

    scan = Scan({1: (6, 8, 10, 12, 15, 18)}, {1: 1})
    source = write_ribfrac(tmp_path / "source", {"a": scan, "b": scan})
    noise = np.random.default_rng(0).integers(-1024, 3071, SIZE).astype(np.int16)
    Stored(noise, (2.0, 2.0, 2.0)).write(source / "images-1" / "a-image.nii.gz")
    options = ["--folds", "2", "--format", "nndetection"]
    done = ribfrac("prepare", source, "--output", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    grids = [read_case(case_folder(tmp_path / "out", name)).grid for name in "ab"]
    small_files = 20_000  # of JSON and of file headers, which weigh here alone
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert written <= bytes_needed(grids, writes_nifti=True, nndetection=True) + small_files


def test_without_the_training_package_one_line_tells_so(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['RibFracTrainingLib'] = None; from RibFracDetectorLib.cli import main;"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", script, "prepare", str(tmp_path), "--output", str(tmp_path / "out")]
    done = subprocess.run(arguments, env=environment(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert "RibFracTrainingLib" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_output_inside_the_source_is_not_read_again(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    for _ in range(2):
        done = ribfrac("prepare", source, "--output", source / "prepared", "--folds", "2")
        assert done.returncode == 0, done.stderr
        assert f"{len(scans)} cases" in done.stdout
