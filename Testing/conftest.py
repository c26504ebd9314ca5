"""Fixtures and rules for the whole suite.

A test that uses the golden data carries the marker `reference`, and with `CI=true` it must run: a skip
of it, for whatever reason, is a failure. With several workers (pytest-xdist, `--dist loadfile`) the tests of
a file stay together, so what they share is made once.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings
from ribfrac_testing.reference import Golden, reference_folder

# Workers share the cores. torch reads this when it is imported, which none of the above does.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // workers, 1)))

# A busy machine must not fail a property.
settings.register_profile("ribfrac", deadline=None, print_blob=True)
settings.load_profile("ribfrac")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the golden data, so that none escapes the rule below."""
    for item in items:
        if "reference" in getattr(item, "fixturenames", ()):
            item.add_marker("reference")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI, turn the skip of a `reference` test into a failure."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and item.get_closest_marker("reference") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI=true forbids to a test marked reference: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Tests neither find nor leave anything in the user's cache; matplotlib's list of fonts stays there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR") or matplotlib.get_cachedir())
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of golden data; skips with a reason where it is absent."""
    folder = reference_folder()
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}; set RIBFRAC_REFERENCE to a folder that holds it")
    return folder


@pytest.fixture(scope="session")
def golden_s(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """Golden data of configuration S (static head)."""
    return Golden(reference / "golden_S", tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="session")
def golden_d(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """Golden data of configuration D (dynamic head)."""
    return Golden(reference / "golden_D", tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="session")
def golden_common(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """Golden data of the helper functions that need no network."""
    return Golden(reference / "golden_common", tmp_path_factory.mktemp("golden"))
