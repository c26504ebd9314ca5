"""CTK's containers that open and close."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from .host_class import host_class, stored


def show_children(parent: QtWidgets.QWidget, shown: bool) -> None:
    """Show or hide the widgets directly inside `parent`."""
    for child in parent.children():
        if isinstance(child, QtWidgets.QWidget):
            child.setVisible(shown)


@host_class
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section: a button across the panel, and below it what it opens and closes."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, *arguments: object) -> None:
        parent = next((value for value in arguments if isinstance(value, QtWidgets.QWidget)), None)
        super().__init__(parent)
        self.setText(next((value for value in arguments if isinstance(value, str)), ""))
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, self._button_height(), 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Minimum)
        self.toggled.connect(self._open_or_close)

    def _get_collapsed(self) -> bool:
        return not self.isChecked()

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = QtCore.Property(bool, _get_collapsed, _set_collapsed)
    collapsedHeight = stored(int, "collapsedHeight", 10)
    flat = stored(bool, "flat", False)
    contentsLineWidth = stored(int, "contentsLineWidth", 1)
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0)

    def _open_or_close(self, opened: bool) -> None:
        show_children(self, opened)
        self.contentsCollapsed.emit(not opened)
        self.updateGeometry()

    def _button_height(self) -> int:
        return QtGui.QFontMetrics(self.font).height() + 8

    def hitButton(self, position: QtCore.QPoint) -> bool:
        """Only the button itself takes clicks, not the contents below it."""
        return position.y() < self._button_height()

    def sizeHint(self) -> QtCore.QSize:
        """As high as the button and, when open, the contents."""
        height = self._button_height()
        hint = self.layout().totalSizeHint() if self.layout() is not None else QtCore.QSize(120, height)
        return hint if self.isChecked() else QtCore.QSize(hint.width(), height)

    minimumSizeHint = sizeHint

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        """A widget that is put into a closed section is hidden."""
        if event.added() and isinstance(event.child(), QtWidgets.QWidget) and not self.isChecked():
            event.child().setVisible(False)
        super().childEvent(event)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        """Keep the contents of a closed section hidden when the panel is shown."""
        super().showEvent(event)
        if not self.isChecked():
            show_children(self, False)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """A bar with a triangle and the title."""
        painter = QtGui.QPainter(self)
        bar = QtCore.QRect(0, 0, self.width, self._button_height() - 2)
        painter.fillRect(bar, self.palette.button())
        painter.setPen(self.palette.buttonText().color())
        title = f"{'▾' if self.isChecked() else '▸'} {self.text}"
        painter.drawText(bar.adjusted(6, 0, 0, 0), QtCore.Qt.AlignmentFlag.AlignVCenter, title)
        painter.end()


@host_class
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box whose check mark opens and closes it."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.setCheckable(True)
        self.toggled.connect(lambda opened: show_children(self, opened))

    collapsed = QtCore.Property(
        bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value)
    )
    collapsedHeight = stored(int, "collapsedHeight", 14)


@host_class
class ctkExpandableWidget(QtWidgets.QFrame):
    """A frame that the user can enlarge."""

    def updateSizeHint(self) -> None:
        """Forget the size that the user chose."""
        self.updateGeometry()
