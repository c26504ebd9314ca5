"""Scans that are alike: windows that were met before are remembered, and what is found stays the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ribfrac_testing.campaigns import Campaign
from ribfrac_testing.command_line import SMALL, environment, ribfrac
from ribfrac_testing.networks import write_busy_checkpoint
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.findings_file import read_findings
from RibFracDetectorLib.engine.network import RawOutput
from RibFracDetectorLib.engine.progress import SilentReporter
from torch import Tensor


class Counting:
    """An executor that counts what it is asked."""

    device = torch.device("cpu")
    batch_limit = 8

    def __init__(self) -> None:
        self.windows = 0

    def __call__(self, windows: Tensor, reporter: SilentReporter) -> list[RawOutput]:  # noqa: ARG002
        self.windows += len(windows)
        return [RawOutput([], [], windows + 1)]


def test_a_window_is_computed_once(campaign: Campaign) -> None:
    counting = Counting()
    executor = campaign("similar_scans").RememberingExecutor(counting)
    one, other = torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4)
    other[0, 0, 3, 3, 3] = 1e-3
    asked = torch.cat([one, other, one])
    for _ in range(2):
        outputs = executor(asked, SilentReporter())
        assert torch.equal(torch.cat([output.seg_logits for output in outputs]), asked + 1)
    assert counting.windows == 2


@pytest.mark.slow
def test_what_is_found_in_a_copy_is_the_same(tmp_path: Path) -> None:
    voxels = chest((64, 64, 32), (4.0, 4.0, 4.0))
    copy = voxels.copy()
    copy[40:52, 20:30, 10:20] += 150
    weights = write_busy_checkpoint(tmp_path / "weights.pth", voxels[32:, 16:48])
    scans = [
        Stored(array, (4.0, 4.0, 4.0)).write(tmp_path / f"{name}.nii.gz")
        for name, array in (("scan", voxels), ("copy", copy))
    ]
    options = (*scans, "--weights", weights, *SMALL, "--progress", "none", "--output")
    assert ribfrac("detect", *options, tmp_path / "alone").returncode == 0
    script = REPOSITORY / "Testing" / "Campaigns" / "similar_scans.py"
    remembered = subprocess.run(
        [sys.executable, script, "detect", *options, tmp_path / "together"],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
    )
    assert remembered.returncode == 0, remembered.stderr
    alone, together = (
        {
            case: read_findings(tmp_path / folder / f"{case}_findings.json").findings
            for case in ("scan", "copy")
        }
        for folder in ("alone", "together")
    )
    assert together == alone
    assert alone["copy"] != alone["scan"]
