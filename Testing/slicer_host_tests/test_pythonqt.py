"""Qt looks as PythonQt shows it."""

from __future__ import annotations

import sys
from typing import Any

import ctk
import pytest
import qt
import slicer
from slicer_host import surface
from slicer_host.widgets.host_class import REGISTRY

pytestmark = pytest.mark.usefixtures("no_slot_errors")


def test_properties_are_values() -> None:
    button = qt.QPushButton("Detect")
    assert (button.text, button.enabled, button.checkable) == ("Detect", True, False)
    button.text = "Cancel"
    button.enabled = 0
    assert (button.text, button.enabled) == ("Cancel", False)
    assert button.sizeHint.width() > 0
    assert isinstance(button.size, qt.QSize)


def test_properties_with_static_accessors_are_values(app: Any) -> None:
    assert app.applicationName == "Slicer"
    app.applicationVersion = "5.12"
    assert app.applicationVersion == "5.12"


def test_any_object_is_taken_as_text() -> None:
    label = qt.QLabel()
    label.text = None
    assert label.text == "None"
    label.text = 12
    assert label.text == "12"


def test_names() -> None:
    button = ctk.ctkCollapsibleButton()
    button.name = "inputs"
    assert (button.objectName, button.className()) == ("inputs", "ctkCollapsibleButton")


@pytest.mark.parametrize("connect", ["by signature", "by attribute"])
def test_a_slot_gets_as_many_arguments_as_it_has_parameters(connect: str) -> None:
    got: dict[str, Any] = {}

    class Receiver:
        def none(self) -> None:
            got["none"] = ()

        def one(self, checked: bool) -> None:
            got["one"] = checked

        def default(self, choice: int = 7) -> None:
            got["default"] = choice

        def any_number(self, *arguments: Any) -> None:
            got["any"] = arguments

    button, receiver = qt.QPushButton(), Receiver()
    for slot in (receiver.none, receiver.one, receiver.default, receiver.any_number):
        if connect == "by signature":
            button.connect("clicked(bool)", slot)
        else:
            button.clicked.connect(slot)
    button.click()
    assert got == {"none": (), "one": False, "default": False, "any": (False,)}


def test_disconnect() -> None:
    calls = []
    button = qt.QPushButton()

    def slot() -> None:
        calls.append(1)

    button.connect("clicked()", slot)
    assert button.disconnect("clicked()", slot)
    assert not button.disconnect("clicked()", slot)
    button.click()
    assert calls == []


def test_a_slot_can_be_named() -> None:
    button, line = qt.QPushButton(), qt.QLineEdit("text")
    button.connect("clicked()", line, "clear()")
    button.click()
    assert line.text == ""


def test_output_arguments_are_returned_alone() -> None:
    def answer() -> None:
        qt.QApplication.activeModalWidget().accept()

    qt.QTimer.singleShot(50, answer)
    assert qt.QInputDialog.getText(None, "Comment", "Text:", qt.QLineEdit.Normal, "near the spine") == (
        "near the spine"
    )


def test_none_true_and_false_are_not_used_up() -> None:
    button = qt.QPushButton()
    for _ in range(100):
        button.setEnabled(True)
        button.pressed.emit()
    for constant in (None, True, False):
        assert sys.getrefcount(constant) > 2**30 or sys.version_info >= (3, 12)


@pytest.mark.parametrize("name", REGISTRY)
def test_a_host_class_has_nothing_that_the_application_lacks(name: str) -> None:
    cls = REGISTRY[name]
    qt_class = next(base for base in cls.__mro__ if base.__module__.startswith("PySide6."))
    own = {
        attribute
        for base in cls.__mro__
        if base.__module__.startswith("slicer_host.")
        for attribute in vars(base)
        if not attribute.startswith("_")
    }
    # CTK's enumerations are attributes of the class, not of the header's lists.
    own -= {attribute for attribute in own if attribute[0].isupper()}
    assert own <= surface.names(name) | set(dir(qt_class)) | {"staticMetaObject"}


def test_qt_has_no_class_of_ctk_or_the_application() -> None:
    for name in REGISTRY:
        assert not hasattr(qt, name)
        assert hasattr(ctk if name.startswith("ctk") else slicer, name)
