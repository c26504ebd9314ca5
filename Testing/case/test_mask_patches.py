"""The mask of a finding survives its patch, and a damaged patch is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from RibFracDetectorLib.case.mask_patches import MaskPatch, patch_fault, patches_of

labels = arrays(np.uint16, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(0, 3))


@given(labels=labels, order=st.sampled_from("CF"))
def test_every_value_of_a_label_map_survives(labels: np.ndarray, order: str) -> None:
    labels = np.asarray(labels, order=order)
    patches = patches_of(labels)
    assert set(patches) == set(np.unique(labels).tolist()) - {0}
    painted = np.zeros_like(labels)
    for value, patch in patches.items():
        assert patch == MaskPatch.of(labels == value)
        again = json.loads(json.dumps(patch.to_json()))
        assert patch_fault(again) is None
        assert MaskPatch.from_json(again) == patch
        assert patch.count == np.count_nonzero(labels == value)
        assert patch.within(labels.shape)
        MaskPatch.from_json(again).paint(painted, value)
    np.testing.assert_array_equal(painted, labels)


def test_a_patch_is_as_small_as_its_mask() -> None:
    mask = np.zeros((9, 8, 7), bool)
    mask[2:5, 3, 4:6] = True
    patch = MaskPatch.of(mask, start=(10, 20, 30))
    assert patch.start == (12, 23, 34)
    assert patch.voxels.shape == (3, 1, 2)
    assert patch.box == (11.5, 22.5, 33.5, 14.5, 23.5, 35.5)
    assert patch.centroid == (13.0, 23.0, 34.5)
    assert patch != MaskPatch.of(mask)
    assert not patch.within((14, 30, 40))


def test_a_mask_without_a_voxel_survives() -> None:
    patch = MaskPatch.of(np.zeros((3, 3, 3)))
    assert patch.count == 0
    assert MaskPatch.from_json(patch.to_json()) == patch == MaskPatch.empty()


GOOD = MaskPatch.of(np.ones((3, 3, 3))).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"bits": "AAAA"},
        {"bits": "not base64!"},
        {"bits": 7},
        {"bits": GOOD["bits"][:-8]},
        {"size": [3, 3, 40]},
        {"size": [3, 3, 1]},
        {"size": [100000, 100000, 100000]},
        {"size": [3, 3]},
        {"start": [-1, 0, 0]},
        {"start": [0.5, 0, 0]},
        {"extra": 1},
    ],
)
def test_a_damaged_patch_has_a_fault(change: dict) -> None:
    assert patch_fault(GOOD) is None
    assert patch_fault({**GOOD, **change})
