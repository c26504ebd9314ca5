"""The original's helper functions and ours give the same numbers (golden_common)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ribfrac_testing.boxes import scored
from ribfrac_testing.reference import Golden
from RibFracDetectorLib.engine.inference.blending import LastWindowBlend, WeightedBlend, window_margin
from RibFracDetectorLib.engine.inference.caps import Caps
from RibFracDetectorLib.engine.inference.original import OriginalProcedure
from RibFracDetectorLib.engine.inference.sliding_window import merge_windows
from RibFracDetectorLib.engine.inference.spacing import adaptive_spacings, resample, respaced_size
from RibFracDetectorLib.engine.inference.views import FLIP_AXES, ViewGrid
from RibFracDetectorLib.engine.inference.windows import gaussian_importance, window_starts
from RibFracDetectorLib.engine.results.regions import label_regions, threshold_and_clean
from RibFracDetectorLib.engine.results.rois import detection_rois, segmentation_rois
from RibFracDetectorLib.engine.results.spine import spine_hull
from RibFracDetectorLib.engine.settings import InferenceSettings, resolve_settings

pytestmark = pytest.mark.reference
PUBLISHED = resolve_settings("original")


def test_spacing_rule(golden_common: Golden) -> None:
    for case in golden_common.facts["find_target_spacing"]:
        chosen = adaptive_spacings(case["spacing"], PUBLISHED.spacing_range)
        assert len(chosen) == len(case["out"])
        for ours, theirs in zip(chosen, case["out"], strict=True):
            assert (ours is None) == (theirs is None)
            if theirs is not None:
                np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_respacing(golden_common: Golden) -> None:
    arrays = golden_common.arrays("common")
    for index, case in enumerate(golden_common.facts["resample"]):
        source = arrays[f"resample{index}_in"]
        size = respaced_size(source.shape, case["spacing"], case["target"])
        assert list(size) == case["out_shape"]
        step = np.divide(case["target"], case["spacing"])
        np.testing.assert_allclose(resample(source, step, size), arrays[f"resample{index}_out"], atol=0.01)


def test_importance_map(golden_common: Golden) -> None:
    arrays, facts = golden_common.arrays("common"), golden_common.facts["importance_map"]
    roi_size = tuple(len(arrays[f"imap_axis{axis}"]) for axis in range(3))
    weights = gaussian_importance(roi_size, PUBLISHED.sigma_scale).numpy()
    x, y, z = (n // 2 for n in roi_size)
    np.testing.assert_allclose(weights[:, y, z], arrays["imap_axis0"], atol=1e-5)
    np.testing.assert_allclose(weights[x, :, z], arrays["imap_axis1"], atol=1e-5)
    np.testing.assert_allclose(weights[x, y, :], arrays["imap_axis2"], atol=1e-5)
    np.testing.assert_allclose(weights[::8, ::8, ::8], arrays["imap_ds8"], atol=1e-5)
    np.testing.assert_allclose(weights.min(), facts["min"], rtol=1e-3)
    np.testing.assert_allclose(weights.sum(), facts["sum"], rtol=1e-5)


def test_window_starts(golden_common: Golden) -> None:
    roi_size = _patch_of(golden_common)
    for case in golden_common.facts["windows"]:
        starts = [list(start) for start in window_starts(case["shape"], roi_size, PUBLISHED.overlap)]
        assert len(starts) == case["n"]
        assert starts[: len(case["first5"])] == case["first5"]
        assert starts[-1] == case["last"]
        for axis, expected in enumerate(case["starts_per_axis"]):
            assert sorted({start[axis] for start in starts}) == expected


@pytest.mark.parametrize(
    ("blend_class", "key"),
    [(LastWindowBlend, "ens_seg_original"), (WeightedBlend, "ens_seg_proper_blend")],
)
def test_segmentation_merge(golden_common: Golden, blend_class: type, key: str) -> None:
    arrays, facts = golden_common.arrays("common"), golden_common.facts["ensemble_seg"]
    patch = tuple(facts["patch"])
    blend = blend_class(facts["image_size"], gaussian_importance(patch, PUBLISHED.sigma_scale))
    for start, margin in zip(
        facts["starts"], window_margin(torch.from_numpy(arrays["ens_tiles"]), patch), strict=True
    ):
        blend.add(start, margin)
    expected = arrays[key][1] - arrays[key][0]
    np.testing.assert_allclose(blend.result().numpy(), expected, atol=1e-5, rtol=1e-5)


def test_whole_image_box_merge(golden_common: Golden) -> None:
    arrays, facts = golden_common.arrays("common"), golden_common.facts["merge"]
    merged = merge_windows([scored(arrays["merge_boxes_in"])], facts["image_size"], PUBLISHED, Caps())
    np.testing.assert_allclose(merged.boxes, arrays["merge_boxes_out"][:, :6], atol=1e-5)
    np.testing.assert_allclose(merged.scores, arrays["merge_boxes_out"][:, 6], atol=1e-5)


def test_boxes_back_to_the_scan(golden_common: Golden) -> None:
    arrays, facts = golden_common.arrays("common"), golden_common.facts
    found, size = scored(arrays["merge_boxes_out"]), tuple(facts["merge"]["image_size"])
    origin_size = _origin_size_behind(golden_common)
    for index, case in enumerate(facts["offset_preprocess4detect"]):
        resampled = case["new_pixdim"] is not None
        grid = ViewGrid(
            origin_size=origin_size if resampled else size,
            resized_size=size,
            padded_size=size,
            step=(0.5, 0.5, 0.5) if resampled else (1.0, 1.0, 1.0),  # the original uses the sizes alone
            flip_axes=FLIP_AXES[case["direction"]] if case["flip"] else (),
        )
        ours = OriginalProcedure().boxes_to_scan(found, grid)
        np.testing.assert_allclose(ours.boxes, arrays[f"offset{index}"][:, :6], atol=1e-5, rtol=1e-6)


def test_spine_and_small_pieces(golden_common: Golden) -> None:
    arrays = golden_common.arrays("common")
    spine = spine_hull(arrays["pp_ct"])
    np.testing.assert_array_equal(spine, arrays["pp_spine2d"])
    probability = OriginalProcedure().exclude_spine(arrays["pp_prob"], spine)
    mask = threshold_and_clean(probability, PUBLISHED.cutoff, PUBLISHED.min_seg_voxels)
    np.testing.assert_allclose(np.where(mask, probability, 0), arrays["pp_out"], atol=1e-5)
    _, regions = label_regions(mask, probability)
    for ours, theirs in zip(segmentation_rois(regions), golden_common.facts["seg_rois"], strict=True):
        assert {**ours, "prob": None} == {**theirs, "prob": None}
        assert ours["prob"] == pytest.approx(theirs["prob"], abs=1e-5)


def test_detection_list(golden_common: Golden) -> None:
    for case in golden_common.facts["cases"]:
        ours = detection_rois(scored(np.asarray(case["pred"], np.float32).reshape(-1, 7)))
        for our_roi, their_roi in zip(ours, case["det_rois"], strict=True):
            assert (our_roi["instance"], our_roi["class"]) == (their_roi["instance"], their_roi["class"])
            for field in ("bbox", "center", "prob"):
                np.testing.assert_allclose(our_roi[field], their_roi[field], atol=1e-5)


def _patch_of(golden_common: Golden) -> tuple[int, ...]:
    arrays = golden_common.arrays("common")
    return tuple(len(arrays[f"imap_axis{axis}"]) for axis in range(3))


def _origin_size_behind(golden_common: Golden) -> tuple[int, ...]:
    """The scan size of the resampled cases, which the golden data does not state: from an unflipped case."""
    arrays, facts = golden_common.arrays("common"), golden_common.facts
    index = next(
        index
        for index, case in enumerate(facts["offset_preprocess4detect"])
        if case["new_pixdim"] is not None and not case["flip"]
    )
    before, after = arrays["merge_boxes_out"][:, 3:6], arrays[f"offset{index}"][:, 3:6]
    size = np.asarray(facts["merge"]["image_size"])
    return tuple(int(n) for n in np.round((after.sum(axis=0) / before.sum(axis=0)) * size))


def test_defaults_are_the_published_ones() -> None:
    assert InferenceSettings() == resolve_settings("original", preset="published")
