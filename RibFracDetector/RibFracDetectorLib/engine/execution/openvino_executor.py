"""The network on a CPU by OpenVINO, window by window.

Its float32 differs from PyTorch's by a few thousandths (other algorithms for the convolutions), so its
results, in any precision, are used only after the check of `self_check`. D's dynamic head stays in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...case.errors import RibFracError
from ..network import RawOutput
from ..progress import Reporter
from ..weights import Weights
from .compiled_models import compiled_model

LEVELS = 3


class OpenVinoExecutor:
    """See `Executor`.

    Attributes:
        window: the only size (x, y, z) of windows that it takes.

    Raises:
        OpenVinoError: OpenVINO is not here or fails.
    """

    def __init__(self, weights: Weights, window: Sequence[int], precision: str) -> None:
        self.device = torch.device("cpu")
        self.batch_limit = 1
        self.window = tuple(window)
        self._request = compiled_model(weights, window, precision).create_infer_request()
        # The largest part is in the graph; the module keeps the dynamic head alone.
        self._head = weights.network().bbox_head if weights.architecture == "D" else None

    def __call__(self, windows: Tensor, reporter: Reporter) -> list[RawOutput]:  # noqa: ARG002
        """See `Executor.__call__`."""
        return [self._forward(window) for window in windows.split(1)]

    def _forward(self, window: Tensor) -> RawOutput:
        if tuple(window.shape[2:]) != self.window:
            raise ValueError(f"compiled for windows of {self.window} voxels, not {tuple(window.shape[2:])}")
        try:
            found = self._request.infer([window.contiguous().numpy()], share_inputs=True)
        except RuntimeError as error:
            raise RibFracError(
                f"OpenVINO failed ({' '.join(str(error).split())}): use --engine torch"
            ) from error
        tensors = [torch.from_numpy(found[index]) for index in range(len(found))]
        return self._whole_output(tensors) if self._head is None else self._headed_output(tensors)

    def _whole_output(self, tensors: list[Tensor]) -> RawOutput:
        return RawOutput(tensors[:LEVELS], tensors[LEVELS : 2 * LEVELS], tensors[-1])

    def _headed_output(self, tensors: list[Tensor]) -> RawOutput:
        with torch.inference_mode():
            logits, deltas = self._head(tensors[:LEVELS])
        return RawOutput(logits, deltas, tensors[-1])
