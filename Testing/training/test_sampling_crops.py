"""Crops: where their window lies, what padding does, and whether lesions stay where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.training_data import BRIGHT, case_with_boxes, prepared_case
from RibFracTrainingLib.training.data.classes import UNKNOWN, ClassMap
from RibFracTrainingLib.training.data.crops import crop_window, cut_crop
from scipy import ndimage

CLASSES = ClassMap()
sizes = st.tuples(*[st.integers(5, 60)] * 3)


@given(sizes, sizes, st.data())
def test_window_is_inside_and_shifted_at_the_low_side_only(shape, size, data) -> None:
    centre = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    for part, n, wanted, middle in zip(crop_window(shape, centre, size), shape, size, centre, strict=True):
        assert part.start == max(middle - wanted // 2, 0)
        assert part.stop == min(part.start + wanted, n)
        assert part.start <= middle < part.stop


@settings(max_examples=60)
@given(st.data())
def test_crop_shows_the_scan_and_its_lesions(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    """Voxels tell where they come from, so image and mask are compared with the scan itself."""
    shape, size = data.draw(sizes), data.draw(sizes)
    low = [data.draw(st.integers(0, n - 2)) for n in shape]
    high = [data.draw(st.integers(first + 1, n)) for first, n in zip(low, shape, strict=True)]
    case = case_with_boxes(tmp_path_factory.mktemp("case"), [(*low, *high)], size=shape)
    centre = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    crop = cut_crop(case, CLASSES, centre, size)
    window = crop_window(shape, centre, size)
    padding = []
    for part, wanted in zip(window, size, strict=True):
        missing = wanted - (part.stop - part.start)
        padding.append((missing // 2, missing - missing // 2))
    assert crop.image.shape == crop.instances.shape == size
    assert np.array_equal(crop.image, np.pad(case.image()[window], padding, mode="reflect"))
    wanted = np.pad(case.instance_map(CLASSES)[window], padding, mode="reflect") > 0
    assert np.array_equal(crop.instances > 0, wanted)
    assert crop.image.flags.c_contiguous
    assert set(np.unique(crop.instances)) - {0} == set(range(1, len(crop.classes) + 1))


def test_lesion_is_under_the_centre(tmp_path: Path) -> None:
    case = case_with_boxes(tmp_path, [(5, 6, 7, 11, 13, 12), (50, 40, 30, 60, 50, 40)])
    for lesion in case.lesions:
        middle = tuple((a + b) // 2 for a, b in zip(lesion.box[:3], lesion.box[3:], strict=True))
        crop = cut_crop(case, CLASSES, middle, (24, 24, 24))
        assert np.count_nonzero(crop.image == BRIGHT) == np.count_nonzero(crop.instances)
        assert np.count_nonzero(crop.instances) >= lesion.voxels


def test_a_mirrored_copy_apart_is_a_lesion_of_its_own(tmp_path: Path) -> None:
    """A box around a lesion and its distant reflection would hold neither."""
    case = case_with_boxes(tmp_path, [(30, 20, 20, 36, 26, 26)], [-1], size=(40, 50, 40))
    crop = cut_crop(case, CLASSES, (38, 24, 20), (40, 30, 30))
    pieces, count = ndimage.label(crop.image == BRIGHT)
    assert count == 2
    assert crop.classes.tolist() == [UNKNOWN, UNKNOWN]
    for piece in (1, 2):
        assert len(np.unique(crop.instances[pieces == piece])) == 1


def test_a_lesion_at_the_border_and_its_reflection_are_one(tmp_path: Path) -> None:
    case = case_with_boxes(tmp_path, [(34, 20, 20, 40, 26, 26)], size=(40, 50, 40))
    crop = cut_crop(case, CLASSES, (38, 24, 20), (40, 30, 30))
    assert ndimage.label(crop.image == BRIGHT)[1] == 1
    assert len(crop.classes) == 1


@pytest.mark.parametrize("values", [[1, 65535], list(range(1, 700))])
def test_any_values_of_instances(tmp_path: Path, values: list[int]) -> None:
    instances = np.zeros((30, 30, 30), dtype=np.int64)
    instances.reshape(-1)[3 : 3 + 4 * len(values) : 4] = values
    case = prepared_case(tmp_path, np.zeros((30, 30, 30)), instances, dict.fromkeys(values, 2))
    crop = cut_crop(case, CLASSES, (15, 15, 15), (30, 30, 30))
    assert len(crop.classes) == len(values)
    assert crop.instances.max() == len(values)
    assert np.array_equal(case.instance_map(CLASSES), instances)


def test_left_out_classes_are_background(tmp_path: Path) -> None:
    case = case_with_boxes(tmp_path, [(5, 5, 5, 9, 9, 9), (20, 20, 20, 25, 25, 25)], [1, 2])
    crop = cut_crop(case, ClassMap({1: 0, 2: None}), (20, 20, 20), (40, 40, 40))
    assert crop.classes.tolist() == [0]
    assert crop.instances[5:9, 5:9, 5:9].all()
    assert np.count_nonzero(crop.instances) == 4**3


def test_flips_keep_image_and_mask_together(tmp_path: Path) -> None:
    case = case_with_boxes(tmp_path, [(5, 6, 7, 11, 13, 12), (30, 30, 20, 36, 33, 24)])
    crop = cut_crop(case, CLASSES, (25, 25, 20), (50, 50, 40))
    for axes in ((), (0, 1), (2,), (0, 1, 2)):
        flipped = crop.flipped(axes)
        assert np.array_equal(flipped.image == BRIGHT, flipped.instances > 0)
        assert np.array_equal(np.flip(flipped.image, axes), crop.image)
        assert flipped.classes.tolist() == crop.classes.tolist()
