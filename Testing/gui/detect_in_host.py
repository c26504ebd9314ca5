"""Brings the module up on the test host and detects, for a test that kills this process.

Usage: detect_in_host.py CT CASE_FOLDER; prints "searching" when the engine is at its windows.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("Testing", "RibFracDetector", "RibFracTraining")]

import slicer_host  # noqa: E402

app = slicer_host.start()

import slicer.util  # noqa: E402
from slicer_host.application.scripted_modules import load_module  # noqa: E402


def main(ct: str, folder: str) -> None:
    """Detect for ever."""
    app.settings().setValue("RibFrac/caseFolder", folder)
    app.settings().setValue("RibFrac/precision", "fp32")
    slicer.util.loadVolume(ct)
    load_module(ROOT / "RibFracDetector" / "RibFracDetector.py")
    slicer_host.main_window()
    slicer.util.selectModule("RibFracDetector")
    ui = slicer.util.getModuleWidget("RibFracDetector").panel.ui
    clicked = False
    while True:
        app.processEvents()
        time.sleep(0.005)
        if not clicked and ui.detectButton.enabled:
            clicked = True
            ui.detectButton.click()
        if ui.progressLabel.text.startswith("Searching"):
            print("searching", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
