"""A thousand scans with ten thousand findings, in a process of its own, within a gigabyte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.evaluation_data import write_simulated_runs
from ribfrac_testing.peak_memory import PEAK_BYTES
from ribfrac_testing.reference import REPOSITORY

SCANS, FINDINGS = 1000, 10
GIGABYTE = 2**30

MEASURE = f"""{PEAK_BYTES}
import json, sys
from pathlib import Path
from RibFracDetectorLib.evaluation.run_evaluation import Request, run_evaluation
run, truth, output, *metrics = sys.argv[1:]
run_evaluation(Request(Path(run), Path(truth), Path(output), metrics))
print(json.dumps(peak_bytes()))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource.getrusage")
def test_a_thousand_scans(tmp_path: Path) -> None:
    run, truth = write_simulated_runs(tmp_path, SCANS, findings=FINDINGS)
    output = tmp_path / "out"
    command = [sys.executable, "-c", MEASURE, str(run), str(truth), str(output), "center", "map"]
    done = subprocess.run(
        command, cwd=REPOSITORY / "RibFracDetector", capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) < GIGABYTE
    values = json.loads((output / "center.json").read_text())["det"]
    assert values["scans"] == SCANS
    assert values["detections"] == SCANS * FINDINGS
    assert len(values["per_case"]) == SCANS
