"""The only places where the panel interrupts the user; tests answer in their stead."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

LAST_FOLDER = "RibFrac/lastFolder"


def ask(question: str) -> bool:
    """A yes-or-no question."""
    return slicer.util.confirmYesNoDisplay(question, windowTitle="RibFrac")


def tell_error(text: str) -> None:
    """An error that the user has to see before going on."""
    slicer.util.errorDisplay(text, windowTitle="RibFrac")


def choose_findings_file() -> Path | None:
    """A stored case, by its findings file; None if the user changed their mind."""
    name = qt.QFileDialog.getOpenFileName(
        slicer.util.mainWindow(),
        _("Open a case"),
        _last_folder(),
        _("RibFrac findings (*_findings.json)"),
    )
    return _chosen(name)


def choose_ct_file(title: str) -> Path | None:
    """A CT for a case whose own was not found."""
    filters = _("CT volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)")
    return _chosen(qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, _last_folder(), filters))


def choose_folder(title: str) -> Path | None:
    """A folder to write to."""
    return _chosen(qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, _last_folder()))


def _last_folder() -> str:
    return str(qt.QSettings().value(LAST_FOLDER, str(Path.home())))


def _chosen(name: str) -> Path | None:
    if not name:
        return None
    path = Path(name)
    qt.QSettings().setValue(LAST_FOLDER, str(path if path.is_dir() else path.parent))
    return path
