"""The test host, and the panel's surroundings: settings of its own, no slot errors, nothing left running."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slicer_host.fixtures import app, no_slot_errors, scene, settings, show_module  # noqa: F401

MODULE = Path(__file__).resolve().parents[2] / "RibFracDetector" / "RibFracDetector.py"
PATIENCE_S = 120.0


@pytest.fixture(autouse=True)
def _clean(no_slot_errors: None, settings: Any, scene: Any) -> None:  # noqa: F811
    """Every test of this folder begins with empty settings and an empty scene."""


@pytest.fixture
def wait(app: Any) -> Callable[[Callable[[], object]], None]:  # noqa: F811
    """Runs the event loop until a condition holds."""

    def run(condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            app.processEvents()
            time.sleep(0.005)

    return run
