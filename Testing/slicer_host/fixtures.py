"""Pytest fixtures for tests on the host; a `conftest.py` imports those it wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import slot_errors, start


@pytest.fixture(scope="session")
def app() -> Any:
    """The running host: `slicer.app`."""
    return start()


@pytest.fixture
def no_slot_errors(app: Any) -> Iterator[None]:
    """Fail the test if an exception left a slot, an observer or an overridden function."""
    slot_errors.take()
    yield
    errors = slot_errors.take()
    assert not errors, f"{len(errors)} exceptions in slots, printed above; the first: {errors[0]!r}"


@pytest.fixture
def scene(app: Any) -> Iterator[Any]:
    """The application's scene, empty before the test and after it."""
    scene = app.mrmlScene()
    scene.Clear()
    yield scene
    scene.Clear()


@pytest.fixture
def settings(app: Any) -> Iterator[Any]:
    """The application's settings, empty before the test and after it."""
    settings = app.settings()
    settings.clear()
    yield settings
    settings.clear()


@pytest.fixture
def show_module(app: Any) -> Iterator[Callable[[Path], Any]]:
    """Load a module file and make it current: returns its panel's Python half; leaves it after the test."""
    import slicer.util

    from .application.scripted_modules import load_module, unload_module

    shown: list[str] = []

    def show(path: Path) -> Any:
        if not hasattr(slicer.modules, path.stem.lower()):
            load_module(path)
        shown.append(path.stem)
        slicer.util.selectModule(path.stem)
        return slicer.util.getModuleWidget(path.stem)

    yield show
    slicer.util.selectModule("")
    for name in shown:
        unload_module(name)
