"""`ribfrac` with a memory: a window that was computed before is not computed again.

    python Testing/Campaigns/similar_scans.py detect ...

Copies of one scan with a dozen fractures each differ in few of its windows, so searching the second and all
that follow takes a fraction of the time. The numbers are the same: the network sees one window at a time.
Half a megabyte is kept for a window of the demonstration's size, until the command ends.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from unittest import mock

from RibFracDetectorLib.cli import main
from RibFracDetectorLib.engine import detector
from RibFracDetectorLib.engine.execution.executor import Executor
from RibFracDetectorLib.engine.network import RawOutput
from RibFracDetectorLib.engine.progress import Reporter
from torch import Tensor


class RememberingExecutor:
    """See `Executor`.

    Args:
        executor: computes what was not met before.
    """

    def __init__(self, executor: Executor) -> None:
        self.device = executor.device
        self.batch_limit = 1
        self._executor = executor
        self._known: dict[bytes, list[RawOutput]] = {}

    def __call__(self, windows: Tensor, reporter: Reporter) -> list[RawOutput]:
        """See `Executor.__call__`."""
        return [output for window in windows.split(1) for output in self._output(window, reporter)]

    def _output(self, window: Tensor, reporter: Reporter) -> list[RawOutput]:
        key = hashlib.blake2b(window.contiguous().numpy()).digest()
        if key not in self._known:
            self._known[key] = self._executor(window, reporter)
        return self._known[key]


def _remembering(make_executor: Callable[..., Executor]) -> Callable[..., RememberingExecutor]:
    return lambda *arguments: RememberingExecutor(make_executor(*arguments))


if __name__ == "__main__":
    with mock.patch.object(detector, "make_executor", _remembering(detector.make_executor)):
        sys.exit(main())
