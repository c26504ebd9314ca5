"""Left and right are never confused, and front, side and back are where they are, also in a sick chest."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray
from ribfrac_testing.reference import shared_data_folder
from ribfrac_testing.volumes import FAT, LUNG, MUSCLE, SIDES, chest
from RibFracDetectorLib.case.images import array_of, grid_of, to_lps
from RibFracDetectorLib.case.thorax import measure_thorax

SIZE, SPACING = (140, 110, 60), (2.0, 2.0, 2.0)


def on_the_ribs(degrees: float, z: float) -> tuple[float, float, float]:
    """A voxel on the ring of ribs of the phantom: 0 degrees is straight left, 90 straight behind."""
    half = np.array(SIZE[:2]) / 2
    angle = np.radians(degrees)
    x, y = half - 0.5 + 0.84 * np.array([0.9, 0.85]) * half * (np.cos(angle), np.sin(angle))
    return x, y, z


@pytest.mark.parametrize("aerated", [SIDES, ("left",), ("right",), ()])
@pytest.mark.parametrize("shift", [0, 12])
def test_places_on_the_ribs_are_named(aerated: tuple[str, ...], shift: int) -> None:
    voxels = np.roll(chest(SIZE, SPACING, aerated), shift, axis=0)
    thorax = measure_thorax(voxels, SPACING)
    expected = {
        0: "left lateral",
        12: "left lateral",
        -12: "left lateral",
        50: "left posterior",
        -50: "left anterior",
        180: "right lateral",
        130: "right posterior",
        -130: "right anterior",
    }
    for degrees, name in expected.items():
        for z in (2, 30, 57):
            x, y, _ = on_the_ribs(degrees, z)
            assert str(thorax.locate((x + shift, y, z))) == name, (degrees, z)


def test_voxel_size_does_not_matter() -> None:
    coarse = measure_thorax(chest(SIZE, SPACING), SPACING)
    fine_size, fine_spacing = (280, 220, 120), (1.0, 1.0, 1.0)
    fine = measure_thorax(chest(fine_size, fine_spacing), fine_spacing)
    assert fine.midline == pytest.approx(2 * coarse.midline + 0.5, abs=3)
    for thorax, size in ((coarse, SIZE), (fine, fine_size)):
        np.testing.assert_allclose(thorax.depth, (size[1] - 1) / 2, atol=0.3)
        assert thorax.midline == pytest.approx((size[0] - 1) / 2, abs=1)
        assert (thorax.levels[0] + thorax.levels[-1]) / 2 == (size[2] - 1) / 2
    assert np.interp(60, fine.levels, fine.half_width) == pytest.approx(
        2 * np.interp(30, coarse.levels, coarse.half_width), rel=0.05
    )


def test_ribs_beside_the_thin_edge_of_the_lung_belong_to_the_chest_above() -> None:
    voxels = chest(SIZE, SPACING)
    below = voxels[:, :, :20]
    far = np.abs(np.arange(SIZE[1]) - SIZE[1] / 2) > 8
    below[(np.abs(below - LUNG) < 100) & far[None, :, None]] = MUSCLE
    thorax = measure_thorax(voxels, SPACING)
    for degrees, name in {20: "left lateral", -20: "left lateral", 50: "left posterior"}.items():
        assert str(thorax.locate(on_the_ribs(degrees, 5))) == name


@pytest.mark.parametrize("value", [-1000, FAT, MUSCLE, LUNG])
def test_a_volume_without_any_chest_still_gives_an_answer(value: int) -> None:
    thorax = measure_thorax(np.full((40, 40, 40), value, np.int16), (2.0, 2.0, 2.0))
    assert thorax.locate((35, 20, 20)).side == "left"
    assert thorax.locate((4, 20, 20)).side == "right"


def test_a_strip_narrower_than_a_spine_has_sides() -> None:
    strip = chest((120, 110, 60))[44:62]
    thorax = measure_thorax(strip, (2.0, 2.0, 2.0))
    assert thorax.locate((17, 50, 30)).side == "left"
    assert thorax.locate((0, 50, 30)).side == "right"


def test_every_rib_of_the_atlas_is_on_its_side(atlas: Atlas) -> None:
    """With densities given to the organs of a real person, also with one lung or both opaque."""
    for opaque in ((), ("left",), ("right",), ("left", "right")):
        thorax = measure_thorax(_densities(atlas, opaque), atlas.spacing)
        for name, places in atlas.ribs.items():
            _, side, number = name.split("_")
            found = [thorax.locate(place) for place in places]
            assert {location.side for location in found} == {side}, (name, opaque)
            if 3 <= int(number) <= 9 and not opaque:
                assert {"posterior", "lateral"} <= {location.region for location in found}, name


@dataclass(frozen=True)
class Atlas:
    """Organs of one person by label, and some places in every rib."""

    labels: NDArray[np.uint8]
    names: dict[int, str]
    spacing: tuple[float, float, float]
    ribs: dict[str, NDArray[np.int64]]


_BONES = ("rib", "vertebrae", "scapula", "clavicula", "sternum", "humerus")


def _densities(atlas: Atlas, opaque: tuple[str, ...]) -> NDArray[np.int16]:
    hounsfield = np.full(256, 30, np.int16)
    for value, name in atlas.names.items():
        if "lung" in name and name.rsplit("_", 1)[1] not in opaque:
            hounsfield[value] = -800
        elif any(part in name for part in _BONES):
            hounsfield[value] = 400
    voxels = hounsfield[atlas.labels]
    organs = atlas.labels > 0
    inside = np.maximum.accumulate(organs, 0) & np.maximum.accumulate(organs[::-1], 0)[::-1]
    voxels[~inside] = -1000
    return voxels


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    folder = shared_data_folder() / "thorax_atlas"
    if not folder.is_dir():
        pytest.skip(f"no atlas of a real chest in {folder}; see RIBFRAC_SHARED_DATA")
    image = to_lps(sitk.ReadImage(str(folder / "labels.nii.gz")))
    labels = array_of(image)
    names = {int(key): name for key, name in json.loads((folder / "labels.json").read_text()).items()}
    of_ribs = np.array([names.get(value, "").startswith("rib_") for value in range(256)])
    places = np.argwhere(of_ribs[labels])[::20]
    values = labels[tuple(places.T)]
    ribs = {names[value]: places[values == value] for value in np.unique(values).tolist()}
    return Atlas(labels, names, grid_of(image).spacing, ribs)
