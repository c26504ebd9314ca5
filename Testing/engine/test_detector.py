"""`Detector` on a small scan: cancellation, limits, modes, and what a result holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ribfrac_testing.networks import write_busy_checkpoint
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.engine import devices
from RibFracDetectorLib.engine.detector import Detector
from RibFracDetectorLib.engine.inference.rib_region import RibRegion
from RibFracDetectorLib.engine.inference.standard import StandardProcedure
from RibFracDetectorLib.engine.progress import CancelledError, SilentReporter
from RibFracDetectorLib.engine.results.spine import BONE_HU
from RibFracDetectorLib.engine.settings import resolve_settings
from RibFracDetectorLib.engine.weights import Weights, load_weights

SMALL = ["roi_size=[32,32,32]", "target_spacings=null", "overlap=0.2"]


class Listener(SilentReporter):
    """Counts windows, keeps notes, and asks to stop after `patience` windows."""

    def __init__(self, patience: int = 10**6) -> None:
        self.patience = patience
        self.tiles: list[tuple[int, int]] = []
        self.notes: list[str] = []

    def tile(self, done: int, total: int) -> None:
        """Count."""
        self.tiles.append((done, total))

    def note(self, text: str) -> None:
        """Keep."""
        self.notes.append(text)

    def cancelled(self) -> bool:
        """Stop once the patience is used up."""
        return len(self.tiles) >= self.patience


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    """Small windows gain nothing from threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> CtVolume:
    """A small chest."""
    return read_ct(Stored(chest((56, 48, 40))).write(tmp_path_factory.mktemp("scan") / "scan.nii.gz"))


