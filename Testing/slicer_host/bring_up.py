"""Brings the host's parts up in the order in which they need each other."""

from __future__ import annotations

import sys
from pathlib import Path

import slicer
import slicer.util

from . import pythonqt, slot_errors

PYTHON_MODULES = Path(__file__).with_name("python_modules")


def start_application() -> object:
    """Make `qt`, `ctk`, the Qt classes of `slicer`, `slicer.app` and the main window."""
    qt = pythonqt.install()
    slot_errors.install()
    from . import ui_loader  # needs Qt to look like PythonQt, as all that follows

    qt.QUiLoader = ui_loader.UiLoader
    sys.path.append(str(PYTHON_MODULES))
    slicer.__path__.append(str(PYTHON_MODULES / "slicer"))
    from .application.application import make_application

    app = make_application()
    from .application.main_window import qSlicerMainWindow

    app._main_window = qSlicerMainWindow()
    return app
