"""A tiny configuration with its data, made once for each file of tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from ribfrac_testing.training_runs import train_here, write_tiny_configuration


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and a prepared data set that all runs share."""
    folder = tmp_path_factory.mktemp("tiny")
    configuration = write_tiny_configuration(folder)
    train_here(configuration, folder / "first", "loop.epochs=1")
    return configuration
