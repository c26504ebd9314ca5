"""The nodes of a case are what its session is; what the user does to them is an event that can be undone."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from ribfrac_testing import drawing
from ribfrac_testing.drawing import drag
from ribfrac_testing.review_cases import small_scan, store_case
from ribfrac_testing.scenes import add_volume, node_ids
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.case.resources import resource_path
from RibFracDetectorLib.review.session import ReviewSession
from RibFracDetectorLib.scene import terminology
from RibFracDetectorLib.scene.case_scene import CaseScene
from RibFracDetectorLib.scene.colors import STATUS_COLORS, color_of
from RibFracDetectorLib.scene.labelmaps import patch_of
from RibFracDetectorLib.scene.ownership import KEY, owned


def segment_ids(shown) -> list[str]:
    segmentation = shown.segmentation
    return sorted(segmentation.GetNthSegmentID(place) for place in range(segmentation.GetNumberOfSegments()))


def visible_segments(shown) -> set[str]:
    display = shown.case.nodes.segmentation.GetDisplayNode()
    return {name for name in segment_ids(shown) if display.GetSegmentVisibility(name)}


def visible_boxes(shown) -> set[int]:
    nodes = {number: shown.case.box_node(number) for number in shown.session.state.findings}
    return {number for number, node in nodes.items() if node and node.GetDisplayNode().GetVisibility()}


def with_handles(shown) -> set[int]:
    nodes = {number: shown.case.box_node(number) for number in shown.session.state.findings}
    return {
        number
        for number, node in nodes.items()
        if node and node.GetDisplayNode().GetHandlesInteractive() and not node.GetLocked()
    }


def column(shown, title: str) -> list:
    values = shown.case.nodes.table.GetTable().GetColumnByName(title)
    return [values.GetValue(place) for place in range(values.GetNumberOfValues())]


def draw(shown, finding_id: int, mask: MaskPatch) -> None:
    ct = shown.stored.ct
    drawing.draw(shown.segmentation, f"RibFrac_{finding_id}", mask, ct.grid, ct.stored_grid)


def test_a_case_is_one_segmentation_boxes_a_table_and_a_folder_beside_the_ct(show) -> None:
    shown = show()
    assert segment_ids(shown) == ["RibFrac_1", "RibFrac_3", "RibFrac_4", "RibFrac_boxes"]
    assert visible_segments(shown) == {"RibFrac_1", "RibFrac_3"}
    assert visible_boxes(shown) == {1, 2, 3}
    assert shown.case.box_node(4) is None, "below the threshold"
    assert column(shown, "Finding") == [1, 2, 3, 4]
    assert shown.segmentation.GetNumberOfLayers() == 2
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(shown.scene)
    folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(shown.case.nodes.segmentation))
    study = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(shown.ct_node))
    assert hierarchy.GetItemName(folder) == "RibFrac case"
    assert hierarchy.GetItemParent(folder) == study
    ours = [shown.case.nodes.table, shown.case.box_node(1), *shown.case.nodes.all]
    assert {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in ours} == {folder}


def test_segments_have_the_cts_grid_and_say_what_they_are(show) -> None:
    shown = show(scan=small_scan((3, 4, 5), "RAS"))
    node = shown.case.nodes.segmentation
    role = node.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role).GetID() == shown.ct_node.GetID()
    segment = shown.segmentation.GetSegment("RibFrac_1")
    assert terminology.entry() in _tag(segment)
    assert "SCT^72704001^Fracture" in _tag(segment)
    assert "SCT^113197003^Rib" in _tag(segment)


def _tag(segment) -> str:
    value = vtk.reference("")
    assert segment.GetTag(terminology.TAG, value)
    return str(value)


def test_the_application_understands_the_terminology() -> None:
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    name = logic.LoadTerminologyFromFile(str(resource_path("terminology/RibFrac.term.json")))
    assert name == terminology.CONTEXT
    entry = slicer.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(terminology.entry("left"), entry)
    assert entry.GetTypeObject().GetCodeMeaning() == "Fracture"
    assert entry.GetRegionObject().GetCodeValue() == "113197003"
    assert entry.GetRegionModifierObject().GetCodeMeaning() == "Left"
    category, kind = entry.GetCategoryObject(), slicer.vtkSlicerTerminologyType()
    assert logic.GetNumberOfTypesInTerminologyCategory(name, category) == 1
    assert logic.GetNthTypeInTerminologyCategory(name, category, 0, kind)
    assert kind.GetCodeValue() == entry.GetTypeObject().GetCodeValue()


def test_a_decision_changes_colour_table_and_log(show) -> None:
    shown = show()
    undecided = shown.segmentation.GetSegment("RibFrac_1").GetColor()
    assert undecided == color_of(shown.session.finding(1))
    for status in ("accepted", "rejected", "unsure"):
        shown.session.decide(1, status)
        assert shown.segmentation.GetSegment("RibFrac_1").GetColor() == STATUS_COLORS[status]
        assert shown.case.box_node(1).GetDisplayNode().GetSelectedColor() == STATUS_COLORS[status]
        assert column(shown, "Status")[0] == status
    assert len(shown.case.nodes.log.GetText().splitlines()) == len(shown.session.events)
    for _ in range(3):
        shown.session.undo()
    assert shown.segmentation.GetSegment("RibFrac_1").GetColor() == undecided
    assert column(shown, "Status")[0] == "undecided"


def test_colours_of_the_states_differ_in_lightness_too(show) -> None:
    shown = show()
    colors = [color_of(shown.session.finding(number)) for number in (1, 4)] + list(STATUS_COLORS.values())
    lightness = sorted(float(np.dot(color, (0.299, 0.587, 0.114))) for color in colors)
    assert min(np.diff(lightness)) > 0.01


def test_the_threshold_changes_only_what_is_visible(show) -> None:
    shown = show()
    before = node_ids(shown.scene)
    shown.session.set_threshold(0.6)
    assert visible_boxes(shown) == {1, 2}
    assert visible_segments(shown) == {"RibFrac_1"}
    shown.session.set_threshold(0.1)
    assert visible_segments(shown) == {"RibFrac_1", "RibFrac_3", "RibFrac_4"}
    assert node_ids(shown.scene) == before
    assert shown.case.make_boxes() == 0
    assert visible_boxes(shown) == {1, 2, 3, 4}
    assert len(node_ids(shown.scene) - before) == 2, "one ROI and what displays it"


def test_boxes_are_made_a_few_at_a_time_the_best_first(show) -> None:
    shown = show()
    shown.session.set_threshold(1.0)
    shown.case.remove()
    case = CaseScene.show(shown.scene, shown.ct_node, shown.session)
    shown.session.set_threshold(0.0)
    assert case.make_boxes(at_most=1) == 3
    assert [case.box_node(number) is not None for number in (1, 2, 3, 4)] == [True, False, False, False]
    assert case.make_boxes(at_most=2) == 1
    assert case.make_boxes() == 0
    case.close()


def test_only_the_active_box_has_handles_and_none_can_be_turned(show) -> None:
    shown = show()
    assert with_handles(shown) == set()
    shown.session.activate(1)
    assert with_handles(shown) == {1}
    shown.session.activate(2)
    assert with_handles(shown) == {2}
    displays = [shown.case.box_node(number).GetDisplayNode() for number in (1, 2, 3)]
    assert not any(display.GetRotationHandleVisibility() for display in displays)
    for number in (1, 2, 3):
        shown.session.decide(number, "rejected")
    shown.session.complete()
    assert with_handles(shown) == set(), "a complete case is not edited"
    shown.session.reopen()
    assert with_handles(shown) == {2}


def test_a_handle_that_is_let_go_is_one_event_and_undo_moves_the_box_back(show) -> None:
    shown = show(scan=small_scan((10, 5, -8), "RAI"))
    shown.session.activate(1)
    node, before = shown.case.box_node(1), shown.session.finding(1).box_ras
    events = len(shown.session.events)
    drag(node, (3.0, -2.0, 4.0))
    finding = shown.session.finding(1)
    assert finding.box_edited
    np.testing.assert_allclose(finding.box_ras.center, np.add(before.center, (3, -2, 4)), atol=1e-6)
    np.testing.assert_allclose(finding.box_ras.size, before.size, atol=1e-6)
    kinds = [event.kind for event in shown.session.events[events:]]
    assert kinds == ["opened", "threshold_set", "box_edited"]
    shown.session.undo()
    np.testing.assert_allclose(node.GetCenter(), before.center, atol=1e-6)
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert shown.session.events[-1].kind == "undone", "a handle that was not moved is no event"


def test_a_box_that_another_module_changed_is_taken_over_when_left(show) -> None:
    shown = show()
    shown.session.activate(1)
    shown.case.box_node(1).SetSize(9.0, 9.0, 9.0)
    assert not shown.session.events
    shown.session.activate(2)
    np.testing.assert_allclose(shown.session.finding(1).box_ras.size, [9, 9, 9], atol=1e-6)
    assert shown.session.undo() == 1
    assert shown.session.active == 2


def test_a_box_dragged_over_the_border_is_cut_there(show) -> None:
    shown = show()
    shown.session.activate(1)
    node = shown.case.box_node(1)
    drag(node, (8.0, 0.0, 0.0))  # to the patient's right, where x begins
    assert shown.session.finding(1).box_voxels[0] == -0.5
    np.testing.assert_allclose(node.GetCenter(), shown.session.finding(1).box_ras.center, atol=1e-6)
    np.testing.assert_allclose(node.GetSize(), shown.session.finding(1).box_ras.size, atol=1e-6)


def test_what_cannot_be_taken_over_is_put_back_and_told(show) -> None:
    shown = show()
    shown.session.activate(1)
    node, before = shown.case.box_node(1), shown.session.finding(1).box_ras
    drag(node, (5000.0, 0.0, 0.0))
    assert "outside of the volume" in shown.refusals[-1]
    np.testing.assert_allclose(node.GetCenter(), before.center, atol=1e-6)
    turned = vtk.vtkTransform()
    turned.RotateZ(20)
    node.ApplyTransform(turned)
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert "turned" in shown.refusals[-1]
    np.testing.assert_allclose(node.GetCenter(), before.center, atol=1e-6)
    assert not shown.session.events


def test_leaving_the_mask_editor_is_one_undoable_event(show) -> None:
    shown = show(scan=small_scan((6, -4, 9), "SAL"))
    original = shown.session.mask(1)
    drawn = MaskPatch.of(np.ones((5, 4, 3)), (8, 9, 10))
    assert shown.case.begin_mask_edit(1) == "RibFrac_1"
    draw(shown, 1, MaskPatch.of(np.ones((2, 2, 2)), (8, 9, 10)))
    draw(shown, 1, drawn)
    assert not shown.session.events
    shown.case.end_mask_edit()
    assert shown.session.mask(1) == drawn
    assert [event.kind for event in shown.session.events][-1] == "mask_edited"
    shown.session.undo()
    assert shown.case._segments.read(1) == original
    shown.session.redo()
    assert shown.case._segments.read(1) == drawn
    assert shown.case._segments.read(3) == shown.session.mask(3), "the others are untouched"


def test_every_segment_that_was_drawn_in_is_taken(show) -> None:
    """The Segment Editor can be turned to other segments, and draws over them in some modes."""
    shown = show(scan=small_scan((6, -4, 9), "SAL"))
    drawn = MaskPatch.of(np.ones((5, 4, 3)), (8, 9, 10))
    shown.case.begin_mask_edit(1)
    draw(shown, 3, drawn)
    shown.case.end_mask_edit()
    assert shown.session.mask(3) == drawn
    assert [event.kind for event in shown.session.events].count("mask_edited") == 1


def test_a_mask_that_is_refused_is_put_back(show) -> None:
    shown = show()
    shown.session.decide(1, "accepted")
    before = shown.session.mask(1)
    shown.case.begin_mask_edit(1)
    outside = MaskPatch.of(np.ones((5, 4, 3)), (58, 9, 10))
    draw(shown, 1, outside)
    shown.scene.StartState(shown.scene.SaveState)
    assert "out of the CT" in shown.refusals[-1]
    assert shown.case._segments.read(1) == before
    shown.scene.EndState(shown.scene.SaveState)
    shown.session.set_threshold(1.0)
    assert shown.segmentation.GetSegment("RibFrac_1").GetColor() == STATUS_COLORS["accepted"]


def test_leaving_the_mask_editor_without_a_change_is_no_event(show) -> None:
    shown = show()
    for number in (1, 2):
        shown.case.begin_mask_edit(number)
        shown.case.end_mask_edit()
    shown.case.end_mask_edit()
    assert not shown.session.events
    assert "RibFrac_2" not in segment_ids(shown), "nothing was drawn for a finding without mask"


def test_a_mask_is_drawn_for_a_finding_that_has_none(show) -> None:
    shown = show()
    number = shown.session.add((30, 30, 30, 40, 40, 40))
    name = shown.case.begin_mask_edit(number)
    assert name in visible_segments(shown)
    drawn = MaskPatch.of(np.ones((2, 2, 2)), (32, 33, 34))
    draw(shown, number, drawn)
    shown.session.comment(number, "while drawing")
    shown.case.end_mask_edit()
    assert shown.session.mask(number) == drawn
    shown.session.undo()
    assert name not in segment_ids(shown)


def test_a_changed_mask_leaves_no_voxel_of_the_old_one_behind(show) -> None:
    shown = show()
    shared = shown.segmentation.GetSegment("RibFrac_3").GetRepresentation("Binary labelmap")
    assert patch_of(shared, 1, shown.stored.ct.grid) == shown.session.mask(1)
    shown.session.edit_mask(1, MaskPatch.of(np.ones((2, 2, 2)), (9, 9, 9)))
    assert not patch_of(shared, 1, shown.stored.ct.grid).count
    assert patch_of(shared, 3, shown.stored.ct.grid) == shown.session.mask(3)


def test_masks_may_overlap(show) -> None:
    shown = show()
    shown.session.edit_mask(3, shown.session.mask(1))
    assert shown.case._segments.read(3) == shown.case._segments.read(1) == shown.session.mask(1)


def test_an_added_finding_appears_and_goes(show) -> None:
    shown = show()
    before = node_ids(shown.scene)
    number = shown.session.add_at((30, 28, 24))
    assert visible_boxes(shown) == {1, 2, 3, number}
    assert column(shown, "Finding") == [1, 2, 3, 4, number]
    shown.session.undo()
    assert node_ids(shown.scene) == before
    shown.session.redo()
    shown.session.delete(number)
    assert node_ids(shown.scene) == before
    shown.session.undo()
    assert visible_boxes(shown) == {1, 2, 3, number}


def test_an_unaided_reader_finds_nothing_of_the_model_in_the_scene(show) -> None:
    shown = show(unaided=True)
    assert segment_ids(shown) == []
    assert shown.case.make_boxes() == 0
    assert column(shown, "Finding") == []
    own = shown.session.add_at((30, 28, 24))
    assert visible_boxes_of(shown) == [own]
    shown.session.record_first_read()
    assert segment_ids(shown) == ["RibFrac_1", "RibFrac_3", "RibFrac_4", "RibFrac_boxes"]
    shown.case.make_boxes()
    assert visible_boxes(shown) == {1, 2, 3, own}


def visible_boxes_of(shown) -> list[int]:
    return [int(node.GetAttribute("RibFrac.finding")) for node in owned(shown.scene, "box")]


def test_the_users_own_nodes_are_left_alone(show) -> None:
    shown = show()
    scene = shown.scene
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Fracture 2")
    roi.SetSize(1, 2, 3)
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "case findings table")
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "case fractures")
    segmentation.GetSegmentation().AddEmptySegment("RibFrac_1", "mine")
    shown.segmentation.AddEmptySegment("mine", "mine")
    before = [(node.GetID(), node.GetName(), node.GetMTime()) for node in (roi, table, segmentation)]
    shown.session.decide(1, "accepted")
    shown.session.activate(2)
    shown.session.set_threshold(0.8)
    shown.case.remove()
    again = CaseScene.show(scene, shown.ct_node, shown.session)
    again.make_boxes()
    again.remove()
    assert [(node.GetID(), node.GetName(), node.GetMTime()) for node in (roi, table, segmentation)] == before
    assert roi.GetSize() == (1, 2, 3)


def test_removing_leaves_nothing_behind(show) -> None:
    shown = show()
    shown.session.activate(1)
    shown.case.remove()
    assert not [
        node
        for role in ("segmentation", "box", "table", "record", "log")
        for node in owned(shown.scene, role)
    ]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(shown.scene)
    assert not hierarchy.GetItemByName("RibFrac case")
    for number in range(shown.scene.GetNumberOfNodes()):
        node = shown.scene.GetNthNode(number)
        assert node.GetAttribute(KEY) is None
        assert "ROI" not in node.GetClassName()
    shown.session.decide(1, "accepted")


def test_two_runs_on_one_ct_stay_apart(show, tmp_path) -> None:
    shown = show()
    shown.session.decide(1, "accepted")
    again = store_case(tmp_path / "again", ({"number": 1, "start": (9, 9, 9), "score": 0.4},))
    with ReviewSession.open(again.files, "R1") as session:
        other = CaseScene.show(shown.scene, shown.ct_node, session)
        other.make_boxes()
        assert not visible_boxes(shown), "boxes of two runs are not told apart by eye"
        assert not shown.case.nodes.segmentation.GetDisplayVisibility()
        session.decide(1, "rejected")
        assert other.nodes.segmentation is not shown.case.nodes.segmentation
        assert shown.segmentation.GetSegment("RibFrac_1").GetColor() == STATUS_COLORS["accepted"]
        other.remove()
    assert shown.case.is_following
    assert segment_ids(shown) == ["RibFrac_1", "RibFrac_3", "RibFrac_4", "RibFrac_boxes"]
    shown.case.close()
    again = CaseScene.show(shown.scene, shown.ct_node, shown.session)
    assert again.nodes.segmentation.GetDisplayVisibility()
    assert visible_boxes(shown) == {1, 2, 3}
    again.close()


def test_closing_the_scene_or_removing_the_ct_ends_following(show) -> None:
    shown = show()
    shown.scene.RemoveNode(shown.case.box_node(1))
    assert shown.case.is_following
    assert shown.case.box_node(1) is None
    shown.session.activate(1)
    assert shown.case.box_node(1) is not None
    shown.scene.RemoveNode(shown.ct_node)
    assert not shown.case.is_following
    shown.session.decide(1, "accepted")
    case = CaseScene.show(shown.scene, add_volume(shown.scene, shown.stored.ct), shown.session)
    assert case.is_following
    shown.scene.Clear(False)
    assert not case.is_following
    shown.session.decide(1, "rejected")


def test_a_simulated_models_table_is_stamped(show) -> None:
    shown = show(training_data="simulated")
    assert set(column(shown, "Note")) == {shown.session.banner}
