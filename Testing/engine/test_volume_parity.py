"""Whole scans in mode `original` give the original system's numbers: native, padded and with spacing TTA.

The padded scan, which has the fewest windows, is run by S with every `make test`; all others, which take
minutes on a CPU without matrix instructions, by `make test-all`.
"""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from ribfrac_testing.golden_volumes import GoldenVolume, assert_same_boxes, run_golden
from RibFracDetectorLib.engine.settings import resolve_settings
from scipy import ndimage

pytestmark = pytest.mark.reference

NMS_IOU = resolve_settings("original").nms_iou
RUNS = [
    pytest.param(
        (architecture, name),
        id=f"{architecture}-{name}",
        marks=[] if (architecture, name) == ("S", "pad") else [pytest.mark.slow],
    )
    for architecture in "SD"
    for name in ("volume", "tta", "pad")
]


@pytest.fixture(scope="module")
def finished_runs() -> dict[tuple[str, str], GoldenVolume]:
    """Every golden volume is computed once and shared by the tests below."""
    return {}


@pytest.fixture
def run(request: pytest.FixtureRequest, finished_runs: dict[tuple[str, str], GoldenVolume]) -> GoldenVolume:
    """The golden volume named by the parameter (architecture, name)."""
    architecture, name = request.param
    if request.param not in finished_runs:
        golden = request.getfixturevalue(f"golden_{architecture.lower()}")
        finished_runs[request.param] = run_golden(golden, name)
    return finished_runs[request.param]


all_runs = pytest.mark.parametrize("run", RUNS, indirect=True)
volume_runs = pytest.mark.parametrize(
    "run", [param for param in RUNS if param.values[0][1] == "volume"], indirect=True
)


@all_runs
def test_boxes(run: GoldenVolume) -> None:
    detections = run.result.inference.detections
    ours = np.column_stack([detections.boxes, detections.scores])
    assert_same_boxes(ours, run.arrays["boxes"], NMS_IOU)


@all_runs
def test_probability(run: GoldenVolume) -> None:
    assert list(run.probability.shape) == run.facts["seg_shape"][2:]
    ours = run.probability[::4, ::4, ::4]
    theirs = run.arrays["seg_prob_fg_ds4"].astype(np.float32)
    # Stored in half precision: relative 5e-4 on top of the tolerance.
    np.testing.assert_allclose(ours, theirs, atol=2e-3, rtol=5e-4)
    expected = run.facts["seg_fg"]
    for statistic in ("mean", "std", "min", "max"):
        assert float(getattr(run.probability, statistic)()) == pytest.approx(expected[statistic], abs=1e-3)


@all_runs
def test_mask(run: GoldenVolume) -> None:
    theirs = np.unpackbits(run.arrays["seg_mask_packed"], count=run.probability.size).astype(bool)
    ours = run.probability > 0.5
    decided = np.abs(run.probability - 0.5) > 2e-3
    np.testing.assert_array_equal(ours[decided], theirs.reshape(ours.shape)[decided])


@volume_runs
def test_detection_files(run: GoldenVolume) -> None:
    theirs = run.golden.json("volume_fp32_det_roi_infos.json")
    ours = run.result.det_rois
    assert_same_boxes(_rows(ours), _rows(theirs), NMS_IOU)
    assert {tuple(roi) for roi in ours} == {tuple(roi) for roi in theirs}, "the same fields in the same order"
    expected = _read(run, "volume_fp32_roi_det_mask.nii.gz")
    # A box edge within the tolerance of a half may round to either side: a shell of a box, never its inside.
    differing = expected != run.result.det_mask
    assert not ndimage.binary_erosion(differing).any()


@volume_runs
def test_segmentation_files(run: GoldenVolume) -> None:
    result = run.result
    expected = _read(run, "volume_fp32_roi_seg_mask.nii.gz") > 0
    decided = np.abs(run.probability - 0.5) > 2e-3
    np.testing.assert_array_equal(result.seg_mask[decided] > 0, expected[decided])
    theirs = run.golden.json("volume_fp32_seg_roi_infos.json")
    undecided = ~decided
    for rois, others in ((result.seg_rois, theirs), (theirs, result.seg_rois)):
        for roi in rois:
            assert any(_same_roi(roi, other) for other in others) or _holds(undecided, roi["bbox"])


def _same_roi(roi: dict, other: dict) -> bool:
    same_place = roi["bbox"] == other["bbox"] and roi["center"] == other["center"]
    return same_place and abs(roi["prob"] - other["prob"]) <= 2e-3


def _holds(voxels: np.ndarray, box: list[int]) -> bool:
    """Whether a region's outline may depend on voxels that rounding decides."""
    return bool(voxels[box[0] : box[3], box[1] : box[4], box[2] : box[5]].any())


def _rows(rois: list[dict]) -> np.ndarray:
    return np.array([[*roi["bbox"], roi["prob"]] for roi in rois], np.float32).reshape(-1, 7)


def _read(run: GoldenVolume, name: str) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(run.golden.folder / name))).transpose(2, 1, 0)
