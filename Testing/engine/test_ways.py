"""Which library computes the network, in which order, and what happens when the first choice fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine import detector as detector_module
from RibFracDetectorLib.engine import devices
from RibFracDetectorLib.engine.detector import Detector
from RibFracDetectorLib.engine.execution import openvino_library, ways
from RibFracDetectorLib.engine.execution.executor import DeviceFullError, Executor, NoNumbersError
from RibFracDetectorLib.engine.execution.openvino_library import OpenVinoError
from RibFracDetectorLib.engine.execution.ways import Way, list_ways, make_executor
from RibFracDetectorLib.engine.network import RawOutput, build_network
from RibFracDetectorLib.engine.progress import Reporter
from RibFracDetectorLib.engine.self_check import Verdict
from RibFracDetectorLib.engine.settings import InferenceSettings, resolve_settings
from RibFracDetectorLib.engine.weights import Weights

CPU = torch.device("cpu")
TORCH = Way("torch", CPU, "fp32")
SMALL = ["roi_size=[32,32,32]", "target_spacings=null", "overlap=0"]


def openvino_is_here(monkeypatch: pytest.MonkeyPatch, here: bool = True) -> None:
    """Pretend that OpenVINO is installed on a machine on which it is fast, or that it is not."""
    monkeypatch.setattr(ways, "is_installed", lambda: here)
    monkeypatch.setattr(ways, "is_fast_here", lambda: here)


def test_openvino_comes_first_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_is_here(monkeypatch)
    monkeypatch.setattr(devices, "cpu_computes_bf16", lambda: True)
    assert list_ways("auto", "cpu", "fp32") == [Way("openvino", CPU, "fp32"), TORCH]
    assert list_ways("auto", "cpu", "bf16") == [
        Way("openvino", CPU, "bf16"),
        Way("openvino", CPU, "fp32"),
        TORCH,
    ]
    assert list_ways("openvino", "auto", "fp32")[0].engine == "openvino"
    assert list_ways("torch", "cpu", "fp32") == [TORCH]
    assert list_ways("torch", "cpu", "bf16") == [Way("torch", CPU, "bf16"), TORCH]


def test_it_is_not_missed_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_is_here(monkeypatch, here=False)
    assert list_ways("auto", "cpu", "fp32") == [TORCH]
    with pytest.raises(InputError, match="not installed"):
        list_ways("openvino", "cpu", "fp32")


def test_it_is_not_chosen_on_other_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_library, "is_installed", lambda: True)
    monkeypatch.setattr(openvino_library.platform, "machine", lambda: "arm64")
    assert list_ways("auto", "cpu", "fp32") == [TORCH]


def test_metal_is_checked_and_ends_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_is_here(monkeypatch, here=False)
    precisions = {"mps": "fp16", "cpu": "fp32"}
    monkeypatch.setattr(ways, "choose_precision", lambda _, device: precisions[device.type])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    found = list_ways("auto", "mps", "auto")
    assert found == [Way("torch", torch.device("mps"), "fp16"), TORCH]
    assert [way.is_trusted for way in found] == [False, True]


def test_impossible_choices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_is_here(monkeypatch)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(InputError, match="computes on the CPU, --device mps"):
        list_ways("openvino", "mps", "auto")
    with pytest.raises(InputError, match="--engine onnx: expected auto, torch, openvino"):
        list_ways("onnx", "cpu", "auto")


def test_a_failing_openvino_is_told_and_replaced(
    scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino_is_here(monkeypatch)

    def failing(way: Way, weights: Weights, settings: InferenceSettings) -> Executor:
        if way.engine == "openvino":
            raise OpenVinoError("the library is broken")
        return make_executor(way, weights, settings)

    monkeypatch.setattr(detector_module, "make_executor", failing)
    settings = resolve_settings("standard", assignments=SMALL)
    result = Detector([weights], settings, device="cpu", precision="fp32").detect(scan)
    assert (result.engine, result.precision) == ("torch", "fp32")
    assert any("the library is broken" in note and "by torch" in note for note in result.notes)


def test_what_was_made_in_advance_is_used_once_it_is_checked(
    scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Way] = []

    def counted(way: Way, *rest: object) -> Executor:
        made.append(way)
        return make_executor(way, *rest)

    half = Way("torch", CPU, "bf16")
    monkeypatch.setattr(detector_module, "list_ways", lambda *_: [half, TORCH])
    monkeypatch.setattr(Detector, "_inexactness", lambda *_: "not exact enough")
    monkeypatch.setattr(detector_module, "make_executor", counted)
    subject = Detector([weights], resolve_settings("standard", assignments=SMALL))
    subject.warm_up()
    assert made == [half]
    result = subject.detect(scan)
    assert result.precision == "fp32"
    assert made == [half, TORCH], "made in advance, found inexact, and replaced"


def test_an_openvino_that_fails_in_advance_is_told_with_the_scan(
    scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(way: Way, *rest: object) -> Executor:
        if way.engine == "openvino":
            raise OpenVinoError("the library is broken")
        return make_executor(way, *rest)

    openvino_is_here(monkeypatch)
    monkeypatch.setattr(detector_module, "make_executor", failing)
    settings = resolve_settings("standard", assignments=SMALL)
    subject = Detector([weights], settings, device="cpu", precision="fp32")
    subject.warm_up()
    result = subject.detect(scan)
    assert result.engine == "torch"
    assert any("the library is broken" in note for note in result.notes)


class FullDevice:
    """A device that holds no window, or only the first few."""

    def __init__(self, way: Way, patience: int) -> None:
        self.device, self.batch_limit = way.device, 1
        self.patience = patience
        self.network = build_network("S").eval()

    def __call__(self, windows: torch.Tensor, reporter: Reporter) -> list[RawOutput]:  # noqa: ARG002
        """Answer until the memory is full."""
        if self.patience == 0:
            raise DeviceFullError("out of memory on a small GPU")
        self.patience -= 1
        with torch.inference_mode():
            return [self.network(windows)]


@pytest.mark.parametrize("patience", [0, 1])
def test_a_full_device_is_told_and_left_for_the_cpu(
    patience: int, scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Way("torch", torch.device("mps"), "fp32")
    monkeypatch.setattr(detector_module, "list_ways", lambda *_: [gpu, TORCH])
    monkeypatch.setattr(Detector, "_inexactness", lambda *_: None)
    monkeypatch.setattr(
        detector_module,
        "make_executor",
        lambda way, *rest: FullDevice(way, patience) if way == gpu else make_executor(way, *rest),
    )
    settings = resolve_settings("standard", assignments=SMALL)
    subject = Detector([weights], settings)
    result = subject.detect(scan)
    assert (result.device, result.engine) == ("cpu", "torch")
    assert any("small GPU" in note and "cpu" in note for note in result.notes)
    monkeypatch.undo()
    expected = Detector([weights], settings, "standard", "cpu", "fp32", "torch").detect(scan)
    np.testing.assert_array_equal(result.inference.probability, expected.inference.probability)
    assert subject.detect(scan).notes == expected.notes, "the next case starts on the CPU"


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, torch.AcceleratorError])
def test_a_device_that_is_full_from_the_start_is_left_too(
    kind: type[RuntimeError], scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another program has its memory: not even the weights fit."""
    gpu = Way("torch", torch.device("mps"), "fp16")

    def full(way: Way, *rest: object) -> Executor:
        if way == gpu:
            raise kind("CUDA out of memory.\nCompile with TORCH_USE_CUDA_DSA")
        return make_executor(way, *rest)

    monkeypatch.setattr(detector_module, "list_ways", lambda *_: [gpu, TORCH])
    monkeypatch.setattr(detector_module, "make_executor", full)
    subject = Detector([weights], resolve_settings("standard", assignments=SMALL))
    subject.warm_up()
    result = subject.detect(scan)
    assert result.device == "cpu"
    (note,) = [text for text in result.notes if "going on with fp32 on cpu" in text]
    assert "\n" not in note


