"""Names that are not UTF-8: SimpleITK would end the process at them, so they are refused before."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.bad_inputs import small_ct
from ribfrac_testing.volumes import write_dicom
from RibFracDetectorLib.case.ct_writing import write_ct
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.masks import read_mask, write_mask
from RibFracDetectorLib.case.reading import grid_in_header, read_ct
from RibFracTrainingLib.training.data.prepare.scan_writing import write_scan

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
LATIN_1 = os.fsdecode("Müller".encode("latin-1"))


def image(folder: Path) -> Path:
    good = small_ct().write(folder / "ct.nii.gz")
    return good.rename(folder / f"{LATIN_1}.nii.gz")


def dicom_folder(folder: Path) -> Path:
    write_dicom(folder / "series", small_ct())
    return (folder / "series").rename(folder / LATIN_1)


def dicom_slice(folder: Path) -> Path:
    write_dicom(folder / "series", small_ct())
    first = min((folder / "series").iterdir())
    first.rename(first.with_name(LATIN_1))
    return folder / "series"


@pytest.mark.parametrize("source", [image, dicom_folder, dicom_slice])
def test_reading_a_ct(source: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"M\\udcfcller.*: the name is not UTF-8, .*; rename it"):
        read_ct(source(tmp_path))


def test_reading_a_ct_in_a_folder_that_findings_cannot_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / LATIN_1
    folder.mkdir()
    small_ct().write(tmp_path / "ct.nii.gz").rename(folder / "ct.nii.gz")
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="not UTF-8"):
        read_ct(Path("ct.nii.gz"))


@pytest.mark.parametrize("read", [read_mask, grid_in_header])
def test_reading_a_mask_or_a_header(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        read(image(tmp_path))


def test_nothing_is_written(tmp_path: Path) -> None:
    ct = read_ct(small_ct().write(tmp_path / "ct.nii.gz"))
    target = tmp_path / LATIN_1
    target.mkdir()
    for write in (
        lambda: write_mask(target / "mask.nii.gz", np.zeros(ct.grid.size, bool), ct),
        lambda: write_ct(target / "copy.nrrd", ct),
        lambda: write_scan(target / "scan.nii.gz", ct.voxels, ct.grid),
    ):
        with pytest.raises(InputError, match="not UTF-8"):
            write()
    assert list(target.iterdir()) == []
