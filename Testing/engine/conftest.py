"""Golden patches, each run through the network once a session and shared by all tests that look at it.

`golden_run_{s,d}_{full,small}` give the golden arrays of a patch and our raw output for it;
`golden_stages_{s,d}_{full,small}` give the whole run, with every stage in between.
"""

from __future__ import annotations

import numpy as np
import pytest
from ribfrac_testing.networks import GoldenRun, run_golden_patch
from ribfrac_testing.reference import Golden
from RibFracDetectorLib.engine.network import RawOutput

ArraysAndOutput = tuple[dict[str, np.ndarray], RawOutput]


@pytest.fixture(scope="session")
def golden_stages_s_full(golden_s: Golden) -> GoldenRun:
    return run_golden_patch(golden_s, "full_patch")


@pytest.fixture(scope="session")
def golden_stages_s_small(golden_s: Golden) -> GoldenRun:
    return run_golden_patch(golden_s, "small_patch")


@pytest.fixture(scope="session")
def golden_stages_d_full(golden_d: Golden) -> GoldenRun:
    return run_golden_patch(golden_d, "full_patch")


@pytest.fixture(scope="session")
def golden_stages_d_small(golden_d: Golden) -> GoldenRun:
    return run_golden_patch(golden_d, "small_patch")


@pytest.fixture(scope="session")
def golden_run_s_full(golden_stages_s_full: GoldenRun) -> ArraysAndOutput:
    return golden_stages_s_full.arrays, golden_stages_s_full.raw


@pytest.fixture(scope="session")
def golden_run_s_small(golden_stages_s_small: GoldenRun) -> ArraysAndOutput:
    return golden_stages_s_small.arrays, golden_stages_s_small.raw


@pytest.fixture(scope="session")
def golden_run_d_full(golden_stages_d_full: GoldenRun) -> ArraysAndOutput:
    return golden_stages_d_full.arrays, golden_stages_d_full.raw


@pytest.fixture(scope="session")
def golden_run_d_small(golden_stages_d_small: GoldenRun) -> ArraysAndOutput:
    return golden_stages_d_small.arrays, golden_stages_d_small.raw
