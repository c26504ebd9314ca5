"""The network gives the original's numbers at every stage (golden_S, golden_D), within its tolerances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.networks import GoldenRun
from RibFracDetectorLib.engine.network import Architecture, build_network

pytestmark = [pytest.mark.reference, pytest.mark.xdist_group("golden patches")]
TOLERANCE = 1e-3
HALF_TOLERANCE = 2e-2  # one unit in the last place of a float16 below 32
RUNS = ("golden_stages_s_small", "golden_stages_s_full", "golden_stages_d_small", "golden_stages_d_full")


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


@pytest.mark.parametrize("architecture", ["S", "D"])
def test_keys_shapes_and_order_of_the_state_dict(architecture: Architecture, reference: Path) -> None:
    lines = (reference / f"state_dict_{architecture}.tsv").read_text().splitlines()[1:]
    expected = [(key, shape) for _, key, shape, *_ in (line.split("\t") for line in lines)]
    ours = [
        (key, "x".join(map(str, tensor.shape)) or "scalar")
        for key, tensor in build_network(architecture).state_dict().items()
    ]
    assert ours == expected
