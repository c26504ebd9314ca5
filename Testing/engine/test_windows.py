"""Window starts, importance maps and the blending of windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from RibFracDetectorLib.engine.inference.blending import (
    LastWindowBlend,
    WeightedBlend,
    window_margin,
    window_slices,
)
from RibFracDetectorLib.engine.inference.windows import (
    axis_starts,
    constant_importance,
    gaussian_importance,
    window_starts,
)

ROI = (32, 32, 32)


@given(st.integers(1, 300), st.integers(1, 80), st.floats(0, 0.95))
def test_windows_cover_an_axis(extent: int, window: int, overlap: float) -> None:
    extent = max(extent, window)
    starts = axis_starts(extent, window, overlap)
    covered = np.zeros(extent, bool)
    for start in starts:
        assert 0 <= start <= extent - window
        covered[start : start + window] = True
    assert covered.all()
    assert starts == sorted(set(starts))


def test_gaussian_is_symmetric_about_its_peak() -> None:
    weights = gaussian_importance((48, 32, 32), 0.125)
    assert weights.max() == weights[24, 16, 16] == 1
    torch.testing.assert_close(weights[1:], weights[1:].flip(0), atol=1e-6, rtol=1e-4)
    assert (weights > 0).all()


def test_overlapping_windows_agree_with_a_weighted_mean() -> None:
    size = (48, 40, 32)
    importance = gaussian_importance(ROI, 0.125)
    blend = WeightedBlend(size, importance)
    numerator, denominator = torch.zeros(size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
    for start in window_starts(size, ROI, 0.4):
        margin = torch.randn(ROI, generator=torch.Generator().manual_seed(sum(start)))
        blend.add(start, margin)
        numerator[window_slices(start, ROI)] += (margin * importance).double()
        denominator[window_slices(start, ROI)] += importance.double()
    torch.testing.assert_close(blend.result().double(), numerator / denominator, atol=1e-4, rtol=1e-4)


def test_the_originals_defect_is_kept_apart() -> None:
    """In an overlap the original shows the last window alone, shrunk; the mean shows both."""
    importance = constant_importance(ROI, 0.125)
    blends = [blend((48, 32, 32), importance) for blend in (WeightedBlend, LastWindowBlend)]
    for blend in blends:
        blend.add((0, 0, 0), torch.full(ROI, 4.0))
        blend.add((16, 0, 0), torch.full(ROI, -2.0))
    mean, last = (blend.result()[24, 0, 0].item() for blend in blends)
    assert mean == pytest.approx(1.0)
    assert last == pytest.approx(-1.0)


def test_margin_is_the_logit_of_softmax() -> None:
    logits = torch.randn(2, 2, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    resized = torch.nn.functional.interpolate(logits, size=ROI, mode="trilinear", align_corners=False)
    torch.testing.assert_close(window_margin(logits, ROI).sigmoid(), resized.softmax(dim=1)[:, 1])


def test_a_window_with_nan_is_background() -> None:
    logits = torch.zeros(2, 2, 16, 16, 16)
    logits[0, 0, 3, 3, 3] = float("nan")
    probability = window_margin(logits, ROI).sigmoid()
    assert probability[0].max() < 1e-6
    assert probability[1].min() == 0.5
