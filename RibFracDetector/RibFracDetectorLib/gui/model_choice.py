"""The models to choose from: those of the catalogue, and a file of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..case.catalogue import ModelEntry, list_models
from ..case.errors import InputError

OWN_FILE = ""  # the data of the entry that stands for a file


class ModelChoice:
    """Keeps the list of models, the path beside it and the parameter `model` in step.

    Args:
        ui: the panel's widgets.
        on_change: called with the new choice, a name, a file or an empty text.
    """

    def __init__(self, ui: Any, on_change: Callable[[str], None]) -> None:
        self._ui = ui
        self._on_change = on_change
        self._entries: dict[str, ModelEntry] = {}
        self.problem = ""
        self.refresh()
        ui.modelComboBox.connect("currentIndexChanged(int)", lambda _index: self._changed())
        ui.modelPathEdit.connect("currentPathChanged(QString)", lambda _path: self._changed())

    @property
    def weights(self) -> str:
        """What `--weights` takes; empty if nothing is chosen."""
        name = self._ui.modelComboBox.itemData(self._ui.modelComboBox.currentIndex)
        return name or self._ui.modelPathEdit.currentPath

    @property
    def entry(self) -> ModelEntry | None:
        """The catalogue's entry of the choice, None for a file."""
        return self._entries.get(self.weights)

    @property
    def refusal(self) -> str | None:
        """Why nothing can be detected with this choice, None if it can."""
        if not self.weights:
            return self.problem or _("Choose a model, or a checkpoint file.")
        entry = self.entry
        file = entry.file if entry else Path(self.weights)
        if file is None or not file.is_file():
            where = _("Its file has to be downloaded first: {url}") if entry and entry.url else "{file}"
            return (
                _("The model's file is not there.")
                + " "
                + where.format(url=entry.url if entry else "", file=file)
            )
        return None

    def refresh(self) -> None:
        """Read the catalogue again, and keep the choice."""
        before = self.weights if self._ui.modelComboBox.count else ""
        try:
            entries, self.problem = list_models(), ""
        except InputError as error:
            entries, self.problem = [], str(error)
        except ImportError:  # the catalogue's schema needs a package that is installed on first use
            entries, self.problem = [], ""
        self._entries = {entry.name: entry for entry in entries}
        combo = self._ui.modelComboBox
        blocked = combo.blockSignals(True)
        combo.clear()
        for entry in entries:
            combo.addItem(entry.title, entry.name)
        combo.addItem(_("A checkpoint file of mine"), OWN_FILE)
        combo.blockSignals(blocked)
        self.choose(before)

    def choose(self, weights: str) -> None:
        """Show a choice; an empty one takes the first model."""
        combo = self._ui.modelComboBox
        known = weights in self._entries
        if weights and not known:
            self._ui.modelPathEdit.currentPath = weights
        combo.setCurrentIndex(combo.findData(weights) if known else combo.count - 1 if weights else 0)
        self._show_path()

    def _changed(self) -> None:
        self._show_path()
        self._on_change(self.weights)

    def _show_path(self) -> None:
        own = not self._ui.modelComboBox.itemData(self._ui.modelComboBox.currentIndex)
        self._ui.modelPathEdit.visible = own
        self._ui.modelPathEditLabel.visible = own
