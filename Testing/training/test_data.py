"""A prepared data set as training opens it: everything wrong is told at the start, in one error."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.training_data import case_with_boxes, write_split
from RibFracDetectorLib.case.dataset import DatasetError, read_split_file
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.split import fold_of_cases, open_split, shard, without_fold
from RibFracTrainingLib.training.data.tiny import TinySettings, make_tiny_dataset
from scipy import ndimage

CLASSES = ClassMap()
TINY = TinySettings(training=4, test=2, size=(72, 72, 60))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_tiny_dataset(tmp_path / "tiny", TINY)


def problems_of(root: Path, classes: ClassMap = CLASSES, split: str = "training") -> tuple[str, ...]:
    with pytest.raises(DatasetError) as error:
        open_split(root, split, classes)
    assert error.value.exit_status == 2
    assert "\n" not in str(error.value)
    assert all(problem in str(error.value) for problem in error.value.problems)
    return error.value.problems


def test_a_split_is_opened(tiny: Path) -> None:
    cases = open_split(tiny, "training", CLASSES)
    assert len(cases) == TINY.training
    assert len(open_split(tiny, "test", CLASSES)) == TINY.test
    assert sum(not case.lesions for case in cases) == TINY.fracture_free
    for case in pickle.loads(pickle.dumps(cases)):
        mask = case.instance_map(CLASSES)
        assert mask.shape == case.image().shape == TINY.size
        assert len(case.boxes(CLASSES)) == len(np.unique(mask)) - 1
        ct = case.ct()
        assert np.array_equal(ct.voxels, case.image())
        assert ct.grid.spacing == TINY.spacing


def test_tiny_scans_are_marked_seeded_and_show_their_fractures(tmp_path: Path) -> None:
    roots = [make_tiny_dataset(tmp_path / name, TINY, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    first, second, other = (open_split(root, "training", CLASSES) for root in roots)
    assert {case.data for case in first} == {"simulated"}
    for a, b, c in zip(first, second, other, strict=True):
        assert np.array_equal(a.image(), b.image())
        assert a.lesions == b.lesions
        assert not np.array_equal(a.image(), c.image())
    for case in first:
        mask = case.instance_map(CLASSES)
        dense = np.asarray(case.image()) > 1200
        assert not (dense & ~ndimage.binary_dilation(mask > 0, iterations=1)).any()
        for lesion in case.lesions:
            assert (dense & (mask == lesion.instance)).any()
            pieces = ndimage.label(mask == lesion.instance, np.ones((3, 3, 3)))[1]
            assert pieces == 1


def test_all_problems_at_once(tiny: Path) -> None:
    """A lost array, a truncated one, one of another size, a damaged index, a case never prepared."""
    names = read_split_file(tiny / "dataset.json")["training"]
    (case_folder(tiny, names[0]) / "image.npy").unlink()
    whole = (case_folder(tiny, names[1]) / "image.npy").read_bytes()
    (case_folder(tiny, names[1]) / "image.npy").write_bytes(whole[: len(whole) // 2])
    np.save(case_folder(tiny, names[2]) / "lesion_voxels.npy", np.zeros((3, 4), np.uint16))
    (case_folder(tiny, names[3]) / "case.json").write_text("{}")
    write_split(tiny / "dataset.json", [*names, "part/stranger"], [])
    problems = problems_of(tiny)
    assert len(problems) == len(names) + 1
    for name in [*names, "stranger"]:
        assert any(name in problem for problem in problems)


def test_image_of_another_size(tmp_path: Path) -> None:
    case = case_with_boxes(tmp_path, [(2, 2, 2, 8, 8, 8)])
    write_split(tmp_path / "dataset.json", ["case"], [])
    np.save(case.folder / "image.npy", np.zeros((10, 10, 10), np.int16))
    assert "(10, 10, 10)" in problems_of(tmp_path)[0]


def test_class_outside_the_map(tmp_path: Path) -> None:
    case_with_boxes(tmp_path, [(2, 2, 2, 8, 8, 8), (20, 20, 20, 25, 25, 25)], [1, 5])
    write_split(tmp_path / "dataset.json", ["case"], [])
    (problem,) = problems_of(tmp_path)
    assert "class 5" in problem
    assert "instance 20" in problem
    assert "1, 2, 3, 4, 7" in problem
    assert open_split(tmp_path, "training", ClassMap({1: 0, 5: None}))


@pytest.mark.parametrize("labels", [[], [5]])
def test_no_fracture_anywhere(tmp_path: Path, labels: list[int]) -> None:
    case_with_boxes(tmp_path, [(2, 2, 2, 8, 8, 8)] * len(labels), labels)
    write_split(tmp_path / "dataset.json", ["case"], ["other"])
    classes = ClassMap({1: 0, 5: None})
    assert "no fracture" in problems_of(tmp_path, classes)[0]


def test_empty_split(tiny: Path) -> None:
    write_split(tiny / "dataset.json", read_split_file(tiny / "dataset.json")["training"], [])
    assert "empty" in problems_of(tiny, split="test")[0]


@pytest.mark.parametrize("content", ["[]", "{}", '{"training": [1], "test": []}', "no json"])
def test_unreadable_split(tiny: Path, content: str) -> None:
    (tiny / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset\.json"):
        open_split(tiny, "training", CLASSES)
    (tiny / "dataset.json").unlink()
    with pytest.raises(InputError, match=r"dataset\.json"):
        open_split(tiny, "training", CLASSES)


def test_another_version_is_told(tiny: Path) -> None:
    path = case_folder(tiny, "tiny000") / "case.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    assert "version 99" in problems_of(tiny)[0]


def test_sample_rate_draws_the_same_cases_each_time(tiny: Path) -> None:
    half = [case.case_id for case in open_split(tiny, "training", CLASSES, sample_rate=0.5)]
    assert len(half) == 2
    assert half == sorted(half)
    names = read_split_file(tiny / "dataset.json")
    write_split(tiny / "dataset.json", names["training"][::-1], names["test"])
    assert half == [case.case_id for case in open_split(tiny, "training", CLASSES, sample_rate=0.5)]
    draws = {
        tuple(case.case_id for case in open_split(tiny, "training", CLASSES, sample_rate=0.5, seed=seed))
        for seed in range(20)
    }
    assert len(draws) > 1
    assert len(open_split(tiny, "test", CLASSES, sample_rate=0.01)) == 1
    for rate in (0.0, 1.5):
        with pytest.raises(ValueError, match="sample rate"):
            open_split(tiny, "training", CLASSES, sample_rate=rate)


@given(st.integers(0, 40), st.integers(1, 9))
def test_shards_are_a_partition(count: int, world: int) -> None:
    items = list(range(count))
    parts = [shard(items, rank, world) for rank in range(world)]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(
    st.dictionaries(st.text("abc123", min_size=1), st.booleans(), min_size=5),
    st.integers(2, 5),
    st.integers(),
)
def test_folds(has_lesions: dict[str, bool], folds: int, seed: int) -> None:
    fold_of = fold_of_cases(has_lesions, folds, seed)
    assert fold_of == fold_of_cases(dict(reversed(has_lesions.items())), folds, seed)
    sides = [without_fold(fold_of, fold) for fold in range(folds)]
    assert sorted(name for _, test in sides for name in test) == sorted(has_lesions)
    for training, test in sides:
        assert sorted(training + test) == sorted(has_lesions)
    for kind in (True, False):
        counts = [sum(has_lesions[name] is kind for name in test) for _, test in sides]
        assert max(counts) - min(counts) <= 1, "both kinds of scans are dealt out evenly"


def test_another_seed_is_another_split() -> None:
    cases = {f"case{number}": True for number in range(30)}
    assert len({tuple(sorted(fold_of_cases(cases, 5, seed).items())) for seed in range(5)}) == 5


@pytest.mark.parametrize("change", [{"training": 0}, {"fracture_free": 4}, {"fractures": (3, 1)}])
def test_impossible_tiny_settings(change: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        TinySettings(**change)
