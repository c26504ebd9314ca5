"""A simulated case counts as finished only while all of its files are there; a run that goes on mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from RibFracTrainingLib.simulation.dataset.run import RECORD_SUFFIX, Target, simulate
from RibFracTrainingLib.simulation.dataset.settings import SimulationSettings
from RibFracTrainingLib.training.data.prepare.seed_files import SEED_SUFFIXES

ONE = SimulationSettings(
    training=1, part="left", fractures=(2, 2), fracture_free=0.0, imitators=(0, 0), shams=(0, 0),
    heights_mm=(-10, 10), in_plane_mm=(5, 5), slice_mm=(5, 5),
)  # fmt: skip
CASE = ONE.case_id("training", 0)
SEED_FILES = [f"{CASE}{suffix}" for suffix in SEED_SUFFIXES]
RECORD = f"{CASE}{RECORD_SUFFIX}"
ARRAYS = [f"cache/{CASE}/{name}" for name in ("image.npy", "lesion_voxels.npy", "case.json")]


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of one case in both layouts."""
    root = tmp_path_factory.mktemp("simulated") / "set"
    assert simulate(ONE, Target(root, "both"), 1, quiet) == 1
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / "set"))


@pytest.mark.parametrize("name", [*SEED_FILES, RECORD, *ARRAYS])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["lost", "emptied"])
def test_a_case_with_a_lost_or_empty_file_is_not_finished(
    root: Path, name: str, damage: Callable[[Path], object]
) -> None:
    target = Target(root, "both")
    assert target.is_finished(CASE)
    damage(root / name)
    assert not target.is_finished(CASE)


def test_the_next_run_makes_it_anew(finished: Path, root: Path) -> None:
    (root / SEED_FILES[1]).write_bytes(b"")
    (root / ARRAYS[1]).unlink()
    assert simulate(ONE, Target(root, "both"), 1, quiet) == 1
    for name in (*ARRAYS, SEED_FILES[2], RECORD):
        assert (root / name).read_bytes() == (finished / name).read_bytes()
    assert (root / SEED_FILES[1]).stat().st_size == (finished / SEED_FILES[1]).stat().st_size


def test_files_are_on_the_disk_before_the_record_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    simulate(ONE, Target(tmp_path, "nifti"), 1, quiet)
    before = synced[: synced.index((tmp_path / RECORD).stat().st_ino)]
    assert {(tmp_path / name).stat().st_ino for name in SEED_FILES} <= set(before)
