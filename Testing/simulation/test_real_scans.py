"""Masks of ribs for real scans: taken where they lie on the scan's ribs and tell them apart, else refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.simulation.dataset.real_scans import read_body
from RibFracTrainingLib.simulation.dataset.settings import BodySpec

SPACING, ORIGIN = (1.5, 1.5, 2.0), (-40.0, 12.0, 300.0)
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def four_ribs() -> np.ndarray:
    """Ribs 13 to 16, straight, of 800 mm³ and more, at the left of the grid."""
    ribs = np.zeros((48, 48, 40), np.uint8)
    for number in range(4):
        ribs[30:44, 20 : 24 + number, 34 - 8 * number : 38 - 8 * number] = 13 + number
    return ribs


def scan_of(ribs: np.ndarray) -> np.ndarray:
    hu = np.full(ribs.shape, 40, np.int16)
    hu[:, :16] = -850
    hu[ribs > 0] = 350
    return hu


def write(path: Path, array: np.ndarray, origin=ORIGIN, spacing=SPACING, direction=IDENTITY) -> str:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetOrigin(origin)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    sitk.WriteImage(image, str(path))
    return str(path)


def body_of(folder: Path, mask: np.ndarray, **grid):
    scan = write(folder / "scan.nii.gz", scan_of(four_ribs()))
    return read_body(BodySpec("ct", scan, write(folder / "ribs.nii.gz", mask, **grid)))


def refused(folder: Path, mask: np.ndarray, **grid) -> str:
    """The one line that a mask is refused with."""
    with pytest.raises(InputError) as error:
        body_of(folder, mask, **grid)
    assert "\n" not in str(error.value)
    assert "ribs.nii.gz" in str(error.value)
    return str(error.value)


def test_a_mask_on_the_scans_ribs_is_taken(tmp_path: Path) -> None:
    for mask in (four_ribs(), four_ribs().astype(np.float32)):
        assert np.array_equal(body_of(tmp_path, mask).ribs, four_ribs())
    rounded = tuple(value + 0.01 for value in ORIGIN)
    assert np.array_equal(body_of(tmp_path, four_ribs(), origin=rounded).ribs, four_ribs())


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ({"origin": (60.0, -88.0, 570.0)}, "(60, -88, 570) mm LPS"),
        ({"spacing": (0.7, 0.7, 1.0)}, "0.7 x 0.7 x 1 mm"),
        ({"direction": TURNED}, "48 x 48 x 40 voxels"),
        ({"origin": (-39.0, 12.0, 300.0)}, "(-39, 12, 300) mm LPS"),
    ],
)
def test_a_mask_that_lies_elsewhere_is_refused_with_both_grids(tmp_path: Path, grid, told: str) -> None:
    text = refused(tmp_path, four_ribs(), **grid)
    assert told in text
    assert "its scan on 48 x 48 x 40 voxels of 1.5 x 1.5 x 2 mm from (-40, 12, 300) mm LPS" in text


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    assert "44 x 48 x 40 voxels" in refused(tmp_path, four_ribs()[4:])


def test_an_empty_mask_is_refused(tmp_path: Path) -> None:
    assert "no rib is marked; expected 1 to 12" in refused(tmp_path, 0 * four_ribs())


def test_a_mask_that_does_not_tell_ribs_apart_is_refused(tmp_path: Path) -> None:
    assert "value 1 marks 4 separate pieces" in refused(tmp_path, (four_ribs() > 0).astype(np.uint8))
    sides = np.where(four_ribs() > 0, 2, 0).astype(np.uint8)
    sides[2:4, 2:4, 2:4] = 1
    assert "value 2 marks 4 separate pieces" in refused(tmp_path, sides)


def test_one_rib_that_is_cut_in_two_is_taken(tmp_path: Path) -> None:
    mask = np.where(four_ribs() >= 15, 13, 0).astype(np.uint8)
    assert np.array_equal(body_of(tmp_path, mask).ribs, mask)


def test_a_mirrored_mask_is_refused(tmp_path: Path) -> None:
    assert "median under the mask is 40 HU, which is no bone" in refused(tmp_path, four_ribs()[::-1])
