"""Boxes, segments, table and JSON agree to 0.01 mm, whatever the directions of the CT and its transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.review_cases import small_scan, store_case
from ribfrac_testing.scenes import add_volume, linear_transform, new_scene
from ribfrac_testing.volumes import ORIENTATIONS, rotation
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import BoxRas, Grid
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.review.rows import row
from RibFracDetectorLib.scene.boxes import box_of
from RibFracDetectorLib.scene.case_scene import CaseScene
from RibFracDetectorLib.scene.ct import (
    check_placeable,
    ct_of_node,
    from_world,
    grid_of_node,
    lps_grid,
    to_world,
)
from RibFracDetectorLib.scene.labelmaps import labelmap_of, patch_of

TOLERANCE_MM = 0.01
# Boxes whose faces lie between voxels, so that a mask can have exactly the same extent.
WHOLE = (
    {"number": 1, "start": (3.5, 4.5, 5.5), "size": (8, 6, 5), "score": 0.9},
    {"number": 2, "start": (40.5, 8.5, 20.5), "size": (6, 7, 4), "score": 0.7, "head": "det"},
    {"number": 3, "start": (12.5, 39.5, 30.5), "size": (5, 5, 9), "score": 0.55, "head": "seg"},
)
MOVED = np.array([[0.8, -0.6, 0, 31.0], [0.6, 0.8, 0, -12.5], [0, 0, 1, 80.25], [0, 0, 0, 1]])
ANGLES = (12.0, -9.0, 17.0)


def corners(center: Any, size: Any, axes: Any) -> np.ndarray:
    """The eight corners of an oriented box, sorted."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    points = np.asarray(center) + signs * np.asarray(size) / 2 @ np.asarray(axes)
    return points[np.lexsort(np.round(points, 2).T)]


def world_corners_of_roi(node: Any) -> np.ndarray:
    matrix = node.GetObjectToWorldMatrix()
    affine = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
    return corners(affine[:3, 3], node.GetSize(), affine[:3, :3].T)


def world_corners_of_voxels(node: Any, segment_id: str) -> np.ndarray:
    """The corners of the box around a segment's voxels, along the labelmap's own axes."""
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segment = node.GetSegmentation().GetSegment(segment_id)
    image = segment.GetRepresentation(name)
    extent = image.GetExtent()
    shape = [extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in range(3)]
    labels = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    inside = np.argwhere(labels.reshape(shape, order="F") == segment.GetLabelValue())
    inside += [extent[0], extent[2], extent[4]]
    low, high = inside.min(axis=0) - 0.5, inside.max(axis=0) + 0.5
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    affine = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(3)])
    places = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    points = to_world(node, places @ affine[:, :3].T + affine[:, 3])
    return points[np.lexsort(np.round(points, 2).T)]


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", "SAL"])
@pytest.mark.parametrize("moved", [False, True])
def test_boxes_segments_table_and_json_agree(orientation: str, moved: bool, show) -> None:
    transform = (lambda scene: linear_transform(scene, MOVED)) if moved else None
    shown = show(WHOLE, small_scan(ANGLES, orientation), transform=transform)
    node = shown.case.nodes.segmentation
    for finding in shown.stored.case.findings:
        in_json = corners(finding.box_ras.center, finding.box_ras.size, finding.box_ras.axes)
        expected = to_world(shown.ct_node, in_json)
        expected = expected[np.lexsort(np.round(expected, 2).T)]
        roi = shown.case.box_node(finding.id)
        np.testing.assert_allclose(world_corners_of_roi(roi), expected, atol=TOLERANCE_MM)
        center = [0.0] * 3
        roi.GetCenterWorld(center)
        np.testing.assert_allclose(shown.case.world_center(finding.id), center, atol=TOLERANCE_MM)
        if finding.head != "det":
            voxels = world_corners_of_voxels(node, f"RibFrac_{finding.id}")
            np.testing.assert_allclose(voxels, expected, atol=TOLERANCE_MM)
        entry = row(shown.session, finding.id)
        np.testing.assert_allclose(entry.center_ras, finding.box_ras.center, atol=TOLERANCE_MM)
    table = shown.case.nodes.table.GetTable()
    for place, finding in enumerate(shown.stored.case.findings):
        cells = [table.GetColumnByName(f"{axis} (mm)").GetValue(place) for axis in "RAS"]
        np.testing.assert_allclose(cells, finding.box_ras.center, atol=TOLERANCE_MM)
        edges = [table.GetColumnByName(f"Size {axis} (mm)").GetValue(place) for axis in "xyz"]
        np.testing.assert_allclose(edges, finding.box_ras.size, atol=TOLERANCE_MM)


