"""What the system refuses to write is told in one line that names a way out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.full_disk import file_size_limit
from RibFracDetectorLib.case import whole_files
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.whole_files import put_in_place, write_json, writing_to


def test_an_array_that_numpy_could_not_write_whole_is_told_as_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "image.npy"
    with (
        pytest.raises(
            InputError, match=r"image\.npy: cannot be written whole .*check that the disk is not full"
        ),
        file_size_limit(100_000),
        writing_to(path),
    ):
        np.save(path, np.ones(200_000, np.int16))


def test_a_file_is_on_the_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure may leave the name with nothing behind it."""
    done: list[str] = []
    bring, rename = os.fsync, os.replace

    def fsync(number: int) -> None:
        done.append("brought to the disk")
        bring(number)

    def replace(source: Path, target: Path) -> None:
        done.append("named")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_json(tmp_path / "file.json", [1])
    assert done == ["brought to the disk", "named"]


class Scanner:
    """Holds a new file on Windows for a while, so that it cannot be renamed."""

    def __init__(self, times: int) -> None:
        self.times, self.replace = times, os.replace

    def __call__(self, source: Path, target: Path) -> None:
        self.times -= 1
        if self.times >= 0:
            raise PermissionError(13, "Access is denied")
        self.replace(source, target)


@pytest.mark.parametrize(("times", "comes_through"), [(3, True), (99, False)])
def test_on_windows_a_file_that_is_held_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, comes_through: bool
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    for path in (new, old):
        path.write_text(path.name, encoding="utf-8")
    monkeypatch.setattr(whole_files, "HELD_WAITS_S", (0.0,) * 5)
    monkeypatch.setattr(os, "replace", Scanner(times))
    monkeypatch.setattr(os, "name", "nt")
    if comes_through:
        put_in_place(new, old)
    else:
        with pytest.raises(PermissionError):
            put_in_place(new, old)
    monkeypatch.undo()
    assert old.read_text(encoding="utf-8") == ("new" if comes_through else "old")


def test_on_windows_a_file_that_is_open_elsewhere_is_told(tmp_path: Path) -> None:
    error = PermissionError(13, "Access is denied")
    error.winerror = 5
    told = r"\(Access is denied\); close it in other programs, or choose"
    with pytest.raises(InputError, match=told), writing_to(tmp_path / "epochs.csv"):
        raise error
