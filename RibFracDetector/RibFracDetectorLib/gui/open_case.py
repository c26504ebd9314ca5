"""From a stored case to a review: which files, which CT, and both shown together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.findings import CtReference
from ..case.findings_file import read_findings
from ..case.thorax import measure_thorax
from ..review.session import ReviewSession
from ..scene.case_scene import CaseScene
from ..scene.stored import StoredCase
from . import dialogs
from .preferences import Preferences
from .volumes import ct_in

ENDING = "_findings.json"


def case_files_of(findings_file: Path) -> CaseFiles:
    """The files of the case that a findings file belongs to.

    Raises:
        InputError: it is not named like one.
    """
    case_id = findings_file.name.removesuffix(ENDING)
    if case_id == findings_file.name or not case_id:
        raise InputError(f"{findings_file}: a file CASE{ENDING} is expected; choose the findings of a case")
    return CaseFiles(findings_file.parent, case_id)


def find_ct(files: CaseFiles) -> Any:
    """The volume node of a case: loaded already, from the case's path, from the DICOM database, or asked for.

    Raises:
        InputError: the findings cannot be read, or the user's choice is another CT.
    """
    wanted = read_findings(files.findings).ct
    for node in _loaded_volumes(wanted):
        return node
    for load in (_load_from_path, _load_from_dicom):
        node = load(wanted)
        if node is not None:
            if _difference(wanted, node) is None:
                return node
            slicer.mrmlScene.RemoveNode(node)
    return _ask_for_ct(wanted)


def show_case(
    files: CaseFiles, ct_node: Any, reader: str, unaided: bool = False
) -> tuple[ReviewSession, CaseScene]:
    """Open a case and show it on its CT.

    Raises:
        InputError: the case cannot be opened, or the CT is another one.
    """
    ct = ct_in(ct_node)
    session = ReviewSession.open(files, reader, unaided=unaided)
    try:
        difference = session.case.ct.matches(ct)
        if difference is not None:
            raise InputError(
                _("{volume} is not the CT of this case: {difference}").format(
                    volume=ct_node.GetName(), difference=difference
                )
            )
        session.thorax = measure_thorax(ct.voxels, ct.grid.spacing)
        return session, CaseScene.show(
            slicer.mrmlScene, ct_node, session, slicer.util.RenderBlocker, dialogs.tell_error
        )
    except BaseException:
        session.close()
        raise


def _loaded_volumes(wanted: CtReference) -> Iterator[Any]:
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        image = node.GetImageData()
        # The number of voxels is known at once, the rest only after a look at all of them.
        as_many = image is not None and image.GetNumberOfPoints() == _voxels(wanted)
        if as_many and _difference(wanted, node) is None:
            yield node


def _voxels(wanted: CtReference) -> int:
    x, y, z = wanted.size
    return x * y * z


def _difference(wanted: CtReference, node: Any) -> str | None:
    try:
        return wanted.matches(ct_in(node))
    except InputError as error:
        return str(error)


def _load_from_path(wanted: CtReference) -> Any:
    path = Path(wanted.path)
    return _loaded(path) if path.is_file() else None


def _loaded(path: Path) -> Any:
    """The volume in a file; None if the application can read none from it."""
    try:
        return slicer.util.loadVolume(str(path))
    except RuntimeError:
        return None


def _load_from_dicom(wanted: CtReference) -> Any:
    database = getattr(slicer, "dicomDatabase", None)
    if not wanted.series_uid or database is None or not database.isOpen:
        return None
    if not database.filesForSeries(wanted.series_uid):
        return None
    from DICOMLib import DICOMUtils

    for node_id in DICOMUtils.loadSeriesByUID([wanted.series_uid]):
        node = slicer.mrmlScene.GetNodeByID(node_id)
        if node is not None and node.IsA("vtkMRMLScalarVolumeNode"):
            return node
    return None


def _ask_for_ct(wanted: CtReference) -> Any:
    title = _("Where is the CT of this case? It was {path}").format(path=Path(wanted.path).name)
    path = dialogs.choose_ct_file(title)
    if path is None:
        raise InputError(_("The case was not opened: its CT is needed."))
    node = _loaded(path)
    if node is None:
        raise InputError(_("{path} is no image; choose the CT of the case.").format(path=path))
    difference = _difference(wanted, node)
    if difference is not None:
        slicer.mrmlScene.RemoveNode(node)
        raise InputError(
            _("{path} is not the CT of this case: {difference}").format(path=path, difference=difference)
        )
    return node


def restore_case(stored: StoredCase, reader: str) -> tuple[ReviewSession, CaseScene]:
    """Go on with a case that a scene brought with it.

    Its files are completed where they were; if that folder is not on this machine, among the other cases.

    Raises:
        InputError: its files cannot be read or written, or were reviewed in another way since; or see
            `find_ct`, where the scene lacks its CT.
    """
    folder = stored.folder if stored.folder.is_dir() else Path(Preferences.case_folder)
    files = stored.write_to(folder)
    return show_case(files, stored.ct_node or find_ct(files), reader)
