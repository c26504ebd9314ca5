"""300 findings in four views: a slider move or a jump makes no node and touches no more than what changes.

The views are the application's displayable managers with what they ask of a view counted; no window is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import slicer
import vtk
from ribfrac_testing.review_cases import many, store_case
from ribfrac_testing.scenes import add_volume, new_scene, node_ids
from RibFracDetectorLib.review import navigation
from RibFracDetectorLib.review.session import ReviewSession
from RibFracDetectorLib.scene.case_scene import CaseScene
from RibFracDetectorLib.scene.ownership import owned
from RibFracDetectorLib.scene.slice_views import SliceViews


class Views:
    """Three slice views and a 3-D view, which count how often they are asked to draw themselves."""

    def __init__(self, host: Any) -> None:
        self.asked: Counter[str] = Counter()
        self._host = host
        self._kept: list[Any] = []
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(host.scene, True)
        host.logic.SetSliceLogics(vtk.vtkCollection())
        host.logic.SetViewLogics(vtk.vtkCollection())
        self.slice_nodes = [self._slice(name) for name in ("Red", "Yellow", "Green")]
        view = slicer.vtkMRMLViewNode()
        view.SetLayoutName("3D")
        host.scene.AddNode(view)
        self._draw("3D", slicer.vtkMRMLThreeDViewDisplayableManagerFactory, view)

    def _slice(self, name: str) -> Any:
        node = slicer.vtkMRMLSliceNode()
        node.SetLayoutName(name)
        node.SetDimensions(300, 200, 1)
        self._host.scene.AddNode(node)
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._host.logic)
        logic.SetMRMLScene(self._host.scene)
        logic.SetSliceNode(node)
        self._host.logic.GetSliceLogics().AddItem(logic)
        self._kept.append(logic)
        self._draw(name, slicer.vtkMRMLSliceViewDisplayableManagerFactory, node)
        return node

    def _draw(self, name: str, factory_class: Any, node: Any) -> None:
        factory = factory_class.GetInstance()
        factory.SetMRMLApplicationLogic(self._host.logic)
        dimensions = "3D" if name == "3D" else "2D"
        for manager in (
            "vtkMRMLMarkupsDisplayableManager",
            f"vtkMRMLSegmentationsDisplayableManager{dimensions}",
        ):
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        window, renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
        window.SetOffScreenRendering(1)
        window.AddRenderer(renderer)
        interactor = vtk.vtkRenderWindowInteractor()
        interactor.SetRenderWindow(window)
        group = factory.InstantiateDisplayableManagers(renderer)
        group.SetMRMLDisplayableNode(node)
        group.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.asked.update([name]))
        self._kept += [window, renderer, interactor, group]


class Paused:
    """Counts the blocks in which views are paused, and what is modified outside of one."""

    def __init__(self) -> None:
        self.blocks = 0
        self.depth = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.blocks += not self.depth
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


@contextmanager
def modifications(scene: Any, paused: Paused) -> Iterator[Counter[str]]:
    """Counts the modifications of every node of a scene by id; none may happen while views are drawn."""
    counts: Counter[str] = Counter()
    observed = []

    def modified(node: Any, _: str) -> None:
        assert paused.depth, f"{node.GetName()} is modified while views are drawn"
        counts[node.GetID()] += 1

    for place in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(place)
        if node.GetAttribute("RibFrac.role") != "log":
            observed.append((node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, modified)))
    yield counts
    for node, tag in observed:
        node.RemoveObserver(tag)


# The ROIs of 300 findings take most of twenty seconds to make in four views.
@pytest.fixture(scope="module", params=[60, pytest.param(300, marks=pytest.mark.slow)])
def crowded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("crowded")
    stored = store_case(folder, many(request.param))
    host = new_scene(folder)
    ct_node = add_volume(host.scene, stored.ct)
    views, paused = Views(host), Paused()
    with ReviewSession.open(stored.files, "R1") as session:
        session.set_threshold(0.0)
        case = CaseScene.show(host.scene, ct_node, session, paused)
        while case.make_boxes(at_most=20):
            pass
        yield host.scene, session, case, views, paused
        case.close()


def test_all_boxes_are_there_and_light(crowded) -> None:
    scene, session, _, _, _ = crowded
    boxes = list(owned(scene, "box"))
    assert len(boxes) == len(session.shown()) == len(session.case.findings) >= 60
    assert all(node.GetLocked() for node in boxes)
    assert not any(node.GetDisplayNode().GetHandlesInteractive() for node in boxes)


def test_a_slider_move_makes_no_node_and_touches_what_it_hides(crowded) -> None:
    scene, session, case, views, paused = crowded
    for threshold in (0.3, 0.31, 0.9, 0.0):
        session.set_threshold(session.threshold)
        before, nodes, blocks = set(session.shown()), node_ids(scene), paused.blocks
        views.asked.clear()
        with modifications(scene, paused) as modified:
            session.set_threshold(threshold)
        changed = len(before ^ set(session.shown()))
        assert changed
        assert node_ids(scene) == nodes
        assert paused.blocks == blocks + 1
        display = case.nodes.segmentation.GetDisplayNode().GetID()
        assert modified.pop(display) == 1, "all segments at once"
        assert len(modified) == changed
        assert set(modified.values()) == {1}
        assert set(views.asked) == {"Red", "Yellow", "Green", "3D"}, "every view is told to draw itself"


def test_a_slider_move_that_changes_nothing_touches_nothing(crowded) -> None:
    scene, session, _, views, paused = crowded
    views.asked.clear()
    with modifications(scene, paused) as modified:
        session.set_threshold(0.001)
        session.set_threshold(0.0)
    assert not modified
    assert not views.asked


def test_a_jump_makes_no_node_and_touches_two_boxes(crowded) -> None:
    scene, session, case, views, paused = crowded
    session.activate(session.shown()[0])
    slices = SliceViews(views.slice_nodes)
    slices.enter(case.nodes.ct_node)
    for _ in range(5):
        nodes, blocks = node_ids(scene), paused.blocks
        with modifications(scene, paused) as modified:
            session.activate(navigation.next_finding(session))
        assert node_ids(scene) == nodes
        assert paused.blocks == blocks + 1
        assert len(modified) <= 4, "two ROIs and what displays them"
        with modifications(scene, paused) as modified, paused():
            slices.jump(case.world_center(session.active))
        assert len(modified) == 3
        assert max(modified.values()) <= 2, "each slice view moves once, and its logic answers once"
    slices.leave()
    session.activate(None)


def test_a_decision_touches_one_finding(crowded) -> None:
    scene, session, case, _, paused = crowded
    number = session.shown()[4]
    nodes = node_ids(scene)
    with modifications(scene, paused) as modified:
        session.decide(number, "accepted")
    box = case.box_node(number)
    expected = {
        box.GetDisplayNode().GetID(),
        case.nodes.table.GetID(),
        case.nodes.segmentation.GetID(),
    }
    assert set(modified) <= expected
    assert node_ids(scene) == nodes
    session.undo()
