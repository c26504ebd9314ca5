"""The golden patches: every stage of the network, decoded boxes and what NMS leaves are the original's.

The tests of one patch share a run of the network, so they stand in one file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.golden_volumes import assert_same_boxes
from ribfrac_testing.networks import GoldenRun
from RibFracDetectorLib.engine.inference.caps import Caps
from RibFracDetectorLib.engine.inference.sliding_window import candidate_boxes, window_detections
from RibFracDetectorLib.engine.network import Architecture, build_network
from RibFracDetectorLib.engine.settings import resolve_settings

pytestmark = pytest.mark.reference
PUBLISHED = resolve_settings("original")
TOLERANCE = 1e-3
HALF_TOLERANCE = 2e-2  # one unit in the last place of a float16 below 32
RUNS = (
    "golden_stages_s_small",
    pytest.param("golden_stages_s_full", marks=pytest.mark.slow),
    "golden_stages_d_small",
    pytest.param("golden_stages_d_full", marks=pytest.mark.slow),
)


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest) -> GoldenRun:
    return request.getfixturevalue(request.param)


def test_samples_of_every_stage(run: GoldenRun) -> None:
    sampled = [key for key in run.arrays if key.endswith("_sample")]
    assert any(key.startswith("neck0") for key in sampled)
    for key in sampled:
        ours = run.stages[key.removesuffix("_sample")].sample
        np.testing.assert_allclose(ours, run.arrays[key], rtol=0, atol=TOLERANCE, err_msg=key)


def test_statistics_of_every_stage(run: GoldenRun) -> None:
    assert set(run.facts["stats"]) == set(run.stages)
    for stage, theirs in run.facts["stats"].items():
        ours = run.stages[stage].stats
        for name in ("mean", "std", "min", "max"):
            assert ours[name] == pytest.approx(theirs[name], rel=0, abs=TOLERANCE), f"{name} of {stage}"
        assert ours["abssum"] == pytest.approx(theirs["abssum"], rel=1e-4), f"abssum of {stage}"


def test_complete_maps(run: GoldenRun) -> None:
    tensors = {
        **{f"cls{i}": tensor for i, tensor in enumerate(run.raw.class_logits)},
        **{f"reg{i}": tensor for i, tensor in enumerate(run.raw.box_deltas)},
        "seg": run.raw.seg_logits,
    }
    complete = [key for key in tensors if key in run.arrays]
    assert complete
    for key in complete:
        theirs = run.arrays[key]
        atol = HALF_TOLERANCE if theirs.dtype == np.float16 else TOLERANCE
        np.testing.assert_allclose(tensors[key].numpy(), theirs, rtol=0, atol=atol, err_msg=key)


def test_boxes_before_nms(run: GoldenRun) -> None:
    ours = candidate_boxes(run.raw, 0, PUBLISHED.nms_pre)
    assert len(ours) == len(run.arrays["pre_scores"])
    np.testing.assert_allclose(np.sort(ours.scores), np.sort(run.arrays["pre_scores"]), atol=1e-4)
    # Rows of nearly equal scores may change places, so the nearest box is the partner.
    for box, score in zip(run.arrays["pre_boxes"], run.arrays["pre_scores"], strict=True):
        distance = np.abs(ours.boxes - box).max(axis=1)
        distance[np.abs(ours.scores - score) > 1e-4] = np.inf
        assert distance.min() <= 0.01


def test_boxes_after_nms(run: GoldenRun) -> None:
    kept = window_detections(run.raw, 0, PUBLISHED, Caps())
    ours = np.column_stack([kept.boxes, kept.scores])
    assert_same_boxes(ours, run.arrays["nms_boxes"], PUBLISHED.nms_iou)
    assert (kept.classes == 0).all()


@pytest.mark.parametrize("architecture", ["S", "D"])
def test_keys_shapes_and_order_of_the_state_dict(architecture: Architecture, reference: Path) -> None:
    lines = (reference / f"state_dict_{architecture}.tsv").read_text().splitlines()[1:]
    expected = [(key, shape) for _, key, shape, *_ in (line.split("\t") for line in lines)]
    ours = [
        (key, "x".join(map(str, tensor.shape)) or "scalar")
        for key, tensor in build_network(architecture).state_dict().items()
    ]
    assert ours == expected
