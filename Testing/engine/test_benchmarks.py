"""What the benchmarks tell of the machine."""

from __future__ import annotations

import importlib
import json
import platform
import re

import pytest
from ribfrac_testing.reference import REPOSITORY

BENCHMARKS = REPOSITORY / "Testing" / "Benchmarks"


@pytest.mark.parametrize(
    ("system", "release", "told"),
    [("Linux", "6.18.44-fc-v657", "Linux 6.18"), ("Windows", "11", "Windows 11"), ("Other", "dev", "Other")],
)
def test_the_machine_is_not_named(
    system: str, release: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "release", lambda: release)
    assert importlib.import_module("machine").describe()["versions"]["platform"] == told


def test_no_result_names_a_machine() -> None:
    results = [json.loads(path.read_text()) for path in (BENCHMARKS / "results").glob("*.json")]
    platforms = {result["machine"]["versions"]["platform"] for result in results if "machine" in result}
    assert platforms
    assert all(re.fullmatch(r"[A-Za-z]+( \d+(\.\d+)?)?", name) for name in platforms)
