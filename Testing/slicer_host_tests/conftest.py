"""The tests of the test host run on it: it is brought up before they are imported."""

from __future__ import annotations

import slicer_host
from slicer_host.fixtures import app, no_slot_errors, scene, settings, show_module

slicer_host.start()

__all__ = ["app", "no_slot_errors", "scene", "settings", "show_module"]
