"""Post-processing: spine hull, regions, pairing, ROI lists, masks and findings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.boxes import scored
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.engine.inference.boxes import ScoredBoxes
from RibFracDetectorLib.engine.inference.original import OriginalProcedure
from RibFracDetectorLib.engine.inference.standard import StandardProcedure
from RibFracDetectorLib.engine.results.make_findings import NEAR_SPINE, make_findings, paint_instances
from RibFracDetectorLib.engine.results.pairing import pair_heads
from RibFracDetectorLib.engine.results.regions import Region, label_regions, threshold_and_clean
from RibFracDetectorLib.engine.results.rois import detection_mask, detection_rois
from RibFracDetectorLib.engine.results.spine import spine_hull, spine_or_nothing


def region(box: tuple[int, ...], score: float = 0.7) -> Region:
    """A solid region that fills its box."""
    low, high = np.array(box[:3]), np.array(box[3:])
    return Region(box, tuple((low + high) // 2), score, int(np.prod(high - low)))


def test_spine_hull_is_the_column_and_not_the_ribs() -> None:
    voxels = np.full((120, 120, 60), -1000, np.int16)
    voxels[50:70, 80:100] = 600  # a column over the whole height
    voxels[10:30, 40:60, 20:24] = 600  # a rib: few slices
    hull = spine_hull(voxels)
    assert hull[60, 90]
    assert not hull[20, 50]
    assert 300 <= hull.sum() <= 500


def test_a_hull_of_the_chest_wall_is_no_spine() -> None:
    hull = np.zeros((200, 200), bool)
    hull[50:110, 40:130] = True
    np.testing.assert_array_equal(spine_or_nothing(hull, (0.8, 0.8)), hull)
    assert not spine_or_nothing(hull, (0.8, 1.2)).any(), "108 mm from back to front"
    nothing = np.zeros((20, 20), bool)
    assert not spine_or_nothing(nothing, (0.8, 0.8)).any()


def test_the_hull_of_the_sample_case_is_its_spine_without_the_side_of_the_chest() -> None:
    ct = read_ct(REPOSITORY / "Resources" / "SampleData" / "simulated_chest_image.nii.gz")
    hull = spine_or_nothing(spine_hull(ct.voxels), ct.grid.spacing[:2])
    vertebral_body, side_of_the_chest = (58, 228), (slice(130, None), slice(None))
    assert hull[vertebral_body]
    assert not hull[side_of_the_chest].any()


def test_no_bone_no_spine() -> None:
    assert not spine_hull(np.full((40, 40, 40), -1000, np.int16)).any()


def test_small_pieces_are_dropped_and_regions_measured() -> None:
    probability = np.zeros((40, 40, 40), np.float32)
    probability[5:15, 5:15, 5:15] = 0.8
    probability[30:33, 30:33, 30:33] = 0.9
    probability[20:30, 5:15, 5:15] = 0.5  # at the cutoff, not above it
    mask = threshold_and_clean(probability, 0.5, 100)
    labels, regions = label_regions(mask, probability)
    assert [r.box for r in regions] == [(5, 5, 5, 15, 15, 15)]
    assert regions[0].voxels == 1000
    assert regions[0].score == pytest.approx(0.8)
    assert labels[10, 10, 10] == 1


def test_pieces_that_touch_at_a_corner_are_one_region() -> None:
    mask = np.zeros((10, 10, 10), bool)
    mask[:5, :5, :5] = mask[5:, 5:, 5:] = True
    assert len(label_regions(mask, mask.astype(np.float32))[1]) == 1


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**31))
def test_every_detection_and_region_appears_once(n_boxes: int, n_regions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 20, (n_boxes, 3))
    detections = scored(
        np.hstack([low, low + random.uniform(2, 10, (n_boxes, 3)), random.random((n_boxes, 1))])
    )
    starts = random.integers(0, 20, (n_regions, 3))
    regions = [region((*start.tolist(), *(start + random.integers(2, 10, 3)).tolist())) for start in starts]
    pairs = pair_heads(detections, regions)
    assert sorted(p.detection for p in pairs if p.detection is not None) == list(range(n_boxes))
    assert sorted(p.region for p in pairs if p.region is not None) == list(range(n_regions))


def test_the_closest_region_is_paired() -> None:
    detections = scored(np.array([[0, 0, 0, 10, 10, 10, 0.9]], np.float32))
    regions = [region((4, 4, 4, 6, 6, 6)), region((0, 0, 0, 10, 10, 9)), region((30, 30, 30, 35, 35, 35))]
    pairs = pair_heads(detections, regions)
    assert [(p.detection, p.region) for p in pairs] == [(0, 1), (None, 0), (None, 2)]


def test_findings_that_both_heads_show_come_first_sorted_numbered_and_flagged() -> None:
    detections = scored(np.array([[0, 0, 0, 10, 10, 10, 0.6], [40, 40, 0, 50, 50, 10, 0.9]], np.float32))
    regions = [region((1, 1, 1, 9, 9, 9), 0.8), region((20, 20, 20, 25, 25, 25), 0.7)]
    spine = np.zeros((60, 60), bool)
    spine[40:50, 40:50] = True
    grid = Grid((60, 60, 60), (0.5, 0.5, 2.0), origin=(10.0, 20.0, 30.0))
    findings, id_of_label = make_findings(detections, regions, spine, grid)
    assert [(f.id, f.head, f.score) for f in findings] == [
        (1, "both", pytest.approx((0.6 + 0.8 * 256 / 456) / 2)),
        (2, "det", pytest.approx(0.45)),
        (3, "seg", pytest.approx(0.7 * 62.5 / 262.5 / 2)),
    ]
    scores = [(f.det_score and round(f.det_score, 2), f.seg_score) for f in findings]
    assert scores == [(0.6, 0.8), (0.9, None), (None, 0.7)]
    assert [f.flags for f in findings] == [(), (NEAR_SPINE,), ()]
    assert id_of_label == {1: 1, 2: 3}
    assert findings[0].volume_mm3 == pytest.approx(512 * 0.5)
    assert findings[1].volume_mm3 is None
    assert findings[1].box_ras.center == pytest.approx((-10 - 45 * 0.5, -20 - 45 * 0.5, 30 + 5 * 2.0))
    labels = np.zeros((60, 60, 60), np.int32)
    labels[1:9, 1:9, 1:9], labels[20:25, 20:25, 20:25] = 1, 2
    instances = paint_instances(labels, id_of_label)
    assert instances.dtype == np.uint16
    assert (instances[5, 5, 5], instances[22, 22, 22], instances[0, 0, 0]) == (1, 3, 0)


def test_the_spine_is_looked_up_by_x_then_y() -> None:
    detections = scored(np.array([[40, 4, 0, 50, 14, 10, 0.6], [4, 40, 0, 14, 50, 10, 0.9]], np.float32))
    spine = np.zeros((60, 60), bool)
    spine[40:50, 0:20] = True
    findings, _ = make_findings(detections, [], spine, Grid((60, 60, 60), (1.0, 1.0, 1.0)))
    assert {round(f.det_score, 1): f.flags for f in findings} == {0.6: (NEAR_SPINE,), 0.9: ()}


@pytest.mark.parametrize(("shift", "pairs"), [(0.0, 1), (0.1, 2)])
@pytest.mark.parametrize("low", [-30.0, 8.0], ids=["centre of the region", "centre of the detection"])
def test_a_centre_on_the_border_is_inside(low: float, shift: float, pairs: int) -> None:
    """The region reaches from 0 to 10; the other centre is far from either box's."""
    high = 5.0 - shift if low < 0 else 12.0 + 2 * shift
    detections = scored(np.array([[low, 0, 0, high, 10, 10, 0.9]]))
    assert len(pair_heads(detections, [region((0, 0, 0, 10, 10, 10))])) == pairs


