"""Batches, memory and precision: what the executor of PyTorch does around the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ribfrac_testing.command_line import environment
from ribfrac_testing.full_disk import file_size_limit
from RibFracDetectorLib.case.errors import RibFracError
from RibFracDetectorLib.commands.crash_log import log_traceback
from RibFracDetectorLib.engine.execution.torch_executor import TorchExecutor
from RibFracDetectorLib.engine.execution.ways import Way
from RibFracDetectorLib.engine.network import RawOutput
from RibFracDetectorLib.engine.progress import SilentReporter
from RibFracDetectorLib.engine.results.spine import BONE_HU
from RibFracDetectorLib.engine.self_check import (
    Verdict,
    boniest_window,
    cache_key,
    check,
    remember,
    remembered,
)
from torch import nn

WINDOWS = torch.arange(7.0).reshape(7, 1, 1, 1, 1).expand(7, 1, 32, 32, 32)


class SmallDevice(nn.Module):
    """A network on a device that holds `capacity` windows; answers with the window's mean."""

    def __init__(self, capacity: int, noise: float = 0.0) -> None:
        super().__init__()
        self.capacity, self.noise = capacity, noise
        self.batches: list[int] = []

    def forward(self, windows: torch.Tensor) -> RawOutput:
        """Fail as CUDA does when the batch is too large."""
        if len(windows) > self.capacity:
            raise torch.OutOfMemoryError("out of memory")
        self.batches.append(len(windows))
        values = windows.mean(dim=(1, 2, 3, 4)) + self.noise
        logits = values.reshape(-1, 1, 1, 1, 1)
        return RawOutput([logits], [logits], torch.cat([-logits, logits], dim=1))


class Notes(SilentReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        """Keep the note."""
        self.texts.append(text)


def executor(capacity: int, limit: int, noise: float = 0.0) -> TorchExecutor:
    """An executor whose CPU stands for a device that profits from batches."""
    made = TorchExecutor(SmallDevice(capacity, noise), torch.device("cpu"), "fp32", limit)
    made.batch_limit = limit
    return made


def test_batches_shrink_until_they_fit_and_say_so() -> None:
    reporter, runner = Notes(), executor(capacity=3, limit=8)
    outputs = runner(WINDOWS, reporter)
    values = torch.cat([output.class_logits[0].flatten() for output in outputs])
    assert values.tolist() == list(range(7)), "every window once, in order"
    assert max(runner.network.batches) <= 3
    assert len(reporter.texts) == 1
    assert "out of memory" in reporter.texts[0]


def test_one_window_too_large_is_an_error_of_one_line() -> None:
    with pytest.raises(RibFracError, match="single window of \\(32, 32, 32\\) voxels"):
        executor(capacity=0, limit=2)(WINDOWS, SilentReporter())


def test_a_cpu_takes_one_window_at_a_time() -> None:
    assert TorchExecutor(SmallDevice(9), torch.device("cpu"), "fp32", 8).batch_limit == 1


def test_float32_is_not_shortened_to_tf32() -> None:
    """cuDNN would, by default, on GPUs with tensor cores."""
    shortened: list[bool] = []

    class Curious(SmallDevice):
        def forward(self, windows: torch.Tensor) -> RawOutput:
            shortened.append(torch.backends.cudnn.allow_tf32)
            return super().forward(windows)

    before = torch.backends.cudnn.allow_tf32
    TorchExecutor(Curious(9), torch.device("cpu"), "fp32", 1)(WINDOWS[:1], SilentReporter())
    assert shortened == [False]
    assert torch.backends.cudnn.allow_tf32 == before, "others may have it"


def test_the_oldest_torch_that_is_accepted_can_be_used() -> None:
    """It lacks names of later ones."""
    code = "import torch\ndel torch.OutOfMemoryError, torch.AcceleratorError\n"
    code += "import RibFracDetectorLib.engine.detector"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_check_tells_a_close_network_from_a_distant_one() -> None:
    window = torch.zeros(1, 32, 32, 32)
    assert check(executor(1, 1, noise=0.01), executor(1, 1), window).passed
    assert not check(executor(1, 1, noise=0.5), executor(1, 1), window).passed
    assert not check(executor(1, 1, noise=float("nan")), executor(1, 1), window).passed


def test_a_candidate_that_only_one_way_shows_is_seen() -> None:
    shown, hidden = executor(1, 1, noise=-1.5), executor(1, 1, noise=-3.0)  # scores 0.18 and 0.05
    window = torch.zeros(1, 32, 32, 32)
    for one, other in ((shown, hidden), (hidden, shown)):
        assert check(one, other, window).score_difference == pytest.approx(0.135, abs=1e-3)


def test_either_difference_can_be_too_large() -> None:
    assert Verdict(0.05, 0.02).passed
    assert not Verdict(0.051, 0.0).passed
    assert not Verdict(0.0, 0.021).passed


def test_the_window_that_is_checked_has_the_most_bone() -> None:
    image = np.full((64, 48, 32), -1000, np.int16)
    image[40:52, 4:12, 8:20] = image[4:8, 36:44, 8:20] = BONE_HU + 100
    assert boniest_window(image, (32, 32, 32), 0.0) == (32, 0, 0)


def test_verdicts_are_remembered_by_what_they_depend_on(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cpu = torch.device("cpu")
    key = cache_key("a" * 64, Way("torch", cpu, "bf16"), (32, 32, 32))
    assert remembered(key) is None
    remember(key, Verdict(0.01, 0.001))
    assert remembered(key) == Verdict(0.01, 0.001)
    others = [
        cache_key("b" * 64, Way("torch", cpu, "bf16"), (32, 32, 32)),
        cache_key("a" * 64, Way("torch", cpu, "fp16"), (32, 32, 32)),
        cache_key("a" * 64, Way("openvino", cpu, "bf16"), (32, 32, 32)),
        cache_key("a" * 64, Way("torch", cpu, "bf16"), (48, 32, 32)),
    ]
    assert len({key, *others}) == 5


def test_only_numbers_are_remembered() -> None:
    """Wrong settings give none with any weights; the next run may have the right ones."""
    assert Verdict(0.01, 0.001).is_finite
    assert not Verdict(float("nan"), 0.001).is_finite
    assert not Verdict(0.01, float("nan")).is_finite


def test_a_verdict_that_cannot_be_kept_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with file_size_limit(10):
        remember("key", Verdict(0.01, 0.001))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert remembered("key") is None


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers and on clusters."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", _nobody)
    remember("key", Verdict(0.01, 0.001))
    assert remembered("key") is None
    assert "no log file" in str(log_traceback(ValueError("planted")))


def _nobody(_number: int) -> None:
    raise KeyError("uid not found")