class Overflowing:
    """Half precision that overflows in one window of the scan, but not in the one that is checked."""

    def __init__(self, exact: Executor) -> None:
        self.device, self.batch_limit = exact.device, 1
        self._exact = exact
        self._windows = 0

    def __call__(self, windows: torch.Tensor, reporter: Reporter) -> list[RawOutput]:
        """The exact answer, but for the second window."""
        (output,) = self._exact(windows, reporter)
        self._windows += 1
        if self._windows == 2:
            with torch.inference_mode():
                output.class_logits[1][..., 0] = float("nan")
        return [output]


def test_half_precision_that_overflows_is_left_for_float32(
    scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = Way("torch", CPU, "bf16")

    def overflowing(way: Way, *rest: object) -> Executor:
        return Overflowing(make_executor(TORCH, *rest)) if way == half else make_executor(way, *rest)

    monkeypatch.setattr(detector_module, "list_ways", lambda *_: [half, TORCH])
    monkeypatch.setattr(Detector, "_inexactness", lambda *_: None)
    monkeypatch.setattr(detector_module, "make_executor", overflowing)
    settings = resolve_settings("standard", assignments=SMALL)
    result = Detector([weights], settings).detect(scan)
    assert result.precision == "fp32"
    assert any("not finite (bf16" in note and "going on with fp32" in note for note in result.notes)
    monkeypatch.undo()
    expected = Detector([weights], settings, "standard", "cpu", "fp32", "torch").detect(scan)
    np.testing.assert_array_equal(result.inference.probability, expected.inference.probability)
    np.testing.assert_array_equal(result.inference.detections.boxes, expected.inference.detections.boxes)


def test_a_check_that_gave_no_numbers_is_made_again_the_next_time(
    scan: CtVolume, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings or scan may be the cause, which the name of the remembered verdict does not tell."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(detector_module, "make_executor", lambda *_: None)
    subject = Detector([weights], resolve_settings("standard", assignments=SMALL), device="cpu")
    half = Way("torch", CPU, "bf16")
    for found, files in ((Verdict(float("nan"), 0.0), 0), (Verdict(0.9, 0.0), 1)):
        monkeypatch.setattr(detector_module, "check", lambda *_, verdict=found: verdict)
        subject._verdict(weights, half, None, scan.voxels, scan.grid.spacing)
        assert len(list(tmp_path.rglob("*.json"))) == files


def test_a_scan_that_was_not_searched_is_not_free_of_fractures(scan: CtVolume, weights: Weights) -> None:
    """The wrong normalisation, here, overflows float32 itself."""
    settings = resolve_settings("standard", assignments=[*SMALL, "divide=1e-36"])
    with pytest.raises(NoNumbersError, match="check that the weights are those of this network"):
        Detector([weights], settings, "standard", "cpu", "fp32", "torch").detect(scan)
    original = Detector([weights], settings, "original", "cpu").detect(scan)
    assert len(original.findings) == 0, "as the original has it"


def test_a_full_cpu_is_an_error(scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_module, "make_executor", lambda way, *_: FullDevice(way, 0))
    settings = resolve_settings("standard", assignments=SMALL)
    with pytest.raises(DeviceFullError):
        Detector([weights], settings, "standard", "cpu", "fp32", "torch").detect(scan)


@pytest.mark.skipif(not openvino_library.is_installed(), reason="OpenVINO is optional and not installed here")
def test_openvino_finds_what_pytorch_finds(scan: CtVolume, weights: Weights) -> None:
    settings = resolve_settings("standard", assignments=[*SMALL, "score_thr=0.005"])
    runs = [
        Detector([weights], settings, device="cpu", precision="fp32", engine=engine).detect(scan)
        for engine in ("openvino", "torch")
    ]
    assert [run.engine for run in runs] == ["openvino", "torch"]
    fast, exact = (run.inference for run in runs)
    assert len(exact.detections) > 3
    torch.testing.assert_close(fast.detections.boxes, exact.detections.boxes, atol=0.05, rtol=0)
    torch.testing.assert_close(fast.detections.scores, exact.detections.scores, atol=1e-3, rtol=0)
    torch.testing.assert_close(fast.probability, exact.probability, atol=1e-2, rtol=0)
