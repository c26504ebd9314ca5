"""What the system refuses to write is told in one line that names a way out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.full_disk import file_size_limit
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.whole_files import write_json, writing_to


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
    bring, rename = os.fsync, Path.replace

    def fsync(number: int) -> None:
        done.append("brought to the disk")
        bring(number)

    def replace(self: Path, target: Path) -> Path:
        done.append("named")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_json(tmp_path / "file.json", [1])
    assert done == ["brought to the disk", "named"]
