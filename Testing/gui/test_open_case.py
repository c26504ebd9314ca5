"""Opening a stored case: its CT is found, checked, asked for; another one is refused with the difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.review_cases import StoredCase, small_scan, store_case
from ribfrac_testing.volumes import write_dicom

from .processes import Wait

ROTATED = (7.0, -4.0, 11.0)


@pytest.fixture
def stored(tmp_path: Path) -> StoredCase:
    """A case of an oblique scan."""
    return store_case(tmp_path / "stored", scan=small_scan(ROTATED))


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Chooses files, and reads what is told."""
    from RibFracDetectorLib.gui import dialogs

    chosen: dict[str, Any] = {"findings": None, "ct": None, "told": [], "asked": 0}

    def choose_ct(_title: str) -> Path | None:
        chosen["asked"] += 1
        return chosen["ct"]

    monkeypatch.setattr(dialogs, "choose_findings_file", lambda: chosen["findings"])
    monkeypatch.setattr(dialogs, "choose_ct_file", choose_ct)
    monkeypatch.setattr(dialogs, "tell_error", chosen["told"].append)
    return chosen


@pytest.fixture
def open_it(panel: Any, user: dict[str, Any], stored: StoredCase) -> Callable[[], Any]:
    """Clicks Open case and chooses the stored one; gives the session."""

    def click() -> Any:
        user["findings"] = stored.files.findings
        panel.ui.openCaseButton.click()
        return panel.review.session

    return click


def volumes() -> list[Any]:
    """The volumes in the scene."""
    import slicer.util

    return slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")


def test_the_ct_comes_from_the_path_of_the_case(open_it: Callable[[], Any], user: dict[str, Any]) -> None:
    session = open_it()
    assert len(session.case.findings) == 4
    assert user["asked"] == 0
    assert len(volumes()) == 1


def test_a_loaded_ct_is_used_wherever_it_came_from(
    open_it: Callable[[], Any], stored: StoredCase, tmp_path: Path
) -> None:
    import slicer.util

    moved = stored.ct.source.rename(tmp_path / "elsewhere.nii.gz")
    node = slicer.util.loadVolume(str(moved))
    assert open_it() is not None
    assert volumes() == [node]


def test_the_ct_is_asked_for_and_another_one_refused(
    open_it: Callable[[], Any], user: dict[str, Any], stored: StoredCase, tmp_path: Path
) -> None:
    moved = stored.ct.source.rename(tmp_path / "elsewhere.nii.gz")
    other = small_scan(ROTATED)
    other.array[5, 5, 5] += 1
    user["ct"] = other.write(tmp_path / "other.nii.gz")
    assert open_it() is None
    assert "voxels differ" in user["told"][0]
    assert volumes() == [], "what was loaded in vain is removed"
    user["ct"] = small_scan((0, 0, 0)).write(tmp_path / "straight.nii.gz")
    assert open_it() is None
    assert "the findings were made on" in user["told"][1]
    user["ct"] = None
    assert open_it() is None
    assert "CT is needed" in user["told"][2]
    user["ct"] = moved
    assert open_it() is not None


def test_a_file_that_is_no_image_is_told(
    open_it: Callable[[], Any], user: dict[str, Any], stored: StoredCase, tmp_path: Path
) -> None:
    stored.ct.source.write_text("no image either")
    user["ct"] = tmp_path / "note.nii.gz"
    user["ct"].write_text("no image")
    assert open_it() is None
    assert "note.nii.gz is no image" in user["told"][0]


def test_a_colour_picture_of_the_same_size_is_passed_over(open_it: Callable[[], Any]) -> None:
    import slicer
    import vtk

    picture = vtk.vtkImageData()
    picture.SetDimensions(60, 56, 48)
    picture.AllocateScalars(vtk.VTK_SHORT, 3)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "picture").SetAndObserveImageData(picture)
    assert open_it() is not None


def test_a_removed_ct_is_not_asked_for_whenever_the_module_opens(
    open_it: Callable[[], Any], user: dict[str, Any], stored: StoredCase, panel: Any
) -> None:
    import slicer

    open_it()
    stored.ct.source.unlink()
    slicer.mrmlScene.RemoveNode(volumes()[0])
    for _ in range(2):
        panel.exit()
        panel.enter()
    assert user["asked"] == 0
    assert len(user["told"]) == 1, "that the case was closed"


def test_a_case_that_cannot_be_opened_leaves_the_open_one(
    open_it: Callable[[], Any], user: dict[str, Any], panel: Any, tmp_path: Path
) -> None:
    from RibFracDetectorLib.review.session import ReviewSession

    present = open_it()
    other = store_case(tmp_path / "other", scan=small_scan(ROTATED), case_id="other")
    user["findings"] = other.files.findings
    with ReviewSession.open(other.files, "somebody"):
        panel.ui.openCaseButton.click()
    assert "open elsewhere" in user["told"][0]
    assert panel.review.session is present
    present.decide(1, "accepted")
    panel.ui.openCaseButton.click()
    assert panel.review.session.case.case_id == "other"
    assert open_it().finding(1).status == "accepted", "the first was closed then"


def test_the_boxes_of_the_case_before_stay_hidden(
    open_it: Callable[[], Any], panel: Any, tmp_path: Path, wait: Wait
) -> None:
    """Also where opening the next one ends the typing of a comment on it."""
    import slicer.util

    def visible() -> list[str]:
        nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
        return [node.GetName() for node in nodes if node.GetDisplayNode().GetVisibility()]

    session = open_it()
    wait(lambda: len(visible()) > 2)
    session.activate(1)
    panel.ui.commentEdit.setFocus()
    panel.ui.commentEdit.text = "typed"
    other = store_case(tmp_path / "other", (), scan=small_scan(ROTATED), case_id="other")
    panel.review.open(other.files, volumes()[0])
    assert visible() == []


