"""A jump shows the finding close up in every view, and leaving puts everything back."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from ribfrac_testing.scenes import add_volume, linear_transform
from RibFracDetectorLib.scene.slice_views import BONE_LEVEL, BONE_WINDOW, SliceViews

SIZES = {"Red": (400, 300), "Yellow": (200, 500), "Green": (300, 300)}
MOVED = np.array([[0, -1, 0, 31.0], [1, 0, 0, -12.5], [0, 0, 1, 80.25], [0, 0, 0, 1]])


def slice_nodes(scene):
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    nodes = []
    for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
        node = slicer.vtkMRMLSliceNode()
        node.SetLayoutName(name)
        scene.AddNode(node)
        node.SetOrientation(orientation)
        node.SetDimensions(*SIZES[name], 1)
        node.SetFieldOfView(350.0, 350.0 * SIZES[name][1] / SIZES[name][0], 2.0)
        node.SetXYZOrigin(5.0, -3.0, 0.0)
        nodes.append(node)
    return nodes


def matrix_of(node) -> np.ndarray:
    matrix = node.GetSliceToRAS()
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def everything(node) -> tuple:
    xy = node.GetXYToRAS()
    return (
        matrix_of(node).tolist(),
        node.GetFieldOfView(),
        node.GetXYZOrigin(),
        [xy.GetElement(row, column) for row in range(4) for column in range(4)],
    )


@pytest.mark.parametrize("moved", [False, True])
def test_every_view_shows_the_finding_in_its_middle(moved: bool, show) -> None:
    shown = show(transform=(lambda scene: linear_transform(scene, MOVED)) if moved else None)
    nodes = slice_nodes(shown.scene)
    views = SliceViews(nodes)
    views.enter(shown.ct_node)
    place = shown.case.world_center(2)
    center = [0.0] * 3
    shown.case.box_node(2).GetCenterWorld(center)
    orientations = [node.GetOrientation() for node in nodes]
    views.jump(place)
    for node in nodes:
        width, height = SIZES[node.GetLayoutName()]
        middle = node.GetXYToRAS().MultiplyPoint((width / 2, height / 2, 0, 1))[:3]
        np.testing.assert_allclose(middle, center, atol=0.01)
        assert min(node.GetFieldOfView()[:2]) == pytest.approx(60.0)
        across, down, _ = node.GetFieldOfView()
        assert across / width == pytest.approx(down / height), "pixels are square"
    assert [node.GetOrientation() for node in nodes] == orientations


def test_leaving_puts_everything_back(show) -> None:
    shown = show()
    nodes = slice_nodes(shown.scene)
    display = shown.ct_node.GetDisplayNode()
    display.SetAutoWindowLevel(0)
    display.SetWindowLevel(350, 40)
    before = [everything(node) for node in nodes]
    views = SliceViews(nodes)
    views.enter(shown.ct_node)
    assert (display.GetWindow(), display.GetLevel()) == (BONE_WINDOW, BONE_LEVEL)
    views.jump(shown.case.world_center(1))
    views.enter(shown.ct_node)
    views.jump(shown.case.world_center(2))
    assert [everything(node) for node in nodes] != before
    views.leave()
    assert [everything(node) for node in nodes] == before
    assert (display.GetAutoWindowLevel(), display.GetWindow(), display.GetLevel()) == (0, 350, 40)
    display.SetWindowLevel(100, 50)
    views.leave()
    assert display.GetWindow() == 100, "left already"
    views.enter(shown.ct_node)
    views.leave()
    assert display.GetWindow() == 100


def test_the_ct_is_in_the_views_and_what_was_there_comes_back(show) -> None:
    shown = show()
    nodes = slice_nodes(shown.scene)
    layers = [slicer.vtkMRMLSliceCompositeNode() for _ in nodes[:2]]
    another = add_volume(shown.scene, shown.stored.ct).GetID()
    for composite, node, volume in zip(layers, nodes, (another, None), strict=False):
        composite.SetLayoutName(node.GetLayoutName())
        shown.scene.AddNode(composite)
        composite.SetBackgroundVolumeID(volume)
    views = SliceViews(nodes)
    views.enter(shown.ct_node)
    assert {composite.GetBackgroundVolumeID() for composite in layers} == {shown.ct_node.GetID()}
    views.leave()
    assert [composite.GetBackgroundVolumeID() for composite in layers] == [another, None]
    views.enter(shown.ct_node)
    layers[1].SetBackgroundVolumeID(another)
    shown.scene.RemoveNode(shown.scene.GetNodeByID(another))
    views.leave()
    kept = shown.ct_node.GetID()
    assert [composite.GetBackgroundVolumeID() for composite in layers] == [kept, None], "nothing to put back"


def test_an_automatic_window_is_automatic_again(show) -> None:
    shown = show()
    display = shown.ct_node.GetDisplayNode()
    display.SetAutoWindowLevel(1)
    views = SliceViews(slice_nodes(shown.scene))
    views.enter(shown.ct_node)
    assert not display.GetAutoWindowLevel()
    views.leave()
    assert display.GetAutoWindowLevel()


def test_a_jump_is_one_modification_of_each_slice_node(show) -> None:
    shown = show()
    nodes = slice_nodes(shown.scene)
    views = SliceViews(nodes)
    views.enter(shown.ct_node)
    counts = dict.fromkeys(SIZES, 0)

    def modified(node, _event) -> None:
        counts[node.GetLayoutName()] += 1

    for node in nodes:
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, modified)
    views.jump(shown.case.world_center(1))
    assert set(counts.values()) == {1}
