"""Signals ask a run to end: the first between two steps, the second at once."""

from __future__ import annotations

import signal

import pytest
from RibFracTrainingLib.training.loop.stopping import SIGNALS, Stopper, TrainingInterruptedError


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_remembered_and_the_second_ends_at_once(number: int) -> None:
    before = signal.getsignal(number)
    with Stopper().installed() as stopper:
        assert not stopper.requested
        signal.raise_signal(number)
        assert stopper.requested
        with pytest.raises(TrainingInterruptedError, match="stopped at once") as error:
            signal.raise_signal(number)
    assert error.value.exit_status == 130
    assert signal.getsignal(number) == before


def test_other_processes_are_told_but_of_ctrl_c_which_reaches_them_itself() -> None:
    for number in SIGNALS:
        told: list[int] = []
        with Stopper().installed() as stopper:
            stopper.install(told.append)  # again, as at the begin of the fit
            signal.raise_signal(number)
        assert told == ([] if number == signal.SIGINT else [number])
