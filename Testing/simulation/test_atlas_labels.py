"""Label maps of atlases: numbered by their names wherever they lie, and refused where they are no good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.simulation.bodies.atlas_file import read_atlas
from RibFracTrainingLib.simulation.bodies.atlas_labels import marked_ribs, read_labels, write_atlas_npz
from RibFracTrainingLib.simulation.bodies.atlas_ribs import number_ribs, rib_names

NAMES = {name: number for number, name in enumerate(rib_names(), start=1)} | {"aorta": 25}
SPACING = (2.0, 2.0, 2.0)


def bars(ribs: int = 12) -> np.ndarray:
    """A label map of straight ribs of 960 mm³, right ones at low x, each with its own label."""
    labels = np.zeros((50, 12, 4 * ribs), np.uint8)
    for rib in range(ribs):
        z = slice(4 * (ribs - rib) - 3, 4 * (ribs - rib) - 1)
        labels[5:20, 4:8, z] = 1 + rib
        labels[30:45, 4:8, z] = 13 + rib
    return labels


def numbered(labels: np.ndarray, spacing: tuple[float, float, float] = SPACING) -> np.ndarray:
    return number_ribs(*marked_ribs(labels, NAMES), spacing)


def write_npz(path: Path, labels: np.ndarray, names: object = NAMES, spacing: object = SPACING) -> Path:
    np.savez(path, labels=labels, spacing=spacing, names=json.dumps(names))
    return path


def write_image(folder: Path, labels: np.ndarray, table: str | None) -> Path:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.ascontiguousarray(labels.transpose(2, 1, 0)))
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, str(folder / "labels.nii.gz"))
    if table is not None:
        (folder / "labels.json").write_text(table)
    return folder / "labels.nii.gz"


TABLE = json.dumps({number: name for name, number in NAMES.items()})


@pytest.mark.parametrize("beside", [(0, 0), (60, 0), (0, 60)])
def test_sides_are_those_of_the_names_wherever_the_chest_lies(beside: tuple[int, int]) -> None:
    labels = np.pad(bars(), (beside, (0, 0), (0, 0)))
    assert np.array_equal(numbered(labels), labels)


def test_a_rib_is_as_large_in_coarse_voxels() -> None:
    """Of 120 voxels in 1.9 mm cubed, 823 mm³; calcified cartilage is smaller."""
    labels = bars()
    fine, coarse = (1.5, 1.5, 1.5), (1.9, 1.9, 1.9)
    assert np.array_equal(numbered(labels, coarse), labels)
    with pytest.raises(InputError, match="0 pieces of right ribs"):
        numbered(labels, fine)


def test_ribs_in_pieces_too_few_or_mirrored_are_refused() -> None:
    broken = np.concatenate([bars(), np.zeros((50, 12, 4), np.uint8)], axis=2)
    broken[5:20, 4:8, -3:-1] = 1
    with pytest.raises(InputError, match="13 pieces of right ribs; expected 8 to 12"):
        numbered(broken)
    with pytest.raises(InputError, match="7 pieces of right ribs; expected 8 to 12"):
        numbered(bars(7))
    with pytest.raises(InputError, match="right ribs lie to the left"):
        numbered(bars()[::-1])


def test_what_read_labels_reads(tmp_path: Path) -> None:
    for stored in (bars(), bars().astype(np.float32), bars().astype(np.int16)):
        for path in (write_image(tmp_path, stored, TABLE), write_npz(tmp_path / "a.npz", stored)):
            labels, spacing, names = read_labels(path)
            assert labels.dtype == np.uint8
            assert np.array_equal(labels, bars())
            assert spacing == SPACING
            assert names == NAMES


@pytest.mark.parametrize("value", [256, 300, -1])
def test_labels_that_eight_bits_do_not_hold_are_refused(tmp_path: Path, value: int) -> None:
    labels = bars().astype(np.int16)
    labels[0, 0, 0] = value
    for path in (write_image(tmp_path, labels, TABLE), write_npz(tmp_path / "a.npz", labels)):
        with pytest.raises(InputError, match=f"the label {value}; expected whole numbers from 0 to 255"):
            read_labels(path)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('{"1": ', "labels.json is not a readable JSON file"),
        ('["a", "b"]', "labels.json: expected each label number"),
        (json.dumps(NAMES), "labels.json: expected each label number.*'rib_right_1': 1"),
        ('{"1": ["aorta"]}', "labels.json: expected each label number"),
        ('{"1": "aorta", "2": "aorta"}', "labels.json: expected each label number"),
        ('{"1": "aorta"}', "no label 'rib_right_1'"),
        (TABLE.replace('"25"', '"256"'), "aorta has the label 256; expected 1 to 255"),
        (None, "labels.json: missing"),
    ],
)
def test_names_that_are_no_good_are_refused(tmp_path: Path, table: str | None, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        read_labels(write_image(tmp_path, bars(), table))
    assert "\n" not in str(refused.value)


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz", bars())
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for content in (b"", b"plain text\n", whole[:-40], whole[:200], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.npz: no atlas") as refused:
            read_labels(path)
        assert "\n" not in str(refused.value)
        assert "unsafely" not in str(refused.value)
    np.savez(path, ribs=bars())
    with pytest.raises(InputError, match=r"a\.npz: no atlas"):
        read_labels(path)


@pytest.mark.parametrize(
    ("names", "spacing"), [(["rib"], SPACING), ({"rib": "one"}, SPACING), (NAMES, (1.5, 1.5)), (NAMES, "abc")]
)
def test_an_npz_of_something_else_is_refused(tmp_path: Path, names: object, spacing: object) -> None:
    with pytest.raises(InputError, match="no atlas"):
        read_labels(write_npz(tmp_path / "a.npz", bars(), names, spacing))


def test_an_atlas_without_ribs_or_too_coarse_or_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no voxel of a rib"):
        read_atlas(str(write_npz(tmp_path / "empty.npz", 0 * bars())))
    with pytest.raises(InputError, match=r"voxels of 1.5 x 1.5 x 3 mm; expected at most 2.5 mm"):
        read_atlas(str(write_npz(tmp_path / "coarse.npz", bars(), spacing=(1.5, 1.5, 3.0))))
    with pytest.raises(InputError, match=r"three axes"):
        read_atlas(str(write_npz(tmp_path / "flat.npz", bars()[0])))
    with pytest.raises(InputError, match=r"few.npz: 7 pieces"):
        read_atlas(str(write_npz(tmp_path / "few.npz", bars(7))))
    for name in ("no.nii.gz", "no.npz"):
        with pytest.raises(InputError, match=f"{name}: no such file"):
            read_atlas(str(tmp_path / name))


def test_converting_overwrites_nothing_and_checks_first(tmp_path: Path) -> None:
    source, target = write_npz(tmp_path / "a.npz", bars()), tmp_path / "b.npz"
    for wrong in (bars(7), 0 * bars()):
        with pytest.raises(InputError, match=r"wrong\.npz: (7 pieces|no voxel)"):
            write_atlas_npz(write_npz(tmp_path / "wrong.npz", wrong), target)
        assert not target.exists()
    write_atlas_npz(source, target)
    written = target.read_bytes()
    with pytest.raises(InputError, match=r"b\.npz: exists; remove it first"):
        write_atlas_npz(source, target)
    assert target.read_bytes() == written