@pytest.fixture(scope="module")
def weights(scan: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Weights that find something in it."""
    path = tmp_path_factory.mktemp("weights") / "busy.pth"
    return load_weights(write_busy_checkpoint(path, scan.voxels[:32, :32, :32]))


def detector(weights: Weights, mode: str = "standard", *more: str) -> Detector:
    """A detector with small windows, by PyTorch in float32."""
    settings = resolve_settings(mode, assignments=[*SMALL, *more])
    return Detector([weights], settings, mode, "cpu", "fp32", "torch")


def test_cancelling_stops_before_the_next_window(scan: CtVolume, weights: Weights) -> None:
    listener = Listener(patience=3)
    with pytest.raises(CancelledError):
        detector(weights).detect(scan, listener)
    assert len(listener.tiles) == 3
    assert listener.tiles[-1][1] > 3


def test_every_window_is_reported(scan: CtVolume, weights: Weights) -> None:
    listener = Listener()
    result = detector(weights).detect(scan, listener)
    total = result.inference.windows
    assert listener.tiles == [(done, total) for done in range(1, total + 1)]
    assert result.caps_reached == ()


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("max_per_img=3", "max_per_img = 3"),
        ("nms_pre=2", "nms_pre = 2"),
        ("nms_pre_tiles=4", "nms_pre_tiles = 4"),
        ("max_per_img=5", "max_per_window = 2"),
    ],
)
def test_reached_limits_are_told(setting: str, name: str, scan: CtVolume, weights: Weights) -> None:
    listener = Listener()
    result = detector(weights, "standard", setting).detect(scan, listener)
    assert name in result.caps_reached
    assert any(name in note for note in listener.notes)
    assert result.notes == tuple(listener.notes)


def test_only_the_region_is_searched_unless_everything_is_wanted(
    scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    corner = RibRegion(np.array([[0, 0, 0, 10, 10, 10]], np.float64), "a test wants it")
    monkeypatch.setattr(StandardProcedure, "find_ribs", lambda *_: corner)
    near = detector(weights).detect(scan)
    everywhere = detector(weights, "standard", "exhaustive=true").detect(scan)
    assert near.inference.windows == 1
    assert near.inference.windows_skipped == everywhere.inference.windows - 1 > 0
    assert everywhere.inference.windows_skipped == 0
    assert any("a test wants it" in note for note in near.notes)
    assert not any("a test wants it" in note for note in everywhere.notes)
    # The other windows begin at voxel 24, 16 or 8; before them the probability is the first window's alone.
    first = (slice(0, 24), slice(0, 16), slice(0, 8))
    np.testing.assert_array_equal(near.inference.probability[first], everywhere.inference.probability[first])
    assert near.inference.probability[first].max() > 0.1
    assert near.inference.probability[32:].max() < 1e-6, "no window, no fracture, and not NaN"


def test_a_blank_scan_is_not_searched_and_this_is_said(scan: CtVolume, weights: Weights) -> None:
    result = detector(weights).detect(replace(scan, voxels=np.full_like(scan.voxels, 40)))
    assert (result.findings, result.inference.windows, result.instances.any()) == ((), 0, False)
    assert result.notes == ("the scan is blank (air alone, or a single value): no window was run",)


def test_a_run_can_be_repeated(scan: CtVolume, weights: Weights) -> None:
    subject = detector(weights)
    first, second = subject.detect(scan), subject.detect(scan)
    assert first.findings == second.findings
    np.testing.assert_array_equal(first.instances, second.instances)


def test_boxes_lie_in_the_scan_and_masks_in_their_boxes(scan: CtVolume, weights: Weights) -> None:
    result = detector(weights, "standard", "min_seg_voxels=5", "cutoff=0.4").detect(scan)
    assert {finding.head for finding in result.findings} >= {"det", "seg"}
    for finding in result.findings:
        low, high = np.asarray(finding.box_voxels).reshape(2, 3)
        assert (low >= -0.5 - 1e-6).all()
        assert (high <= np.asarray(scan.grid.size) + 1e-6).all()
        if finding.head == "seg":
            member = np.argwhere(result.instances == finding.id)
            np.testing.assert_allclose(member.min(axis=0) - 0.5, low, atol=1e-6)
            np.testing.assert_allclose(member.max(axis=0) + 0.5, high, atol=1e-6)


@pytest.mark.parametrize(("spacing", "flagged"), [(0.8, True), (2.5, False)])
def test_findings_are_near_the_spine_only_if_it_has_the_size_of_one(
    spacing: float, flagged: bool, scan: CtVolume, weights: Weights, tmp_path: Path
) -> None:
    voxels = scan.voxels.copy()
    voxels[:, :, :20] = np.maximum(voxels[:, :, :20], BONE_HU + 1)
    column_everywhere = Stored(voxels, (spacing, spacing, 1.0))
    result = detector(weights).detect(read_ct(column_everywhere.write(tmp_path / "bone.nii.gz")))
    assert result.findings
    assert any(finding.flags for finding in result.findings) == flagged


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", "SAL"])
def test_mode_original_puts_findings_where_they_are(
    orientation: str, scan: CtVolume, weights: Weights, tmp_path: Path
) -> None:
    """However the original turns a scan, what lights up must be reported at the place in the patient."""
    stored = Stored(np.asarray(scan.voxels)).turned(orientation)
    ct = read_ct(stored.write(tmp_path / "scan.nii.gz"))
    regions_only = ("min_seg_voxels=5", "cutoff=0.4", "score_thr=0.999")
    result = detector(weights, "original", *regions_only).detect(ct)
    assert result.instances.shape == ct.voxels.shape
    masked = [finding for finding in result.findings if finding.head == "seg"]
    assert masked
    for finding in masked:
        member = np.argwhere(result.instances == finding.id)
        low, high = np.asarray(finding.box_voxels).reshape(2, 3)
        np.testing.assert_allclose(member.min(axis=0) - 0.5, low, atol=1e-5)
        np.testing.assert_allclose(member.max(axis=0) + 0.5, high, atol=1e-5)
        center = ct.grid.index_to_ras((low + high) / 2)
        np.testing.assert_allclose(finding.box_ras.center, center, atol=1e-6)


@pytest.mark.slow
def test_merged_folds_agree_with_their_parts(
    scan: CtVolume, weights: Weights, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fold") / "other.pth"
    other = load_weights(write_busy_checkpoint(path, scan.voxels[-32:, -32:, -32:]))
    settings = resolve_settings("standard", assignments=SMALL)
    twice = Detector([weights, weights], settings, "standard", "cpu", "fp32", "torch").detect(scan)
    once = detector(weights).detect(scan)
    assert [finding.score for finding in twice.findings] == [finding.score for finding in once.findings]
    both = Detector([weights, other], settings, "standard", "cpu", "fp32", "torch").detect(scan)
    alone = detector(other).detect(scan)
    mean = (once.inference.probability + alone.inference.probability) / 2
    np.testing.assert_allclose(both.inference.probability, mean, atol=1e-6)
    assert both.inference.windows == 2 * once.inference.windows
    best = max(once.inference.detections.scores.max(), alone.inference.detections.scores.max())
    assert both.inference.detections.scores.max() == best


def test_unusable_choices_are_refused(weights: Weights) -> None:
    with pytest.raises(InputError, match="--mode exact"):
        Detector([weights], resolve_settings("standard"), "exact")
    for precision, engine in (("bf16", "auto"), ("fp32", "openvino")):
        with pytest.raises(InputError, match="fp32 only"):
            Detector([weights], resolve_settings("original"), "original", "cpu", precision, engine)


@pytest.mark.slow
def test_an_inexact_precision_is_left_for_float32(
    scan: CtVolume, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The busy weights are chaotic, so bfloat16 must fail its check, once, and be remembered.

    A processor without it emulates it, slowly, with the same numbers; so the test runs everywhere.
    """
    monkeypatch.setattr(devices, "cpu_computes_bf16", lambda: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = resolve_settings("standard", assignments=SMALL)
    for _ in range(2):
        listener = Listener()
        result = Detector([weights], settings, "standard", "cpu", "bf16", "torch").detect(scan, listener)
        assert result.precision == "fp32"
        assert any("not exact enough" in note for note in listener.notes)
    assert len(list(tmp_path.rglob("*.json"))) == 1
    exact = detector(weights).detect(scan)
    assert [finding.score for finding in result.findings] == [finding.score for finding in exact.findings]
