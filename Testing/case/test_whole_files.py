"""What the system refuses to write is told in one line that names a way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.full_disk import file_size_limit
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.whole_files import writing_to


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