def test_pieces_of_just_enough_voxels_are_kept() -> None:
    probability = np.zeros((20, 20, 20), np.float32)
    probability[2:7, 2:6, 2:7] = 0.8
    assert threshold_and_clean(probability, 0.5, 100).sum() == 100
    assert not threshold_and_clean(probability, 0.5, 101).any()


def test_a_region_of_few_voxels_is_little_evidence() -> None:
    nothing = scored(np.zeros((0, 7), np.float32))
    speck, piece = region((0, 0, 0, 3, 3, 3), 0.95), region((20, 20, 20, 30, 30, 30), 0.85)
    grid = Grid((60, 60, 60), (0.8, 0.8, 1.5))
    findings, id_of_label = make_findings(nothing, [speck, piece], np.zeros((60, 60), bool), grid)
    assert id_of_label == {2: 1, 1: 2}
    assert [f.seg_score for f in findings] == [0.85, 0.95]
    finer = Grid((60, 60, 60), (0.4, 0.4, 0.75))
    smaller, _ = make_findings(nothing, [speck, piece], np.zeros((60, 60), bool), finer)
    assert all(small.score < large.score for small, large in zip(smaller, findings, strict=True))


def test_standard_paints_the_best_box_on_top_and_original_does_not() -> None:
    detections = scored(np.array([[0, 0, 0, 8, 8, 8, 0.9], [2, 2, 2, 10, 10, 10, 0.3]], np.float32))
    painted = {
        procedure.name: detection_mask(detections, procedure.painting_order(detections), (12, 12, 12))[
            4, 4, 4
        ]
        for procedure in (StandardProcedure(), OriginalProcedure())
    }
    assert painted == {"standard": 90, "original": 30}


def test_detection_mask_holds_score_and_class() -> None:
    detections = ScoredBoxes(
        np.array([[-2, 0.5, 1.5, 3.4, 2, 40]], np.float32), np.array([0.456], np.float32), np.array([2])
    )
    mask = detection_mask(detections, [0], (6, 6, 6))
    assert set(np.unique(mask)) == {0, 246}
    # Python's rounding: 0.5 to 0, 1.5 to 2.
    assert [tuple(axis) for axis in np.array(np.nonzero(mask)).min(axis=1, keepdims=True).T.tolist()] == [
        (0, 0, 2)
    ]
    assert np.count_nonzero(mask) == 3 * 2 * 4


def test_rois_rank_within_their_class() -> None:
    detections = ScoredBoxes(
        np.tile(np.array([0, 0, 0, 2, 2, 2], np.float32), (3, 1)),
        np.array([0.9, 0.8, 0.7], np.float32),
        np.array([0, 1, 0]),
    )
    assert [(roi["class"], roi["instance"]) for roi in detection_rois(detections)] == [(0, 1), (1, 1), (0, 2)]
