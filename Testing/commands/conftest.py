"""A scan, and weights that find something in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ribfrac_testing.networks import write_busy_checkpoint
from ribfrac_testing.volumes import Stored, chest

SIZE = (64, 56, 48)


@pytest.fixture(scope="session")
def scan() -> Stored:
    """A small chest, LPS."""
    return Stored(chest(SIZE))


@pytest.fixture(scope="session")
def busy_weights(scan: Stored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that shows findings in `scan`."""
    path = tmp_path_factory.mktemp("weights") / "busy.pth"
    return write_busy_checkpoint(path, scan.array[16:48, 12:44, 8:40])
