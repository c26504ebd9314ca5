"""Where the ribs have no room for all that was asked for, the record and the line of the case tell so."""

from __future__ import annotations

from pathlib import Path

import pytest
from ribfrac_testing.simulated_ribs import quarter_chest
from RibFracTrainingLib.simulation.dataset import one_case
from RibFracTrainingLib.simulation.dataset.bodies import Drawn
from RibFracTrainingLib.simulation.dataset.run import Target, simulate
from RibFracTrainingLib.simulation.dataset.settings import SimulationSettings
from RibFracTrainingLib.simulation.lesions import planning, spots
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.prepared import read_case


@pytest.fixture(autouse=True)
def small_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every body is two short ribs, which need no scanner; the search for room on them is given up early."""
    body = quarter_chest((1.6, 1.6, 2.0))
    monkeypatch.setattr(one_case, "draw_body", lambda *_: Drawn(body, {}, scanned=True))
    for module in (planning, spots):
        monkeypatch.setattr(module, "TRIALS", 6)


def made(folder: Path, fractures: int, others: int) -> tuple[dict, str]:
    """The record of a case, and what is said of it."""
    lines: list[str] = []
    settings = SimulationSettings(
        1, seed=3, fractures=(fractures, fractures), fracture_free=0, imitators=(others, others),
        shams=(others, others), slice_faults=0,
    )  # fmt: skip
    simulate(settings, Target(folder, "cache"), 1, lines.append)
    return read_case(case_folder(folder, settings.case_id("training", 0))).source, lines[-1]


def test_what_found_no_room_is_told(tmp_path: Path) -> None:
    record, line = made(tmp_path / "set", 30, 20)
    placed = len(record["fractures"])
    assert 0 < placed < 30
    assert line.endswith(f", {placed} of 30 fractures asked for")
    assert record["fractures_asked_for"] == 30
    for name in ("shams", "imitators"):
        assert len(record[name]) < record[f"{name}_asked_for"] == 20


def test_nothing_is_told_where_all_found_room(tmp_path: Path) -> None:
    record, line = made(tmp_path / "set", 1, 0)
    assert line.endswith(", 1 fracture")
    assert not [name for name in record if "asked_for" in name]
