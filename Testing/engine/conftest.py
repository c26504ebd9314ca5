"""Golden patches, each run through the network once a session and shared by all tests that look at it.

`golden_stages_{s,d}_{full,small}` give the golden arrays of a patch and our run, with every stage in between.
`scan` and `weights` are for tests that need any scan and any network that can be run.
"""

from __future__ import annotations

import pytest
import torch
from ribfrac_testing.networks import GoldenRun, run_golden_patch, seeded_state_dict
from ribfrac_testing.reference import Golden
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.engine.weights import Weights, load_weights


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
def scan(tmp_path_factory: pytest.TempPathFactory) -> CtVolume:
    """A small chest."""
    return read_ct(Stored(chest((40, 32, 32))).write(tmp_path_factory.mktemp("scan") / "scan.nii.gz"))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Seeded random weights of S."""
    path = tmp_path_factory.mktemp("weights") / "seeded.pth"
    torch.save({"state_dict": seeded_state_dict("S")}, path)
    return load_weights(path)
