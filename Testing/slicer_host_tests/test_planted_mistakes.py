"""Mistakes that the application would print, hide or show as an empty panel: the host catches each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk
import pytest
import qt
import slicer
import slicer.util
from slicer_host import slot_errors

UI = Path(__file__).parent / "demo_module" / "Resources" / "UI" / "HostDemo.ui"


def nothing(*arguments: Any) -> None:
    """A slot."""


MISTAKES: dict[str, tuple[type[BaseException], Callable[[], Any]]] = {
    "signal misspelt": (ValueError, lambda: qt.QPushButton().connect("clikced()", nothing)),
    "signal with other arguments": (ValueError, lambda: qt.QPushButton().connect("clicked(int)", nothing)),
    "signal of a host class with other arguments": (
        ValueError,
        lambda: slicer.qMRMLNodeComboBox().connect("currentNodeChanged(int)", nothing),
    ),
    "signal of Qt 5 only": (
        ValueError,
        lambda: qt.QComboBox().connect("currentIndexChanged(QString)", nothing),
    ),
    "slot that is called instead of given": (
        TypeError,
        lambda: qt.QPushButton().connect("clicked()", nothing()),
    ),
    "property misspelt": (AttributeError, lambda: setattr(qt.QPushButton(), "txet", "Detect")),
    "property of a host class misspelt": (
        AttributeError,
        lambda: setattr(ctk.ctkSliderWidget(), "maximun", 1.0),
    ),
    "property called as a function": (TypeError, lambda: qt.QPushButton("Detect").text()),
    "boolean property called as a function": (TypeError, lambda: qt.QPushButton().enabled()),
    "function assigned": (AttributeError, lambda: setattr(qt.QLabel(), "setText", "Detect")),
    "property hidden by a static function": (
        AttributeError,
        lambda: setattr(qt.QTimer(), "singleShot", True),
    ),
    "new attribute on a C++ object": (AttributeError, lambda: setattr(qt.QWidget(), "findings", [])),
    "private attribute on a C++ object": (AttributeError, lambda: setattr(qt.QWidget(), "_findings", [])),
    "text for a number": (AttributeError, lambda: setattr(qt.QProgressBar(), "value", "12")),
    "read-only property assigned": (AttributeError, lambda: setattr(qt.QTimer(), "active", True)),
    "name that the application's class lacks": (
        AttributeError,
        lambda: slicer.qMRMLNodeComboBox().currentNodes,
    ),
    "name of the host's own": (AttributeError, lambda: slicer.qMRMLNodeComboBox()._offered),
    "name of PySide6's own": (AttributeError, lambda: qt.Signal),
    "unknown module": (RuntimeError, lambda: slicer.util.selectModule("RibFracDetecter")),
    "unknown effect": (ValueError, lambda: _segment_editor().setActiveEffectByName("Piant")),
}


def _segment_editor() -> Any:
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLSegmentEditorNode(slicer.vtkMRMLSegmentEditorNode())
    return editor


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.usefixtures("scene", "no_slot_errors")
def test_mistake_is_caught(mistake: str) -> None:
    error, make = MISTAKES[mistake]
    with pytest.raises(error):
        make()


UI_MISTAKES = {
    "unknown class": ('class="QPushButton" name="countButton"', 'class="QPushBotton" name="countButton"'),
    "unknown property of a Qt class": (
        '<property name="text"><string>Count',
        '<property name="txet"><string>Count',
    ),
    "unknown property of a host class": ('name="noneEnabled"', 'name="noneEnable"'),
    "connection to a missing widget": ("<receiver>inputSelector", "<receiver>inputSelecter"),
    "connection of a missing signal": ("mrmlSceneChanged(vtkMRMLScene*)", "mrmlSceneChange(vtkMRMLScene*)"),
    "connection to a missing slot": ("<slot>setMRMLScene", "<slot>setMRMLScenes"),
}


@pytest.mark.parametrize("mistake", UI_MISTAKES)
@pytest.mark.usefixtures("scene", "no_slot_errors")
def test_mistake_in_a_panel_file_is_caught(mistake: str, tmp_path: Path) -> None:
    right, wrong = UI_MISTAKES[mistake]
    text = UI.read_text(encoding="utf-8")
    assert right in text
    path = tmp_path / "wrong.ui"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(
        RuntimeError, match=re.escape(wrong.rpartition('"')[0].rpartition('"')[2] or wrong[-8:])
    ):
        slicer.util.loadUI(str(path))


def test_an_exception_in_a_slot_is_kept() -> None:
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert [type(error) for error in slot_errors.take()] == [ZeroDivisionError]


def test_an_exception_in_an_observer_is_kept() -> None:
    node = slicer.vtkMRMLTextNode()
    node.AddObserver("ModifiedEvent", lambda *_: 1 / 0)
    node.Modified()
    assert [type(error) for error in slot_errors.take()] == [ZeroDivisionError]


def test_an_exception_in_an_overridden_function_is_kept(app: Any) -> None:
    class Broken(qt.QWidget):
        def paintEvent(self, event: Any) -> None:
            raise RuntimeError("broken")

    widget = Broken()
    widget.show()
    app.processEvents()
    assert [type(error) for error in slot_errors.take()] == [RuntimeError]
    widget.hide()


def test_a_name_that_the_host_lacks_is_told_apart() -> None:
    box = slicer.qMRMLNodeComboBox()
    with pytest.raises(AttributeError, match="test host's qMRMLNodeComboBox has no 'sizeAdjustPolicy' yet"):
        _ = box.sizeAdjustPolicy
    with pytest.raises(NotImplementedError, match=r"does not emit nodeAdded\(vtkMRMLNode\*\)"):
        box.connect("nodeAdded(vtkMRMLNode*)", nothing)
