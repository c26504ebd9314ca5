"""What the test host says about PythonQt. In the application this checks the host's own assumptions."""

from __future__ import annotations

import unittest

import qt


class PythonQtRulesTest(unittest.TestCase):
    """Each rule that the host enforces."""

    def test_properties_are_values(self) -> None:
        """`button.text`, not `button.text()`."""
        button = qt.QPushButton("Detect")
        self.assertEqual(button.text, "Detect")
        with self.assertRaises(TypeError):
            button.text()

    def test_unknown_names_cannot_be_assigned(self) -> None:
        """A misspelt property is an error."""
        with self.assertRaises(AttributeError):
            qt.QPushButton().txet = "Detect"

    def test_functions_cannot_be_assigned(self) -> None:
        """`label.setText = …` is an error."""
        with self.assertRaises(AttributeError):
            qt.QLabel().setText = "Detect"

    def test_any_object_is_taken_as_text(self) -> None:
        """`text = None` shows "None"."""
        label = qt.QLabel()
        label.text = None
        self.assertEqual(label.text, "None")

    def test_a_missing_signal_is_told(self) -> None:
        """The application returns False and prints, the host raises."""
        try:
            connected = qt.QPushButton().connect("clikced()", print)
        except ValueError:
            connected = False
        self.assertFalse(connected)

    def test_slots_get_arguments_for_their_defaults_too(self) -> None:
        """`def f(x=7)` on `clicked(bool)` gets False."""
        got = []

        def slot(choice: int = 7) -> None:
            got.append(choice)

        button = qt.QPushButton()
        button.connect("clicked(bool)", slot)
        button.click()
        self.assertEqual(got, [False])

    def test_an_exception_does_not_leave_a_slot(self) -> None:
        """It is printed, and the sender goes on."""
        calls = []

        def broken() -> None:
            calls.append("broken")
            raise ExpectedError

        button = qt.QPushButton()
        button.connect("clicked()", broken)
        button.connect("clicked()", lambda: calls.append("next"))
        button.click()
        self.assertEqual(calls, ["broken", "next"])


class ExpectedError(Exception):
    """Raised on purpose; whoever records exceptions lets it pass."""
