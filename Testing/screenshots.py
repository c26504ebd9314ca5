#!/usr/bin/env python3
"""Make the pictures of the README: the module RibFracDetector on the test host, with a CT of your choice.

    python Testing/screenshots.py CT.nii.gz OUTPUT --weights NAME     detects, and takes pictures before,
                                                                      during and after
    python Testing/screenshots.py CT.nii.gz OUTPUT --findings FILE    opens a stored case instead

They show the panel as it is, and the slices and the 3D view as slicer-core's displayable managers draw them,
not the window of 3D Slicer itself. Publish no picture of a person's scan.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("Testing", "RibFracDetector", "RibFracTraining")]

import slicer_host  # noqa: E402

app = slicer_host.start()

import slicer.util  # noqa: E402
from slicer_host import pictures, slot_errors  # noqa: E402
from slicer_host.application.scripted_modules import load_module, unload_module  # noqa: E402

MODULE = ROOT / "RibFracDetector" / "RibFracDetector.py"
READY_S, DETECTION_S = 60.0, 3600.0
DEFAULT_FOLDER = "~/RibFrac"
READY = "Detect fractures"  # what the button says while nothing runs


def main() -> int:
    """Take the pictures; returns the exit status."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as cases:
        for key, value in {"caseFolder": options.case_folder or cases, "reader": "A", **options.set}.items():
            app.settings().setValue(f"RibFrac/{key}", value)
        try:
            take(options)
        finally:
            slicer.util.selectModule("")
            unload_module(MODULE.stem)
            pictures.settle()
    errors = slot_errors.take()
    for picture in sorted(options.output.glob("*.png")):
        print(picture)
    return 1 if errors else 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("output", type=Path, help="folder for the pictures")
    parser.add_argument("--findings", type=Path, help="CASE_findings.json of a stored case")
    parser.add_argument("--weights", help="name of a model in the catalogue, the first by default")
    parser.add_argument("--case-folder", type=Path, help="where detection writes (a temporary folder)")
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--size", default="1600x1000", help="of the window (%(default)s)")
    options = parser.parse_args()
    options.set = dict(options.set)
    return options


def setting(text: str) -> tuple[str, str]:
    """One of the module's settings from KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: KEY=VALUE is expected")
    return key, value


def take(options: argparse.Namespace) -> None:
    """Bring the module up and take every picture."""
    window = slicer_host.main_window()
    window.resize(*(int(length) for length in options.size.split("x")))
    load_module(MODULE)
    slicer_host.complete_startup()
    volume = slicer.util.loadVolume(str(options.ct))
    app.layoutManager()
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    slicer.util.selectModule(MODULE.stem)
    panel = slicer.util.getModuleWidget(MODULE.stem).panel
    if options.case_folder is None:  # what users see, not the temporary folder of this run
        panel.ui.caseFolderButton.text = DEFAULT_FOLDER
    panel.ui.ctSelector.setCurrentNode(volume)
    pictures.settle()
    slicer.util.resetSliceViews()
    pictures.show_bones(volume)
    if options.findings is None:
        detect(panel.ui, options)
    else:
        from RibFracDetectorLib.gui.open_case import case_files_of

        panel.review.open(case_files_of(options.findings), volume)
    review(panel, options.output)


def detect(ui: Any, options: argparse.Namespace) -> None:
    """Detect, with a picture before and one about half way."""
    if options.weights is not None:
        ui.modelComboBox.setCurrentIndex(ui.modelComboBox.findData(options.weights))
    if not pictures.wait_until(lambda: ui.detectButton.enabled, READY_S):
        raise SystemExit(f"error: detection cannot begin: {ui.detectButton.toolTip}")
    window = slicer_host.main_window()
    pictures.save(window, options.output / "before.png")
    ui.detectButton.click()
    pictures.wait_until(lambda: half_done(ui.progressBar) or ui.detectButton.text == READY, DETECTION_S)
    if ui.detectButton.text != READY:
        pictures.save(window, options.output / "during.png")
    if not pictures.wait_until(lambda: ui.detectButton.text == READY, DETECTION_S):
        raise SystemExit("error: detection did not end")


def half_done(bar: Any) -> bool:
    """Whether a progress bar that knows its end is past its middle, where a second pass may begin."""
    return bar.maximum > bar.minimum and 2 * bar.value > bar.minimum + bar.maximum


def review(panel: Any, output: Path) -> None:
    """The first finding up close: the whole window, the panel alone, the views alone."""
    session = panel.review.session
    if session is None:
        raise SystemExit(f"error: no case was opened: {panel.ui.messageLabel.text}")
    window = slicer_host.main_window()
    panel.ui.findingsTable.selectRow(0)
    pictures.settle(1.0)
    pictures.save(window, output / "review.png")
    pictures.save(panel.ui.RibFracDetector, output / "panel.png")
    pictures.save(window.centralWidget(), output / "views.png")
    manager = app.layoutManager()
    pictures.save(manager.threeDWidget(0).threeDView(), output / "three_d.png")


if __name__ == "__main__":
    sys.exit(main())
