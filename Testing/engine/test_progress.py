"""The clock of the stages: what each took in all, and that nothing begins after a cancellation."""

from __future__ import annotations

import time

import pytest
from RibFracDetectorLib.engine.progress import CancelledError, SilentReporter, StageClock


def test_seconds_of_a_stage_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 2.0, 10.0, 11.0, 20.0, 23.0])
    clock = StageClock(SilentReporter())
    with monkeypatch.context() as patched:
        patched.setattr(time, "perf_counter", lambda: next(moments))
        for name in ("network", "merge", "network"):
            with clock.stage(name):
                pass
    assert clock.seconds == {"network": 5.0, "merge": 1.0}


def test_no_stage_begins_after_a_cancellation() -> None:
    class Unwanted(SilentReporter):
        def cancelled(self) -> bool:
            return True

    clock = StageClock(Unwanted())
    with pytest.raises(CancelledError) as caught, clock.stage("write"):
        raise AssertionError("the stage has begun")
    assert caught.value.exit_status == 130
    assert clock.seconds == {}
