"""A test host: what the application has and the `slicer-core` wheel lacks, on PySide6, without a screen.

`slicer-core` holds the application's own MRML, logics, displayable managers and `slicer.util`. The host adds
`qt`, `ctk`, the Qt classes of `slicer`, `slicer.app`, `slicer.modules`, the base classes of a scripted module
and the views. `start()` once, then `import slicer, qt, ctk` work as in the application, and
`load_module(path)` brings up a scripted module.

The host is strict, because a test that passes here must mean something: a host class refuses every name that
the application's class of that name lacks (`surface`), a signal that does not exist raises, and an exception
in a slot is kept (`slot_errors`). It is own code, written from the published interfaces, and does not prove
that the application itself behaves so.
"""

from __future__ import annotations

import os
import sys

from .immortals import make_immortal

make_immortal()

_started: list[object] = []


def start() -> object:
    """Bring the host up, once in a process, and return `slicer.app`.

    Afterwards `qt`, `ctk` and all of `slicer` can be imported. PySide6 looks like PythonQt from then on, so
    nothing else in the process can use it.
    """
    if not _started:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        # Else the plotting library would take the host's Qt for its window system.
        os.environ.setdefault("MPLBACKEND", "agg")
        # VTK draws without a screen too; elsewhere its usual window can do that by itself.
        if sys.platform == "linux":
            os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
        from .bring_up import start_application

        _started.append(start_application())
    return _started[0]


def main_window() -> object:
    """The main window, shown and active, so that shortcuts and the focus work as for a user."""
    from PySide6 import QtTest

    window = start()._main_window
    if not window.isActiveWindow:
        window.resize(1440, 900)
        window.show()
        window.activateWindow()
        QtTest.QTest.qWaitForWindowActive(window)
    return window


def complete_startup() -> None:
    """Say that the application is up, which it does once, after all modules are loaded."""
    start().startupCompleted.emit()


def exit_code() -> int | None:
    """The code with which the application was asked to end, None if it was not."""
    return start()._exit_code


def remove_temporary_files() -> None:
    """Remove the application's temporary folder: a process that ends without Python's clean-up leaves it."""
    start()._folder.cleanup()


def press(widget: object, keys: str) -> None:
    """Press keys on a widget as a user does, each named as in a shortcut: "A", "Ctrl+Z", "Down"."""
    from PySide6 import QtGui, QtTest

    combination = QtGui.QKeySequence(keys)[0]
    QtTest.QTest.keyClick(widget, combination.key(), combination.keyboardModifiers())
