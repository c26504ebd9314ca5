"""CTK's inputs: paths, numbers and choices."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtWidgets

from .host_class import delegated, host_class, in_row, stored

SLIDER_STEPS = 1000


@host_class
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path, with a button to browse."""

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)
    # QDir's filters under CTK's names.
    Dirs, Files, Drives, NoSymLinks = 0x001, 0x002, 0x004, 0x008
    Readable, Writable, Executable, Hidden = 0x010, 0x020, 0x040, 0x100

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QComboBox(self)
        self._box.setEditable(True)
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._browse = QtWidgets.QToolButton(self)
        self._browse.setText("…")
        in_row(self, self._box, self._browse)
        self._valid = False
        self._box.currentTextChanged.connect(self._announce)

    currentPath = QtCore.Property(
        str, lambda self: self._box.currentText, lambda self, value: self._box.setEditText(value or "")
    )
    filters = stored(int, "filters", Files | Readable)
    nameFilters = stored("QStringList", "nameFilters", [])
    options = stored(int, "options", 0)
    label = stored(str, "label", "")
    settingKey = stored(str, "settingKey", "")
    showBrowseButton = delegated(bool, "_browse", "visible")
    showHistoryButton = stored(bool, "showHistoryButton", True)
    sizeAdjustPolicy = stored("QVariant", "sizeAdjustPolicy", None)
    minimumContentsLength = delegated(int, "_box", "minimumContentsLength")

    def setCurrentPath(self, path: str) -> None:
        """Show a path as if it had been typed."""
        self._box.setEditText(path)

    def comboBox(self) -> QtWidgets.QComboBox:
        """The box inside."""
        return self._box

    def addCurrentPathToHistory(self) -> None:
        """Offer the present path in the list."""
        if self._box.findText(self.currentPath) < 0:
            self._box.insertItem(0, self.currentPath)

    def _announce(self, path: str) -> None:
        self.currentPathChanged.emit(path)
        valid = Path(path).is_dir() if self.filters & self.Dirs else Path(path).is_file()
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)


@host_class
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder."""

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)

    def __init__(self, *arguments: object) -> None:
        super().__init__(next((value for value in arguments if isinstance(value, QtWidgets.QWidget)), None))
        self._button = QtWidgets.QPushButton(self)
        in_row(self, self._button)
        self._directory = next((value for value in arguments if isinstance(value, str)), ".")

    def _set_directory(self, directory: str) -> None:
        changed = directory != self._directory
        self._directory = directory
        self._button.setText(directory)
        if changed:
            self.directoryChanged.emit(directory)

    directory = QtCore.Property(str, lambda self: self._directory, _set_directory)
    caption = stored(str, "caption", "")
    text = delegated(str, "_button", "text")


class _Number(QtWidgets.QWidget):
    """What the widgets of one number share: a spin box in the attribute `_spin`."""

    minimum = delegated(float, "_spin", "minimum")
    maximum = delegated(float, "_spin", "maximum")
    singleStep = delegated(float, "_spin", "singleStep")
    decimals = delegated(int, "_spin", "decimals")
    prefix = delegated(str, "_spin", "prefix")
    suffix = delegated(str, "_spin", "suffix")
    value = delegated(float, "_spin", "value")

    def setValue(self, value: float) -> None:
        """Show a value, limited to the range."""
        self._spin.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        """How many digits are shown after the point."""
        self._spin.setDecimals(decimals)


@host_class
class ctkDoubleSpinBox(_Number):
    """A spin box for a real number."""

    valueChanged = QtCore.Signal(float)
    editingFinished = QtCore.Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._spin = QtWidgets.QDoubleSpinBox(self)
        in_row(self, self._spin)
        self._spin.valueChanged.connect(self.valueChanged.emit)
        self._spin.editingFinished.connect(self.editingFinished.emit)

    readOnly = delegated(bool, "_spin", "readOnly")
    frame = delegated(bool, "_spin", "frame")


@host_class
class ctkSliderWidget(_Number):
    """A slider and a spin box for one number; `tracking` tells whether dragging counts before its end."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, SLIDER_STEPS)
        self._spin = QtWidgets.QDoubleSpinBox(self)
        self._spin.setMaximum(100.0)
        in_row(self, self._slider, self._spin)
        self._spin.valueChanged.connect(self._follow_spin_box)
        self._slider.valueChanged.connect(self._follow_slider)
        self._slider.sliderReleased.connect(lambda: self._spin.setValue(self._of_slider()))

    tracking = stored(bool, "tracking", True)
    pageStep = stored(float, "pageStep", 1.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    spinBoxVisible = delegated(bool, "_spin", "visible")

    def _of_slider(self) -> float:
        return self.minimum + self._slider.value * (self.maximum - self.minimum) / SLIDER_STEPS

    def _follow_spin_box(self, value: float) -> None:
        span = self.maximum - self.minimum or 1.0
        blocked = self._slider.blockSignals(True)
        self._slider.setValue(round(SLIDER_STEPS * (value - self.minimum) / span))
        self._slider.blockSignals(blocked)
        self.valueChanged.emit(value)

    def _follow_slider(self) -> None:
        value = self._of_slider()
        self.valueIsChanging.emit(value)
        if self.tracking or not self._slider.isSliderDown():
            self._spin.setValue(value)


@host_class
class ctkRangeWidget(QtWidgets.QWidget):
    """Two numbers, the lower never above the upper."""

    valuesChanged = QtCore.Signal(float, float)
    minimumValueChanged = QtCore.Signal(float)
    maximumValueChanged = QtCore.Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = QtWidgets.QDoubleSpinBox(self), QtWidgets.QDoubleSpinBox(self)
        self._high.setValue(99.0)
        in_row(self, self._low, self._high)
        self._low.valueChanged.connect(self._announce_low)
        self._high.valueChanged.connect(self._announce_high)

    def _set_limit(self, function: str, value: float) -> None:
        getattr(self._low, function)(value)
        getattr(self._high, function)(value)

    minimum = QtCore.Property(
        float, lambda self: self._low.minimum, lambda self, value: self._set_limit("setMinimum", value)
    )
    maximum = QtCore.Property(
        float, lambda self: self._high.maximum, lambda self, value: self._set_limit("setMaximum", value)
    )
    minimumValue = delegated(float, "_low", "value")
    maximumValue = delegated(float, "_high", "value")

    def setRange(self, low: float, high: float) -> None:
        """Set both limits."""
        self.minimum, self.maximum = low, high

    def setValues(self, low: float, high: float) -> None:
        """Set both values."""
        self._high.setValue(high)
        self._low.setValue(low)

    def _announce_low(self, value: float) -> None:
        if value > self._high.value:
            self._high.setValue(value)
        self.minimumValueChanged.emit(value)
        self.valuesChanged.emit(value, self._high.value)

    def _announce_high(self, value: float) -> None:
        if value < self._low.value:
            self._low.setValue(value)
        self.maximumValueChanged.emit(value)
        self.valuesChanged.emit(self._low.value, value)


@host_class
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that shows `defaultText` while nothing is chosen."""

    defaultText = stored(str, "defaultText", "")
    forceDefault = stored(bool, "forceDefault", False)

    currentUserDataAsString = QtCore.Property(
        str,
        lambda self: str(self.currentData or ""),
        lambda self, value: self.setCurrentUserDataAsString(value),
    )

    def setCurrentUserDataAsString(self, data: str) -> None:
        """Choose the item with this data."""
        self.setCurrentIndex(self.findData(data))


@host_class
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box that may show an icon."""
