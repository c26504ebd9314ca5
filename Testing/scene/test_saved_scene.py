"""A saved scene is enough: the case comes back from it as it was, on another machine too, without torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.drawing import draw
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.review_cases import small_scan, store_case
from ribfrac_testing.scenes import linear_transform, new_scene, node_ids
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.case.review_log import read_log
from RibFracDetectorLib.review.session import ReviewSession
from RibFracDetectorLib.scene.boxes import box_of
from RibFracDetectorLib.scene.case_scene import CaseScene
from RibFracDetectorLib.scene.stored import stored_cases

MOVED = np.array([[0.8, -0.6, 0, 31.0], [0.6, 0.8, 0, -12.5], [0, 0, 1, 80.25], [0, 0, 0, 1]])


def review(shown) -> None:
    """A bit of everything."""
    session = shown.session
    session.decide(1, "accepted")
    session.classify(1, "displaced")
    session.comment(1, "Stufe – „deutlich“\nzweite Zeile")
    session.edit_box(2, (41, 9, 21, 49, 15, 26))
    session.edit_mask(3, MaskPatch.of(np.ones((3, 4, 5)), (20, 21, 22)))
    session.add_at((30, 28, 24))
    session.decide(3, "rejected")
    session.undo()
    session.set_threshold(0.6)


def save(scene, path: Path, how: str) -> None:
    if how == "mrb":
        assert scene.WriteToMRB(str(path.with_suffix(".mrb")))
    else:
        path.mkdir()
        assert scene.SaveSceneToSlicerDataBundleDirectory(str(path))


def load(path: Path, how: str, cache: Path):
    cache.mkdir()
    host = new_scene(cache)
    if how == "mrb":
        assert host.scene.ReadFromMRB(str(path.with_suffix(".mrb")))
    else:
        host.scene.SetURL(str(next(path.glob("*.mrml"))))
        assert host.scene.Connect()
    return host


@pytest.mark.parametrize("how", ["mrb", "folder"])
@pytest.mark.parametrize("moved", [False, True])
def test_everything_comes_back_from_a_saved_scene(how: str, moved: bool, show, tmp_path: Path, capfd) -> None:
    transform = (lambda scene: linear_transform(scene, MOVED)) if moved else None
    shown = show(scan=small_scan((7, -5, 3), "RAI"), transform=transform)
    review(shown)
    before = shown.session.state
    save(shown.scene, tmp_path / "scene", how)
    assert shown.session.state.threshold != 0.6, "where the slider stands is not logged yet"
    shown.session.close()
    shutil.rmtree(shown.stored.files.folder)

    host = load(tmp_path / "scene", how, tmp_path / "cache")
    (case,) = stored_cases(host.scene)
    assert case.is_reviewed
    assert case.case_id == "case"
    files = case.write_to(tmp_path / "elsewhere")
    session = ReviewSession.open(files, "R1")
    assert session.state.findings == before.findings
    assert (session.state.done, session.state.undone) == (before.done, before.undone)
    assert session.model_masks == shown.session.model_masks
    assert session.case == shown.stored.case

    nodes = node_ids(host.scene)
    again = CaseScene.show(host.scene, case.ct_node, session)
    assert session.threshold == 0.6
    assert session.shown() == shown.session.shown()
    assert again.make_boxes() == 0
    assert node_ids(host.scene) == nodes, "the nodes of the saved scene are taken over"
    for number in session.shown():
        expected = shown.session.finding(number).box_ras
        np.testing.assert_allclose(box_of(again.box_node(number)).center, expected.center, atol=0.01)
        np.testing.assert_allclose(box_of(again.box_node(number)).size, expected.size, atol=0.01)
        np.testing.assert_allclose(again.world_center(number), shown.case.world_center(number), atol=0.01)
        assert (again._segments.read(number) or MaskPatch.empty()) == (
            session.mask(number) or MaskPatch.empty()
        )
    session.redo()
    assert session.finding(3).status == "rejected"
    session.close()
    again.close()
    assert "ERR" not in capfd.readouterr().err


def test_segments_keep_their_ids_colours_and_masks_in_the_file(show, tmp_path: Path) -> None:
    """So that the scene means the same to somebody without this extension."""
    shown = show(scan=small_scan((7, -5, 3), "PIR"))
    review(shown)
    save(shown.scene, tmp_path / "scene", "mrb")
    host = load(tmp_path / "scene", "mrb", tmp_path / "cache")
    loaded = host.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode").GetSegmentation()
    for number in (1, 3, 4):
        name = f"RibFrac_{number}"
        kept, saved = loaded.GetSegment(name), shown.segmentation.GetSegment(name)
        np.testing.assert_allclose(kept.GetColor(), saved.GetColor(), atol=1e-3)
        assert kept.GetName() == f"Fracture {number}"
    table = host.scene.GetFirstNodeByClass("vtkMRMLTableNode").GetTable()
    assert table.GetColumnByName("Status").GetValue(0) == "accepted"


def test_what_is_in_the_users_hands_is_saved_where_the_application_announces_it(show, tmp_path: Path) -> None:
    shown = show()
    grid = shown.stored.ct.grid
    drawn = MaskPatch.of(np.ones((3, 3, 3)), (9, 9, 9))
    name = shown.case.begin_mask_edit(1)
    draw(shown.segmentation, name, drawn, grid, grid)
    shown.session.activate(2)
    roi = shown.case.box_node(2)
    roi.SetCenter(*np.add(roi.GetCenter(), (2, 0, 0)))
    shown.scene.InvokeEvent(shown.scene.StartSaveEvent)
    save(shown.scene, tmp_path / "scene", "mrb")
    (case,) = stored_cases(load(tmp_path / "scene", "mrb", tmp_path / "cache").scene)
    with ReviewSession.open(case.write_to(tmp_path / "elsewhere"), "R1") as session:
        assert session.mask(1) == drawn
        np.testing.assert_allclose(session.finding(2).box_ras.center, roi.GetCenter(), atol=1e-6)
    shown.case.end_mask_edit()
    kinds = [event.kind for event in shown.session.events]
    assert kinds.count("mask_edited") == kinds.count("box_edited") == 1


def test_looking_only_is_restored_without_making_the_case_reviewed(show, tmp_path: Path) -> None:
    shown = show()
    shown.session.set_threshold(0.6)
    save(shown.scene, tmp_path / "scene", "mrb")
    shown.session.close()
    assert not shown.stored.files.is_reviewed
    host = load(tmp_path / "scene", "mrb", tmp_path / "cache")
    (case,) = stored_cases(host.scene)
    assert not case.is_reviewed
    session = ReviewSession.open(case.write_to(tmp_path / "elsewhere"), "R1")
    CaseScene.show(host.scene, case.ct_node, session).close()
    assert session.threshold == 0.6
    session.close()


def test_a_record_of_another_version_is_not_taken_for_ours(show) -> None:
    shown = show()
    (case,) = stored_cases(shown.scene)
    assert case.case_id == "case"
    content = json.loads(shown.case.nodes.record.GetText())
    shown.case.nodes.record.SetText(json.dumps({**content, "record_version": 2}))
    assert stored_cases(shown.scene) == ()


def test_going_on_where_the_files_are(show, tmp_path: Path) -> None:
    shown = show()
    shown.session.decide(1, "accepted")
    save(shown.scene, tmp_path / "scene", "mrb")
    shown.session.decide(2, "rejected")
    (case,) = stored_cases(load(tmp_path / "scene", "mrb", tmp_path / "cache").scene)
    assert case.folder == shown.stored.files.folder.resolve()
    with pytest.raises(InputError, match="open elsewhere"):
        case.write_to(case.folder)
    shown.session.close()
    longer = read_log(shown.stored.files.review_log)
    files = case.write_to(case.folder)
    assert read_log(files.review_log) == longer, "work done after saving is kept"
    assert not files.review_lock.exists()


def test_a_log_that_lost_its_end_gets_it_back_from_the_scene(show, tmp_path: Path) -> None:
    shown = show()
    shown.session.decide(1, "accepted")
    shown.session.decide(2, "accepted")
    save(shown.scene, tmp_path / "scene", "mrb")
    shown.session.close()
    log = shown.stored.files.review_log
    whole = read_log(log)
    log.write_text("".join(f"{event.line()}\n" for event in whole[:2]))
    (case,) = stored_cases(load(tmp_path / "scene", "mrb", tmp_path / "cache").scene)
    case.write_to(case.folder)
    assert read_log(log) == whole


@pytest.mark.parametrize("what", ["review", "findings"])
def test_another_case_in_the_folder_is_not_overwritten(what: str, show, tmp_path: Path) -> None:
    shown = show()
    shown.session.decide(1, "accepted")
    save(shown.scene, tmp_path / "scene", "mrb")
    (case,) = stored_cases(load(tmp_path / "scene", "mrb", tmp_path / "cache").scene)
    findings = ({"number": 1, "start": (9, 9, 9), "score": 0.4},)
    if what == "findings":
        files = store_case(tmp_path / "other", findings).files
    else:
        files = case.write_to(tmp_path / "other" / "out")
        files.review_log.unlink()
        with ReviewSession.open(files, "R2") as session:
            session.decide(1, "rejected")
    before = {path.name: path.read_bytes() for path in files.folder.iterdir()}
    with pytest.raises(InputError, match=f"(?i)(another|other) {what}"):
        case.write_to(files.folder)
    assert {path.name: path.read_bytes() for path in files.folder.iterdir()} == before


RESTORE = """
    import sys
    from pathlib import Path
    from ribfrac_testing.scenes import new_scene
    from RibFracDetectorLib.review.session import ReviewSession
    from RibFracDetectorLib.scene.case_scene import CaseScene
    from RibFracDetectorLib.scene.stored import stored_cases
    bundle, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir()
    host = new_scene(folder)
    assert host.scene.ReadFromMRB(str(bundle))
    (case,) = stored_cases(host.scene)
    with ReviewSession.open(case.write_to(folder / "case"), "R1") as session:
        shown = CaseScene.show(host.scene, case.ct_node, session)
        shown.make_boxes()
        session.decide(1, "rejected")
        session.undo()
        shown.close()
    loaded = {name.partition(".")[0] for name in sys.modules}
    print(sorted(loaded & {"torch", "monai", "scipy", "matplotlib"}))
"""


def test_restoring_and_reviewing_needs_neither_torch_nor_monai(show, tmp_path: Path) -> None:
    shown = show()
    review(shown)
    save(shown.scene, tmp_path / "scene", "mrb")
    paths = [str(REPOSITORY / "RibFracDetector"), str(REPOSITORY / "Testing")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    arguments = [str(tmp_path / "scene.mrb"), str(tmp_path / "restored")]
    command = [sys.executable, "-c", textwrap.dedent(RESTORE), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
