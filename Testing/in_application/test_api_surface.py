"""The names that the test host takes for the application's exist there."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

import ctk
import slicer

SURFACE = json.loads(
    (Path(__file__).resolve().parents[1] / "slicer_host" / "api_surface.json").read_text(encoding="utf-8")
)
# Classes of widgets that can be made by themselves.
WIDGETS = (
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
    "ctkDirectoryButton",
    "ctkDoubleSpinBox",
    "ctkPathLineEdit",
    "ctkRangeWidget",
    "ctkSliderWidget",
    "qMRMLNodeComboBox",
    "qMRMLSegmentEditorWidget",
    "qMRMLSegmentsTableView",
    "qMRMLTableView",
    "qMRMLWidget",
)
IS_HOST = "slicer_host" in type(slicer.app).__module__


def missing_names(name: str) -> list[str]:
    """What the list says of a class and its object does not have."""
    widget = getattr(ctk if name.startswith("ctk") else slicer, name)()
    entry = SURFACE[name]
    signals = {signature.partition("(")[0] for signature in entry["signals"]}
    return [
        attribute
        for attribute in [*entry["properties"], *entry["methods"], *sorted(signals)]
        if not hasattr(widget, attribute)
    ]


class ApiSurfaceTest(unittest.TestCase):
    """The host refuses every name that is not in the list."""

    @unittest.skipIf(IS_HOST, "the list is compared with the application, and this is the test host")
    def test_names_exist(self) -> None:
        """Every property, function and signal of the list."""
        for name in WIDGETS:
            with self.subTest(name):
                self.assertEqual(missing_names(name), [])

    def test_widgets_are_listed(self) -> None:
        """Each widget that is compared stands in the list."""
        self.assertEqual([name for name in WIDGETS if name not in SURFACE], [])
