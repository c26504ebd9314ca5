"""Bodies over an atlas: ribs whole and numbered right whatever the labels say, and smooth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.reference import shared_data_folder
from ribfrac_testing.simulated_ribs import labels_of
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.simulation.bodies.atlas import make_atlas_body
from RibFracTrainingLib.simulation.bodies.atlas_file import Atlas, blurred_distance, make_atlas
from RibFracTrainingLib.simulation.bodies.atlas_labels import read_labels, write_atlas_npz
from RibFracTrainingLib.simulation.bodies.atlas_ribs import number_ribs
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from scipy import ndimage

SHARED = shared_data_folder() / "thorax_atlas" / "labels.nii.gz"
SPACING = (2.5, 2.5, 2.5)
COARSE = (2.6, 2.6, 2.8)


@pytest.fixture(scope="module")
def named_labels() -> tuple[np.ndarray, dict[str, int]]:
    return labels_of(make_phantom(PhantomSettings(SPACING), np.random.default_rng(4))[0])


@pytest.fixture(scope="module")
def atlas(named_labels: tuple[np.ndarray, dict[str, int]]) -> Atlas:
    return make_atlas(named_labels[0], SPACING, named_labels[1])


def test_every_rib_is_there_in_one_piece(atlas: Atlas) -> None:
    for seed in range(2):
        body, _ = make_atlas_body(atlas, COARSE, "chest", None, np.random.default_rng(seed))
        for number in range(1, 25):
            assert ndimage.label(body.ribs == number)[1] == 1, f"seed {seed}, rib {number}"


@pytest.mark.slow
def test_right_ribs_lie_right_also_when_mirrored(atlas: Atlas) -> None:
    mirrored = set()
    for seed in range(6):
        body, record = make_atlas_body(atlas, (5.0, 5.0, 5.0), "chest", None, np.random.default_rng(seed))
        mirrored.add(record["atlas"]["pose"]["mirrored"])
        x = np.array(ndimage.center_of_mass(body.ribs > 0, body.ribs, range(1, 25)))[:, 0]
        assert x[:12].max() < x[12:].min()
    assert mirrored == {True, False}


def test_labels_that_change_along_a_rib_do_not_matter(
    named_labels: tuple[np.ndarray, dict[str, int]],
) -> None:
    labels, _ = named_labels
    true = np.where(labels <= 24, labels, 0)
    right = (true > 0) & (true <= 12)
    assert np.array_equal(number_ribs(true > 0, right, SPACING), true)


def test_surfaces_between_voxels_are_smooth() -> None:
    """A slanting rod drawn on coarse voxels must not keep their steps."""
    x, y, z = np.meshgrid(*[np.arange(40.0)] * 3, indexing="ij")
    rod = np.hypot(y - 20 - 0.2 * (x - 20), z - 20) < 3.5
    fine = ndimage.zoom(blurred_distance(rod, (1.5, 1.5, 1.5)), 3, order=1)[15:-15, :, 58]
    plain = ndimage.zoom(rod.astype(np.float32), 3, order=0)[15:-15, :, 58]
    lower, steps = ((line < 0).argmax(axis=1) for line in (fine, 0.5 - plain))
    trend = np.polyval(np.polyfit(np.arange(len(lower)), lower, 1), np.arange(len(lower)))
    assert np.abs(lower - trend).std() < 0.5 * np.abs(steps - trend).std()


def test_the_seed_decides_every_voxel(atlas: Atlas) -> None:
    first, again, other = (
        make_atlas_body(atlas, (5.0, 5.0, 5.0), "left", None, np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first.hu, again.hu)
    assert first.hu.shape != other.hu.shape or not np.array_equal(first.hu, other.hu)


def test_converted_atlas_is_the_same(named_labels: tuple[np.ndarray, dict[str, int]], tmp_path: Path) -> None:
    labels, names = named_labels
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    np.savez(first, labels=labels, spacing=SPACING, names=json.dumps(names))
    write_atlas_npz(first, second)
    got, spacing, got_names = read_labels(second)
    assert np.array_equal(got, labels)
    assert spacing == SPACING
    assert got_names == names


def test_what_is_no_atlas_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no atlas"):
        read_labels(tmp_path / "a.npz")
    with pytest.raises(InputError, match="label names"):
        read_labels(tmp_path / "b.nii.gz")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="the atlas is not here")
def test_the_real_atlas_gives_whole_chests() -> None:
    labels, spacing, names = read_labels(SHARED)
    body, _ = make_atlas_body(
        make_atlas(labels, spacing, names), (1.5, 1.5, 2.0), "chest", None, np.random.default_rng(8)
    )
    for number in range(1, 25):
        assert ndimage.label(body.ribs == number)[1] == 1, f"rib {number}"
    assert np.median(body.hu[body.ribs > 0]) > 100
