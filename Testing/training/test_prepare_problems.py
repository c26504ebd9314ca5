"""Bad data sets: every problem is named with file and remedy, all in one report, exit status 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.training_data import SPACING, Scan, some_scans, write_ribfrac, write_seed, write_split
from ribfrac_testing.volumes import Stored

Damage = Callable[[Path], None]
TABLE = "info-1.csv"


def _smaller_mask(source: Path) -> None:
    Scan({1: (6, 8, 10, 12, 15, 18), 2: (30, 30, 20, 37, 36, 29)}, size=(48, 44, 38)).mask().write(
        source / "labels-1" / "RibFrac1-label.nii.gz"
    )


def _shifted_mask(source: Path) -> None:
    mask = some_scans()["RibFrac1"].mask()
    Stored(mask.array, SPACING, (0.0, 0.0, 0.0)).write(source / "labels-1" / "RibFrac1-label.nii.gz")


def _fractional_mask(source: Path) -> None:
    array = some_scans()["RibFrac1"].mask().array.astype(np.float32)
    array[7, 9, 11] = 0.5
    Stored(array, SPACING).write(source / "labels-1" / "RibFrac1-label.nii.gz")


def _huge_instance(source: Path) -> None:
    array = some_scans()["RibFrac1"].mask().array.astype(np.int32)
    array[40:43, 3:6, 3:6] = 70_000
    Stored(array, SPACING).write(source / "labels-1" / "RibFrac1-label.nii.gz")


def _not_a_scan(source: Path) -> None:
    (source / "images-1" / "RibFrac1-image.nii.gz").write_bytes(b"no image")


def _no_air(source: Path) -> None:
    Stored(np.full((48, 44, 40), 400, np.int16) + np.arange(40, dtype=np.int16), SPACING).write(
        source / "images-1" / "RibFrac1-image.nii.gz"
    )


def _edit(old: str, new: str) -> Damage:
    def edit(source: Path) -> None:
        text = (source / TABLE).read_text()
        assert old in text
        (source / TABLE).write_text(text.replace(old, new))

    return edit


def _duplicate(source: Path) -> None:
    some_scans()["RibFrac1"].image().write(source / "images-2" / "RibFrac1-image.nii")


def _twin_in_small_letters(source: Path) -> None:
    some_scans()["RibFrac1"].image().write(source / "images-2" / "ribfrac1-image.nii.gz")
    some_scans()["RibFrac1"].mask().write(source / "labels-2" / "ribfrac1-label.nii.gz")


def _seed_twin_in_small_letters(root: Path) -> None:
    some_scans()["RibFrac1"].image().write(root / "ribfrac1_image.nii")
    some_scans()["RibFrac1"].mask().write(root / "ribfrac1_instance.nii")
    write_split(root / "dataset.json", ["RibFrac1", "RibFrac2"], ["ribfrac1"])


def _no_tables(source: Path) -> None:
    for path in source.glob("*.csv"):
        path.unlink()


DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "mask of another size": (_smaller_mask, "RibFrac1-label.nii.gz", "48 x 44 x 38"),
    "mask elsewhere": (_shifted_mask, "RibFrac1-label.nii.gz", "beside its scan"),
    "fractional mask": (_fractional_mask, "RibFrac1-label.nii.gz", "whole numbers"),
    "instance too large": (_huge_instance, "RibFrac1-label.nii.gz", "instance 70000"),
    "no image": (_not_a_scan, "RibFrac1-image.nii.gz", "NIfTI image is expected"),
    "no CT": (_no_air, "RibFrac1-image.nii.gz", "Hounsfield"),
    "label without class": (_edit("RibFrac1,2,2", ""), "RibFrac1-label.nii.gz", "instance 2 has no class"),
    "class without voxels": (
        _edit("RibFrac1,2,2", "RibFrac1,2,2\nRibFrac1,9,1"),
        "RibFrac1-label",
        "instance 9",
    ),
    "class of background": (_edit("RibFrac1,2,2", "RibFrac1,2,0"), TABLE, "label_code 0"),
    "class outside RibFrac": (_edit("RibFrac1,2,2", "RibFrac1,2,6"), TABLE, "label_code 6"),
    "contradiction": (
        lambda source: (source / "more.csv").write_text("public_id,label_id,label_code\nRibFrac1,2,1\n"),
        "more.csv",
        "label 2 of RibFrac1",
    ),
    "missing mask": (
        lambda source: (source / "labels-1" / "RibFrac1-label.nii.gz").unlink(),
        "RibFrac1-image.nii.gz",
        "mask is missing",
    ),
    "missing scan": (
        lambda source: (source / "images-1" / "RibFrac1-image.nii.gz").unlink(),
        "RibFrac1-label.nii.gz",
        "scan is missing",
    ),
    "duplicate id": (_duplicate, "RibFrac1-image.nii", "same case RibFrac1"),
    "twin in small letters": (_twin_in_small_letters, "ribfrac1-image.nii.gz", "ribfrac1 from RibFrac1"),
    "no table": (_no_tables, "", "info table"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_problem_is_named(tmp_path: Path, kind: str) -> None:
    damage, file, words = DAMAGES[kind]
    source = write_ribfrac(tmp_path / "source", some_scans())
    damage(source)
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2, done.stderr
    problems = [line for line in done.stderr.splitlines() if line.startswith("problem: ")]
    assert any(file in line and words in line for line in problems), done.stderr
    assert (tmp_path / "out" / "problems.txt").read_text().splitlines() == [
        line.removeprefix("problem: ") for line in problems
    ]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_all_problems_come_in_one_report(tmp_path: Path) -> None:
    """Each scan another problem, some files and tables besides; the good scan is prepared all the same."""
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans, parts=1)
    (source / "images-1" / "RibFrac2-image.nii.gz").unlink()
    _smaller_mask(source)
    (source / "images-1" / "RibFrac3-image.nii.gz").write_bytes(b"no image")
    _edit("RibFrac4,4,4", "")(source)
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2
    for name in ("RibFrac1", "RibFrac2", "RibFrac3", "RibFrac4"):
        assert any(
            line.startswith("problem: ") and f"{name}-" in line for line in done.stderr.splitlines()
        ), name
    assert (tmp_path / "out" / "cache" / "RibFrac10" / "case.json").is_file()
    for name in ("RibFrac1", "RibFrac2", "RibFrac3", "RibFrac4"):
        scans[name].image().write(source / "images-1" / f"{name}-image.nii.gz")
        scans[name].mask().write(source / "labels-1" / f"{name}-label.nii.gz")
    (source / TABLE).write_text((source / TABLE).read_text() + "RibFrac4,4,4\n")
    mended = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert mended.returncode == 0, mended.stderr
    assert not (tmp_path / "out" / "problems.txt").exists()


@pytest.mark.parametrize(
    "kind",
    [
        "no image",
        "class of background",
        "class outside RibFrac",
        "contradiction",
        "missing mask",
        "duplicate id",
    ],
)
def test_a_case_with_a_problem_can_be_left_out(tmp_path: Path, kind: str) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    DAMAGES[kind][0](source)
    options = ["--output", tmp_path / "out", "--folds", "2", "--leave-out", "RibFrac1"]
    done = ribfrac("prepare", source, *options)
    assert done.returncode == 0, done.stderr
    assert 'RibFrac1"' not in (tmp_path / "out" / "dataset.json").read_text()


def test_a_case_of_the_seeds_layout_can_be_left_out(tmp_path: Path) -> None:
    root = write_seed(tmp_path / "data", some_scans(), ["RibFrac4"])
    (root / "RibFrac1_instance.nii").unlink()
    done = ribfrac("prepare", root, "--output", tmp_path / "out", "--leave-out", "RibFrac1")
    assert done.returncode == 0, done.stderr
    assert 'RibFrac1"' not in (tmp_path / "out" / "dataset.json").read_text()


@pytest.mark.parametrize(
    "write", [write_ribfrac, lambda folder, scans: write_seed(folder, scans, ["RibFrac4"])]
)
def test_an_id_to_leave_out_that_is_not_there_is_a_problem(tmp_path: Path, write: Callable) -> None:
    source = write(tmp_path / "source", some_scans())
    done = ribfrac(
        "prepare", source, "--output", tmp_path / "out", "--folds", "2", "--leave-out", "RibFrac01"
    )
    assert done.returncode == 2
    assert "problem: --leave-out RibFrac01: there is no such case; correct the id" in done.stderr


def test_foreign_files_and_folders_beside_the_scans_do_not_matter(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    (source / "images-2" / "._RibFrac2-image.nii.gz").write_bytes(b"of a Mac")
    (source / "notes.csv").mkdir()
    (source / "measured.csv").write_text(f"{'a' * 200_000},b\n")
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 0, done.stderr


def test_a_name_that_makes_no_case_is_told_with_what_helps(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    some_scans()["RibFrac1"].image().write(source / "images-1" / "a b-image.nii.gz")
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2
    assert "'a b': letters, digits, '.', '-' and '_' are expected" in done.stderr
    assert "rename the files of the case" in done.stderr
    assert "--case" not in done.stderr


def test_folds_that_could_not_be_trained_are_refused(tmp_path: Path) -> None:
    scans = some_scans()
    pair = write_ribfrac(tmp_path / "pair", {name: scans[name] for name in ("RibFrac1", "RibFrac3")})
    done = ribfrac("prepare", pair, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2
    assert "no fracture in the training cases of fold 0; add cases" in done.stderr
    one = write_ribfrac(tmp_path / "one", {"RibFrac1": scans["RibFrac1"]})
    done = ribfrac("prepare", one, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2
    assert "1 case cannot be split into 2 folds; add cases, or name test cases by --test" in done.stderr


def test_a_duplicate_is_told_without_false_alarms(tmp_path: Path) -> None:
    """A plain and a packed file side by side: nothing is said of the other files of that folder."""
    source = write_ribfrac(tmp_path / "source", some_scans(), parts=1)
    some_scans()["RibFrac1"].image().write(source / "images-1" / "RibFrac1-image.nii")
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2
    assert done.stderr.count("problem: ") == 1
    assert "RibFrac1-image.nii" in done.stderr


def test_no_fracture_anywhere(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", {"a": Scan(), "b": Scan()})
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--folds", "2")
    assert done.returncode == 2
    assert "no fracture in any of 2 cases" in done.stderr


def test_unknown_classes_can_be_accepted(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    _no_tables(source)
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--unknown-classes", "--folds", "2")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "RibFrac1_ins2cls.json").unlink(), "RibFrac1_ins2cls.json: missing"),
        (lambda root: (root / "RibFrac1_instance.nii").unlink(), "RibFrac1_instance.nii.gz: missing"),
        (lambda root: (root / "RibFrac1_ins2cls.json").write_text("[{]"), "not a readable JSON file"),
        (lambda root: (root / "RibFrac1_ins2cls.json").write_text('[{"class": 1}]'), "instance is None"),
        (
            lambda root: (root / "RibFrac1_ins2cls.json").write_text(
                '[{"instance": 1, "class": 1}, {"instance": 2, "class": 5}]'
            ),
            "class 5, outside",
        ),
        (
            lambda root: write_split(root / "dataset.json", [f"RibFrac{n}" for n in (1, 2)], []),
            '"test" is empty',
        ),
        (lambda root: write_split(root / "dataset.json", [], ["RibFrac1"]), '"training" is empty'),
        (
            lambda root: write_split(root / "dataset.json", ["RibFrac3"], ["RibFrac1"]),
            "in the training split",
        ),
        (
            lambda root: write_split(root / "dataset.json", ["RibFrac1", "RibFrac2"], ["RibFrac2"]),
            "RibFrac2 stands in training and in test",
        ),
        (_seed_twin_in_small_letters, "not every system tells case ribfrac1 from RibFrac1"),
        (
            lambda root: (root / "dataset.json").write_text('{"training": 3, "test": []}'),
            '"training" is a int',
        ),
    ],
)
def test_problems_of_the_seeds_layout(tmp_path: Path, damage: Damage, words: str) -> None:
    root = write_seed(tmp_path / "data", some_scans(), ["RibFrac4"])
    damage(root)
    done = ribfrac("prepare", root, "--output", root)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--folds", "1"], "--folds"),
        (["--folds", "9"], "--folds"),
        (["--classes", "one"], "--classes"),
        (["--jobs", "0"], "--jobs"),
        (["--format", "nndetection", "--task", "RibFrac"], "--task"),
        (["--split-file", "none.json"], "none.json"),
        (["--masks", "nowhere"], "no folder"),
        (["--test", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_wrong_options(tmp_path: Path, options: list[str], words: str) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    done = ribfrac("prepare", source, "--output", tmp_path / "out", *options, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr


def test_nothing_to_prepare(tmp_path: Path) -> None:
    done = ribfrac("prepare", tmp_path, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "no case found" in done.stderr


def test_output_over_the_source(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    done = ribfrac("prepare", source, "--output", source)
    assert done.returncode == 2
    assert "is the source" in done.stderr
