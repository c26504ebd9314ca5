"""Views and the way back to the scan: a structure seen in a view must land where it is in the scan."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.boxes import scored
from RibFracDetectorLib.case.errors import RibFracError
from RibFracDetectorLib.engine.inference.original import OriginalProcedure
from RibFracDetectorLib.engine.inference.running_mean import RunningMean
from RibFracDetectorLib.engine.inference.spacing import (
    adaptive_spacings,
    nearest_spacing,
    resample,
    respaced_size,
)
from RibFracDetectorLib.engine.inference.standard import StandardProcedure
from RibFracDetectorLib.engine.inference.views import FLIP_AXES, View, list_views, make_view, plan_view

ROI = (48, 48, 48)
NO_PADDING = (8, 8, 8)
SPACINGS = st.tuples(*[st.floats(0.6, 1.4)] * 3)
FLIPS = st.sampled_from([None, *FLIP_AXES])


def blob(size: tuple[int, int, int], center: tuple[float, ...], sigma: float) -> np.ndarray:
    """A Gaussian hill of height 1000."""
    axes = np.meshgrid(*[np.arange(n, dtype=np.float32) for n in size], indexing="ij")
    distance = sum((axis - c) ** 2 for axis, c in zip(axes, center, strict=True))
    return (1000 * np.exp(-distance / (2 * sigma**2))).astype(np.float32)


def center_of_mass(image: np.ndarray) -> np.ndarray:
    """Weighted mean position in voxels."""
    total = image.sum(dtype=np.float64)
    return np.array([(image.sum(axis=axes, dtype=np.float64) * np.arange(n)).sum() / total
                     for axes, n in zip([(1, 2), (0, 2), (0, 1)], image.shape, strict=True)])  # fmt: skip


@settings(max_examples=25)
@given(SPACINGS, SPACINGS, FLIPS)
def test_a_blob_comes_back_to_its_place(own: tuple, wanted: tuple, flip: str | None) -> None:
    size, center = (40, 36, 44), (17.0, 20.0, 23.0)
    scan = blob(size, center, 3.0)
    grid = plan_view(size, own, View(wanted, flip), NO_PADDING)
    view = make_view(scan, grid)
    peak = np.array(np.unravel_index(view.argmax(), view.shape), float)
    box = np.concatenate([peak - 2, peak + 2, [0.9]])
    standard = StandardProcedure()
    back = standard.boxes_to_scan(scored(box[None]), grid)
    found = (back.boxes[0, :3] + back.boxes[0, 3:]) / 2
    assert np.abs(found - center).max() <= 0.5 * max(1.0, *grid.step) + 1e-3
    margin = standard.probability_on_scan(torch.from_numpy(view.copy() / 100 - 5), grid)
    assert margin.shape == size
    assert np.abs(center_of_mass(margin) - center_of_mass(1 / (1 + np.exp(5 - scan / 100)))).max() < 0.12


def test_boxes_centred_in_the_padding_are_dropped() -> None:
    grid = plan_view((40, 48, 48), (1, 1, 1), View(None, "diagonal"), ROI)
    # Padding is at the end of x; after the flip it lies at the start.
    boxes = scored(np.array([[1, 10, 10, 5, 14, 14, 0.9], [20, 10, 10, 24, 14, 14, 0.8]], np.float32))
    back = StandardProcedure().boxes_to_scan(boxes, grid)
    assert back.scores.tolist() == [pytest.approx(0.8)]
    assert back.boxes[0].tolist() == [23, 33, 10, 27, 37, 14]
    assert len(OriginalProcedure().boxes_to_scan(boxes, grid)) == 2


def test_boxes_beyond_the_border_are_dropped() -> None:
    """Cut at the border they would have no extent."""
    grid = plan_view((48, 48, 48), (1, 1, 1), View(None, None), ROI)
    boxes = scored(np.array([[-10, 20, 20, -2, 30, 30, 0.9], [-2, 20, 20, 6, 30, 30, 0.8]], np.float32))
    back = StandardProcedure().boxes_to_scan(boxes, grid)
    assert back.boxes.tolist() == [[0, 20, 20, 6, 30, 30]]


def test_padding_is_cropped_from_the_map() -> None:
    grid = plan_view((40, 48, 44), (1, 1, 1), View(None, None), ROI)
    margin = torch.zeros(grid.padded_size)
    assert StandardProcedure().probability_on_scan(margin, grid).shape == (40, 48, 44)
    assert OriginalProcedure().probability_on_scan(margin, grid).shape == ROI


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6))
def test_mean_of_maps(values: list[float]) -> None:
    mean = RunningMean()
    for value in values:
        mean.add(np.full((2, 2, 2), value, np.float32))
    np.testing.assert_allclose(mean.result(), np.mean(values), atol=1e-6)


def test_maps_of_two_sizes_are_named_instead_of_crashing() -> None:
    mean = RunningMean()
    mean.add(np.zeros((2, 2, 2), np.float32))
    with pytest.raises(RibFracError, match="use --mode standard"):
        mean.add(np.zeros((3, 2, 2), np.float32))


def test_every_spacing_is_seen_unflipped_first() -> None:
    views = list_views([(1.0, 1.0, 1.0), None], ["headfeet"])
    assert [(view.spacing is None, view.flip) for view in views] == [
        (False, None),
        (False, "headfeet"),
        (True, None),
        (True, "headfeet"),
    ]


@given(st.tuples(*[st.floats(0.3, 5)] * 3))
def test_adaptive_spacing_ends_inside_the_range(spacing: tuple) -> None:
    trained = ((0.725, 0.825), (0.725, 0.825), (0.94, 1.26))
    *moved, native = adaptive_spacings(spacing, trained)
    assert native is None
    for target in moved:
        assert all(low <= value <= high for value, (low, high) in zip(target, trained, strict=True))


def test_the_nearest_spacing_is_the_border_of_the_range_on_each_axis() -> None:
    trained = ((0.725, 0.825), (0.725, 0.825), (0.94, 1.26))
    assert nearest_spacing((0.6, 0.8, 2.0), trained) == [(0.725, 0.8, 1.26)]
    assert nearest_spacing((0.725, 0.825, 1.0), trained) == [None], "inside, the scan's own"


@pytest.mark.parametrize(
    ("low", "high", "blank"), [(40, 40, True), (-1024, -501, True), (-1024, -500, False), (40, 41, False)]
)
def test_air_alone_and_a_single_value_are_blank(low: int, high: int, blank: bool) -> None:
    voxels = np.full((4, 4, 4), low, np.int16)
    voxels[1, 2, 3] = high
    assert StandardProcedure().is_blank(voxels) == blank
    assert not OriginalProcedure().is_blank(voxels), "the original asks about everything"


def test_resampling_reproduces_a_ramp_and_clamps_beyond_the_border() -> None:
    ramp = np.broadcast_to(np.arange(10, dtype=np.int16)[:, None, None] * 10, (10, 4, 4))
    size = respaced_size(ramp.shape, (1.0, 1.0, 1.0), (0.7, 1.0, 1.0))
    result = resample(ramp, (0.7, 1.0, 1.0), size)
    expected = np.minimum(np.arange(size[0]) * 7.0, 90.0)
    np.testing.assert_allclose(result[:, 2, 1], expected, atol=1e-3)
    assert (size[0] - 1) * 0.7 > 9, "the last sample lies beyond the last voxel"
