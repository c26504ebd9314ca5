"""Under pytest these tests run on the test host, with the extension's modules loaded into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import slicer_host
from ribfrac_testing.reference import REPOSITORY
from slicer_host.application.scripted_modules import load_module, unload_module

slicer_host.start()

MODULES = [path for path in sorted(REPOSITORY.glob("RibFrac*/RibFrac*.py")) if path.stem == path.parent.name]


@pytest.fixture(autouse=True, scope="session")
def _modules() -> Iterator[None]:
    """The modules are loaded before the tests and cleaned up after them."""
    for path in MODULES:
        load_module(path)
    yield
    for path in MODULES:
        unload_module(path.stem)
