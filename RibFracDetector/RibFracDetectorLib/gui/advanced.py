"""The section Advanced: the machine's part goes to the settings, the data's part to the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .model_choice import ModelChoice
from .model_settings import ModelSettings
from .parameters import DetectorParameters
from .preferences import Preferences

PRECISIONS = ("auto", "fp32", "fp16", "bf16")
ENGINES = ("auto", "torch", "openvino")
OVERRIDE_WIDGETS = ("scoreThresholdSlider", "cutoffSlider", "overlapSlider", "flipsCheckBox")


class AdvancedSection:
    """Device, precision, engine, the engine's Python, and whether it is kept ready.

    Args:
        ui: the panel's widgets.
        models: the model that is chosen.
        on_python_changed: called when another Python is to run the engine.
        on_change: called when any of these choices has changed.
    """

    def __init__(
        self,
        ui: Any,
        models: ModelChoice,
        on_python_changed: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._model_settings = ModelSettings(models)
        self._on_python_changed, self._on_change = on_python_changed, on_change
        self._preferences = Preferences()
        self._fill(ui.precisionComboBox, PRECISIONS, self._preferences.precision)
        self._fill(ui.engineComboBox, ENGINES, self._preferences.engine)
        self.offer_devices(("auto", "cpu"))
        ui.enginePythonEdit.currentPath = self._preferences.engine_python
        for combo in (ui.deviceComboBox, ui.precisionComboBox, ui.engineComboBox):
            combo.connect("currentIndexChanged(int)", lambda _index: self._keep())
        ui.enginePythonEdit.connect("currentPathChanged(QString)", self._keep_python)
        ui.keepReadyCheckBox.checked = self._preferences.keep_ready
        ui.keepReadyCheckBox.connect("toggled(bool)", self._keep_ready)
        ui.useModelSettingsCheckBox.connect("toggled(bool)", self._use_model_settings)
        self._show_overrides(ui.useModelSettingsCheckBox.checked)

    def offer_devices(self, names: tuple[str, ...]) -> None:
        """Show the devices that the engine can use, and the chosen one even if it cannot."""
        chosen = self._preferences.device
        self._fill(self._ui.deviceComboBox, tuple(dict.fromkeys([*names, chosen])), chosen)

    def bind(self, parameters: DetectorParameters | None) -> None:
        """Work on the choices of a scene; None between two scenes."""
        self._model_settings.bind(parameters)

    def model_chosen(self) -> None:
        """Another model is chosen."""
        self._model_settings.model_chosen()

    def settings(self, parameters: DetectorParameters) -> tuple[str, ...]:
        """The `key=value` that override the model's own settings."""
        whole = ("exhaustive=true",) if parameters.exhaustive else ()
        return (*whole, *self._model_settings.assignments(parameters))

    def _fill(self, combo: Any, names: tuple[str, ...], chosen: str) -> None:
        blocked = combo.blockSignals(True)
        combo.clear()
        for name in names:
            combo.addItem(name)
        combo.setCurrentIndex(max(0, combo.findText(chosen)))
        combo.blockSignals(blocked)

    def _keep(self) -> None:
        self._preferences.device = self._ui.deviceComboBox.currentText
        self._preferences.precision = self._ui.precisionComboBox.currentText
        self._preferences.engine = self._ui.engineComboBox.currentText
        self._on_change()

    def _keep_python(self, path: str) -> None:
        self._preferences.engine_python = path
        self._on_python_changed()
        self._on_change()

    def _keep_ready(self, wanted: bool) -> None:
        self._preferences.keep_ready = wanted
        self._on_change()

    def _use_model_settings(self, wanted: bool) -> None:
        self._show_overrides(wanted)
        self._model_settings.use_own(wanted)

    def _show_overrides(self, use_model_settings: bool) -> None:
        for name in OVERRIDE_WIDGETS:
            getattr(self._ui, name).enabled = not use_model_settings
