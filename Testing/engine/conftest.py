"""Golden patches, each run through the network once a session and shared by all tests that look at it.

`golden_stages_{s,d}_{full,small}` give the golden arrays of a patch and our run, with every stage in between.
"""

from __future__ import annotations

import pytest
from ribfrac_testing.networks import GoldenRun, run_golden_patch
from ribfrac_testing.reference import Golden


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