def test_the_boxes_segment_holds_the_models_boxes(show) -> None:
    shown = show(WHOLE, small_scan(ANGLES, "RAS"))
    segment = shown.segmentation.GetSegment("RibFrac_boxes")
    image = segment.GetRepresentation("Binary labelmap")
    patch = patch_of(image, segment.GetLabelValue(), shown.stored.ct.grid)
    expected = np.zeros(shown.stored.ct.grid.size, bool)
    expected[4:12, 5:11, 6:11] = True
    expected[41:47, 9:16, 21:25] = True
    assert patch == MaskPatch.of(expected)
    assert not shown.case.nodes.segmentation.GetDisplayNode().GetSegmentVisibility("RibFrac_boxes")


def test_results_follow_the_transform_of_the_ct(show) -> None:
    shown = show(WHOLE)
    before = np.array(shown.case.world_center(1))
    transform = linear_transform(shown.scene, MOVED)
    shown.ct_node.SetAndObserveTransformNodeID(transform.GetID())
    for node in (shown.case.nodes.segmentation, shown.case.box_node(1), shown.case.box_node(3)):
        assert node.GetTransformNodeID() == transform.GetID()
    np.testing.assert_allclose(shown.case.world_center(1), before @ MOVED[:3, :3].T + MOVED[:3, 3], atol=1e-6)
    assert not shown.session.finding(1).box_edited
    shown.ct_node.SetAndObserveTransformNodeID(None)
    assert shown.case.box_node(1).GetTransformNodeID() is None


def test_places_go_through_the_transform_and_back(show) -> None:
    shown = show(WHOLE, transform=lambda scene: linear_transform(scene, MOVED))
    points = np.random.default_rng(1).normal(size=(5, 3)) * 100
    np.testing.assert_allclose(from_world(shown.ct_node, to_world(shown.ct_node, points)), points)


def test_a_transform_that_bends_is_refused_with_the_remedy(show) -> None:
    shown = show(WHOLE)
    bending = shown.scene.AddNewNodeByClass("vtkMRMLTransformNode", "Uneven slices")
    spline = vtk.vtkThinPlateSplineTransform()
    points = vtk.vtkPoints()
    for place in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 5, 5)):
        points.InsertNextPoint(place)
    moved = vtk.vtkPoints()
    moved.DeepCopy(points)
    moved.SetPoint(4, 9, 5, 5)
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    bending.SetAndObserveTransformToParent(spline)
    other = add_volume(shown.scene, shown.stored.ct, "Bent")
    other.SetAndObserveTransformNodeID(bending.GetID())
    with pytest.raises(InputError, match=r"Bent .*Uneven slices.*harden the transform"):
        check_placeable(other)
    shown.ct_node.SetAndObserveTransformNodeID(bending.GetID())
    assert shown.case.nodes.segmentation.GetTransformNodeID() is None, "results stay where they were"


def test_a_sheared_or_empty_volume_is_refused(show) -> None:
    shown = show(WHOLE)
    sheared = add_volume(shown.scene, shown.stored.ct, "Sheared")
    sheared.SetIJKToRASDirections(1, 0, 0.2, 0, 1, 0, 0, 0, 1)
    with pytest.raises(InputError, match="not at right angles"):
        check_placeable(sheared)
    empty = shown.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    with pytest.raises(InputError, match="no voxels"):
        check_placeable(empty)


def test_another_volume_than_the_findings_ct_is_refused(show, tmp_path) -> None:
    shown = show(WHOLE)
    other = store_case(tmp_path / "other", WHOLE, small_scan((0, 0, 5)))
    node = add_volume(shown.scene, other.ct, "Other")
    with pytest.raises(InputError, match="Other is not the CT of these findings: the direction"):
        CaseScene.show(shown.scene, node, shown.session)


@pytest.mark.parametrize("orientation", ORIENTATIONS[::6])
def test_the_ct_of_a_node_is_the_ct_of_the_file(orientation: str, tmp_path) -> None:
    stored = store_case(tmp_path, WHOLE, small_scan(ANGLES, orientation))
    host = new_scene(tmp_path)
    for along_file in (True, False):
        node = add_volume(host.scene, stored.ct, stored=along_file)
        ct = ct_of_node(node, stored.ct.source, "case")
        assert stored.case.ct.matches(ct) is None
        np.testing.assert_array_equal(ct.voxels, stored.ct.voxels)


