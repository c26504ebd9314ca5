"""A simulation that goes on takes the same bodies as before: known by what their files hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.volumes import Stored
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.simulation.dataset import run
from RibFracTrainingLib.simulation.dataset.body_files import body_sums
from RibFracTrainingLib.simulation.dataset.run import Target, simulate
from RibFracTrainingLib.simulation.dataset.settings import BodySpec, SimulationSettings


@pytest.fixture(autouse=True)
def _no_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a run is allowed is asked here; making its cases takes long."""
    monkeypatch.setattr(run, "_make", lambda *_: "made")


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files for a scan and a mask of its ribs; that they are such is not asked here."""
    monkeypatch.setattr(run, "check_body", lambda _: None)
    write(tmp_path / "ribs.nii.gz", 1)
    return write(tmp_path / "chest.nii.gz", 40)


def write(path: Path, value: int) -> Path:
    """An image with one bright voxel."""
    array = np.zeros((24, 22, 20), np.int16)
    array[12, 11, 10] = value
    return Stored(array, (5.0, 5.0, 5.0)).write(path)


def go(scan: Path, root: Path, cases: int = 1) -> None:
    """Begin a simulation on a scan, or go on."""
    body = BodySpec("ct", str(scan), str(scan.with_name("ribs.nii.gz")))
    simulate(SimulationSettings(training=cases, bodies=(body,)), Target(root, "cache"), 1, quiet)


@pytest.mark.parametrize("name", ["chest.nii.gz", "ribs.nii.gz"])
def test_another_file_under_the_same_name_is_refused(scan: Path, tmp_path: Path, name: str) -> None:
    go(scan, tmp_path / "set")
    before = (tmp_path / "set" / "simulation.json").read_bytes()
    write(scan.with_name(name), 2)
    with pytest.raises(InputError, match=r"simulation\.json: .*chest\.nii\.gz or its mask has changed since"):
        go(scan, tmp_path / "set", cases=2)
    assert (tmp_path / "set" / "simulation.json").read_bytes() == before


def test_the_same_file_under_another_path_is_taken(scan: Path, tmp_path: Path) -> None:
    go(scan, tmp_path / "set")
    moved = tmp_path / "elsewhere" / "renamed.nii.gz"
    moved.parent.mkdir()
    scan.rename(moved)
    scan.with_name("ribs.nii.gz").rename(moved.with_name("ribs.nii.gz"))
    go(moved, tmp_path / "set", cases=2)


def test_settings_without_sums_state_paths_alone(scan: Path, tmp_path: Path) -> None:
    go(scan, tmp_path / "set")
    path = tmp_path / "set" / "simulation.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "body_sums"}))
    renamed = scan.rename(tmp_path / "renamed.nii.gz")
    with pytest.raises(InputError, match="made with bodies"):
        go(renamed, tmp_path / "set")
    go(renamed.rename(scan), tmp_path / "set")
    assert "body_sums" in json.loads(path.read_text()), "from now on"


def test_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.nii\.gz: no such file .*; check the path"):
        go(tmp_path / "nowhere.nii.gz", tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_the_names_beside_an_atlas_count_and_a_phantom_has_no_file(tmp_path: Path) -> None:
    (tmp_path / "atlas.nii.gz").write_bytes(b"labels")
    bodies = [BodySpec("phantom"), BodySpec("atlas", str(tmp_path / "atlas.nii.gz"))]
    before = body_sums(bodies)
    (tmp_path / "labels.json").write_text("{}")
    after = body_sums(bodies)
    assert before[0] == after[0] == ["phantom"]
    assert before[1] != after[1]
