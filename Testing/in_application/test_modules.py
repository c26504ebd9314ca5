"""The extension's modules in the application: loaded, shown, left, reloaded, and their own tests."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import slicer
import slicer.util

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in ROOT.glob("RibFrac*/RibFrac*.py") if path.stem == path.parent.name)
HEAVY = frozenset(["torch", "monai", "SimpleITK", "openvino", "pytorch_lightning"])


def module(name: str) -> object:
    """A loaded module."""
    return getattr(slicer.modules, name.lower())


def shown() -> list[str]:
    """The modules that have a panel."""
    return [name for name in NAMES if not module(name).hidden]


class ModulesTest(unittest.TestCase):
    """What a user meets first."""

    def tearDown(self) -> None:
        """Leave nothing behind."""
        slicer.util.selectModule("Data")
        slicer.mrmlScene.Clear(0)

    def test_modules_are_loaded(self) -> None:
        """Each says what it is, and that it is for research."""
        self.assertIn("RibFracTraining", NAMES)
        for name in NAMES:
            with self.subTest(name):
                self.assertTrue(module(name).title.startswith("RibFrac"))
                self.assertIn("research", module(name).helpText)
                self.assertTrue(module(name).categories)
                self.assertTrue(module(name).contributors)

    def test_panels_can_be_left_and_shown_again(self) -> None:
        """The same panel comes back."""
        for name in shown():
            with self.subTest(name):
                slicer.util.selectModule(name)
                panel = slicer.util.getModuleWidget(name)
                slicer.util.selectModule("Data")
                slicer.util.selectModule(name)
                self.assertIs(slicer.util.getModuleWidget(name), panel)

    def test_panels_load_no_engine(self) -> None:
        """Opening the panel is quick, and a fault of the engine's libraries cannot end the application."""
        before = set(sys.modules)
        for name in shown():
            slicer.util.selectModule(name)
        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        self.assertEqual(loaded & HEAVY, set())

    def test_panels_survive_the_closing_of_the_scene(self) -> None:
        """As when a user closes the scene while a panel is open."""
        for name in shown():
            with self.subTest(name):
                slicer.util.selectModule(name)
                slicer.mrmlScene.Clear(0)
                slicer.app.processEvents()

    def test_reload_makes_the_panel_anew(self) -> None:
        """As the button "Reload" does."""
        for name in shown():
            with self.subTest(name):
                slicer.util.selectModule(name)
                old = slicer.util.getModuleWidget(name)
                old.onReload()
                self.assertIsNot(slicer.util.getModuleWidget(name), old)

    def test_self_tests(self) -> None:
        """As "Reload and Test" does."""
        for name in shown():
            with self.subTest(name):
                slicer.selfTests[name]()