def test_a_case_is_opened_again_by_another_path(
    open_it: Callable[[], Any], panel: Any, tmp_path: Path
) -> None:
    from RibFracDetectorLib.case.case_files import CaseFiles

    files = open_it().files
    (tmp_path / "link").symlink_to(files.folder)
    panel.review.open(CaseFiles(tmp_path / "link", files.case_id), volumes()[0])
    assert panel.review.session.files.folder.name == "link"


def test_a_mask_that_became_a_surface_is_left_alone(open_it: Callable[[], Any], panel: Any) -> None:
    import slicer

    open_it().activate(1)
    panel.ui.editMaskButton.click()
    segmentation = panel.review._case.scene.nodes.segmentation.GetSegmentation()
    segment = segmentation.GetSegment("RibFrac_3")
    segment.RemoveRepresentation(
        slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    )
    panel.ui.editMaskButton.click()
    assert not panel.ui.maskEditorFrame.visible
    assert open_it() is not None


def test_a_file_at_the_old_path_that_is_another_ct_is_not_taken(
    open_it: Callable[[], Any], user: dict[str, Any], stored: StoredCase, tmp_path: Path
) -> None:
    user["ct"] = stored.ct.source.rename(tmp_path / "elsewhere.nii.gz")
    other = small_scan(ROTATED)
    other.array[5, 5, 5] += 1
    other.write(stored.ct.source)
    assert open_it() is not None
    assert user["asked"] == 1
    assert [node.GetName() for node in volumes()] == ["elsewhere"]


def test_the_ct_comes_from_the_dicom_database(
    panel: Any, user: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys
    import types

    import slicer
    import slicer.util
    from RibFracDetectorLib.case.reading import read_ct
    from slicer_host.application.dicom import insert_series

    folder = write_dicom(tmp_path / "series", small_scan())
    series = read_ct(folder)
    assert series.series_uid
    stored = store_case(tmp_path / "stored", scan=small_scan())
    content = stored.files.findings.read_text().replace(
        '"series_uid": null', f'"series_uid": "{series.series_uid}"'
    )
    stored.files.findings.write_text(content)
    file = stored.ct.source.rename(tmp_path / "in the database.nii.gz")
    insert_series(slicer.dicomDatabase, series.series_uid, [str(path) for path in folder.iterdir()])
    loader = types.ModuleType("DICOMLib")
    loader.DICOMUtils = types.SimpleNamespace(
        loadSeriesByUID=lambda _uids: [slicer.util.loadVolume(str(file)).GetID()]
    )
    monkeypatch.setitem(sys.modules, "DICOMLib", loader)
    user["findings"] = stored.files.findings
    panel.ui.openCaseButton.click()
    assert panel.review.session is not None, user["told"]
    assert user["asked"] == 0


def test_a_file_that_is_no_case(panel: Any, user: dict[str, Any], tmp_path: Path) -> None:
    for name, content in (("notes.json", "{}"), ("case_findings.json", "{}"), ("x_findings.json", "no json")):
        (tmp_path / name).write_text(content)
        user["findings"] = tmp_path / name
        panel.ui.openCaseButton.click()
        assert panel.review.session is None
    assert "CASE_findings.json is expected" in user["told"][0]
    assert len(user["told"]) == 3
    assert all("\n" not in text for text in user["told"])


def test_a_transform_of_the_ct_is_followed_and_a_warp_refused(
    open_it: Callable[[], Any], user: dict[str, Any], stored: StoredCase, panel: Any
) -> None:
    import numpy as np
    import slicer
    import slicer.util
    from ribfrac_testing.scenes import linear_transform

    node = slicer.util.loadVolume(str(stored.ct.source))
    turned = np.eye(4)
    turned[:3, 3] = (10.0, -20.0, 30.0)
    node.SetAndObserveTransformNodeID(linear_transform(slicer.mrmlScene, turned).GetID())
    session = open_it()
    scene = panel.review._case.scene
    center = session.finding(1).box_ras.center
    assert scene.world_center(1) == pytest.approx(np.add(center, (10, -20, 30)).tolist(), abs=0.01)
    panel.review.close()
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Warp")
    node.SetAndObserveTransformNodeID(warp.GetID())
    assert open_it() is None
    assert "not linear (Warp)" in user["told"][0]


def test_a_locked_case_names_who_has_it(
    open_it: Callable[[], Any], user: dict[str, Any], stored: StoredCase, panel: Any
) -> None:
    from RibFracDetectorLib.review.session import ReviewSession

    with ReviewSession.open(stored.files, "somebody") as other:
        other.decide(1, "accepted")
        assert open_it() is None
    assert "open elsewhere, by somebody" in user["told"][0]
    assert open_it().finding(1).status == "accepted"
    assert panel.ui.findingsTable.item(0, 0).text().endswith("accepted")


def test_another_reader_signs_from_now_on(open_it: Callable[[], Any], panel: Any, settings: Any) -> None:
    open_it().decide(1, "accepted")
    panel.ui.readerEdit.text = "second"
    panel.ui.readerEdit.editingFinished()
    assert settings.value("RibFrac/reader") == "second"
    panel.review.session.decide(2, "rejected")
    panel.ui.readerEdit.text = "山田\u3000太郎"
    panel.ui.readerEdit.editingFinished()
    panel.review.session.decide(3, "rejected")
    signed = [event.reader for event in panel.review.session.events if event.kind == "decided"]
    assert signed == ["reader", "second", "山田\u3000太郎"]