angles = st.tuples(*[st.floats(-40, 40)] * 3)


@settings(max_examples=40)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    turned=angles,
    start=st.tuples(*[st.integers(0, 3)] * 3),
    seed=st.integers(0, 1000),
)
def test_masks_survive_the_labelmap(orientation: str, turned: tuple, start: tuple, seed: int) -> None:
    node_grid = _grid(orientation, turned)
    lps = lps_grid(node_grid)
    voxels = np.random.default_rng(seed).random((3, 4, 2)) < 0.5
    patches = {3: MaskPatch.of(voxels, start), 7: MaskPatch.of(~voxels, start)}
    image = labelmap_of(patches, lps, node_grid)
    for number, patch in patches.items():
        assert patch_of(image, number, lps) == patch
    assert patch_of(image, 9, lps).count == 0


def _grid(orientation: str, turned: tuple) -> Grid:
    stored = small_scan().turned(orientation)
    size = (9, 8, 7)
    direction = rotation(turned) @ stored.direction
    return Grid(size, stored.spacing, (12.5, -40.0, 7.25), tuple(direction.ravel().tolist()))


def test_a_mask_of_another_grid_is_refused() -> None:
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    other = Grid((9, 8, 7), (1.0, 1.0, 1.0), (0.4, 0.0, 0.0))
    patch = MaskPatch.of(np.ones((2, 2, 2)), (7, 6, 5))
    with pytest.raises(InputError, match="another grid"):
        patch_of(labelmap_of({1: patch}, other, other), 1, grid)
    for step in (1.0, -8.0):  # one voxel of it lies beside the CT
        shifted = Grid((9, 8, 7), (1.0, 1.0, 1.0), (step, 0.0, 0.0))
        with pytest.raises(InputError, match="reaches out"):
            patch_of(labelmap_of({1: patch}, shifted, shifted), 1, grid)


def test_where_masks_overlap_the_higher_number_is_kept() -> None:
    grid = Grid((9, 8, 7), (1.0, 1.0, 1.0))
    patch = MaskPatch.of(np.ones((2, 2, 2)), (3, 3, 3))
    for patches in ({1: patch, 2: patch}, {2: patch, 1: patch}):
        image = labelmap_of(patches, grid, grid)
        assert (patch_of(image, 1, grid).count, patch_of(image, 2, grid)) == (0, patch)


def test_values_beyond_those_of_a_ct_are_cut_not_turned_over(tmp_path) -> None:
    stored = store_case(tmp_path, WHOLE, small_scan())
    node = add_volume(new_scene(tmp_path).scene, stored.ct)
    image = vtk.vtkImageCast()
    image.SetInputData(node.GetImageData())
    image.SetOutputScalarTypeToFloat()
    image.Update()
    node.SetAndObserveImageData(image.GetOutput())
    node.GetImageData().SetScalarComponentFromFloat(0, 0, 0, 0, 40000.0)
    node.GetImageData().SetScalarComponentFromFloat(1, 0, 0, 0, -40000.0)
    voxels = ct_of_node(node, stored.ct.source, "case").voxels
    assert voxels.dtype == np.int16
    assert sorted((voxels.min(), voxels.max())) == [-32768, 32767]


def test_a_left_handed_box_is_the_same_box(show) -> None:
    shown = show(WHOLE)
    finding = shown.session.finding(1)
    box = finding.box_ras
    mirrored = BoxRas(box.center, box.size, (tuple(-x for x in box.axes[0]), *box.axes[1:]))
    shown.session.edit_box_ras(1, mirrored)
    np.testing.assert_allclose(shown.session.finding(1).box_voxels, finding.box_voxels, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(np.array(box_of(shown.case.box_node(1)).axes)), 1)


def test_the_grid_of_a_node_is_that_of_the_file(show) -> None:
    shown = show(WHOLE, small_scan(ANGLES, "PIR"))
    grid, stored = grid_of_node(shown.ct_node), shown.stored.ct.stored_grid
    assert grid.size == stored.size
    for name in ("spacing", "origin", "direction"):
        np.testing.assert_allclose(getattr(grid, name), getattr(stored, name), atol=1e-4)
