"""CTK's texts, buttons and message boxes."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .host_class import host_class, stored


@host_class
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text browser as high as its text."""

    collapsed = stored(bool, "collapsed", True)

    def setCollapsibleText(self, text: str) -> None:
        """Show a text of which only the first paragraph is seen until it is opened."""
        self.setText(text)


@host_class
class ctkPushButton(QtWidgets.QPushButton):
    """A push button that can shorten its text."""

    elideMode = stored("QVariant", "elideMode", QtCore.Qt.TextElideMode.ElideNone)


@host_class
class ctkMenuButton(QtWidgets.QPushButton):
    """A push button whose right edge opens a menu."""


@host_class
class ctkSearchBox(QtWidgets.QLineEdit):
    """A line to search with."""

    showSearchIcon = stored(bool, "showSearchIcon", False)


@host_class
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box with the check mark "don't show again"."""

    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")
