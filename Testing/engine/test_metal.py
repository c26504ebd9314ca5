"""Apple's Metal lacks operations, types and memory, and tells so by errors of any kind: the CPU goes on.

Metal itself is on no machine of ours; a network that fails as PyTorch does there stands in for it.
"""

from __future__ import annotations

import pytest
import torch
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.engine import detector as detector_module
from RibFracDetectorLib.engine.detector import Detector
from RibFracDetectorLib.engine.execution.executor import Executor
from RibFracDetectorLib.engine.execution.torch_executor import TorchExecutor
from RibFracDetectorLib.engine.execution.ways import Way, make_executor
from RibFracDetectorLib.engine.network import RawOutput
from RibFracDetectorLib.engine.settings import resolve_settings
from RibFracDetectorLib.engine.weights import Weights

CPU = torch.device("cpu")
TORCH = Way("torch", CPU, "fp32")
SMALL = ["roi_size=[32,32,32]", "target_spacings=null", "overlap=0"]
UNKNOWN_TO_METAL = (
    NotImplementedError("The operator 'aten::upsample_trilinear3d.out' is not implemented for MPS."),
    RuntimeError("User specified an unsupported autocast device_type 'mps'"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB)"),
    TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64"),
)


class Incomplete(torch.nn.Module):
    """A network with something that its device does not know."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, _windows: torch.Tensor) -> RawOutput:
        """Fail as PyTorch does."""
        raise self.error


@pytest.mark.parametrize("error", UNKNOWN_TO_METAL, ids=["operation", "autocast", "memory", "type"])
def test_what_metal_does_not_know_is_left_for_the_cpu(
    error: Exception, scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` takes Metal on every Mac that has it, so a missing operation must not be the end there."""
    metal = Way("torch", torch.device("mps"), "fp32")

    def made(way: Way, *rest: object) -> Executor:
        if way != metal:
            return make_executor(way, *rest)
        executor = TorchExecutor(Incomplete(error), CPU, "fp32", 1)
        executor.batch_limit = 8
        return executor

    monkeypatch.setattr(detector_module, "list_ways", lambda *_: [metal, TORCH])
    monkeypatch.setattr(detector_module, "make_executor", made)
    result = Detector([weights], resolve_settings("standard", assignments=SMALL)).detect(scan)
    assert result.device == "cpu"
    (note,) = [text for text in result.notes if "going on with fp32 on cpu" in text]
    assert note.startswith(str(error)[:20]) or "out of memory" in note


def test_another_device_s_unknown_failures_are_told(
    scan: CtVolume, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object) -> Executor:
        return TorchExecutor(Incomplete(RuntimeError("a fault")), CPU, "fp32", 1)

    monkeypatch.setattr(detector_module, "make_executor", made)
    subject = Detector(
        [weights], resolve_settings("standard", assignments=SMALL), "standard", "cpu", "fp32", "torch"
    )
    with pytest.raises(RuntimeError, match="a fault"):
        subject.detect(scan)
