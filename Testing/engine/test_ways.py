"""Which library computes the network, in which order, and what happens when the first choice fails."""

from __future__ import annotations

import pytest
import torch
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.engine import detector as detector_module
from RibFracDetectorLib.engine.detector import Detector
from RibFracDetectorLib.engine.execution import openvino_library, ways
from RibFracDetectorLib.engine.execution.executor import Executor
from RibFracDetectorLib.engine.execution.openvino_library import OpenVinoError
from RibFracDetectorLib.engine.execution.ways import Way, list_ways, make_executor
from RibFracDetectorLib.engine.settings import InferenceSettings, resolve_settings
from RibFracDetectorLib.engine.weights import Weights, load_weights

CPU = torch.device("cpu")
TORCH = Way("torch", CPU, "fp32")
SMALL = ["roi_size=[32,32,32]", "target_spacings=null", "overlap=0"]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> CtVolume:
    """A small chest."""
    return read_ct(Stored(chest((40, 32, 32))).write(tmp_path_factory.mktemp("scan") / "scan.nii.gz"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Seeded random weights of S."""
    path = tmp_path_factory.mktemp("weights") / "seeded.pth"
    torch.save({"state_dict": seeded_state_dict("S")}, path)
    return load_weights(path)


def openvino_is_here(monkeypatch: pytest.MonkeyPatch, here: bool = True) -> None:
    """Pretend that OpenVINO is installed on a machine on which it is fast, or that it is not."""
    monkeypatch.setattr(ways, "is_installed", lambda: here)
    monkeypatch.setattr(ways, "is_fast_here", lambda: here)


def test_openvino_comes_first_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_is_here(monkeypatch)
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
