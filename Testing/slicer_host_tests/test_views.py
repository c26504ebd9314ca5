"""The views draw the real scene, and no oftener than they must."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import slicer.util
import slicer_host
from slicer_host.views.rendered_view import render_counts

pytestmark = pytest.mark.usefixtures("no_slot_errors")
# A bright block in a dark volume of z, y, x = 40 × 50 × 60 voxels of 1 × 1 × 2 mm.
BLOCK = (slice(10, 16), slice(20, 30), slice(40, 52))
SPACING = np.diag([-1.0, -1.0, 2.0, 1.0])
CENTRE = (-45.5, -24.5, 25.0)  # of the block, in RAS mm


@pytest.fixture
def views(app: Any, scene: Any) -> Any:
    """The layout manager, shown, with the volume in all slices."""
    slicer_host.main_window()
    manager = app.layoutManager()
    manager.setLayout(3)
    voxels = np.full((40, 50, 60), -1000, np.int16)
    voxels[BLOCK] = 1000
    volume = slicer.util.addVolumeFromArray(voxels, SPACING)
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(2000, 0)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    app.processEvents()
    yield manager
    scene.Clear()
    app.processEvents()


def brightness(view: Any, ras: tuple[float, float, float]) -> float:
    """The grey value of a point of the last picture, 0 to 255."""
    x, y, _ = view.convertRASToXYZ(list(ras))
    image = view.grab().toImage()
    return image.pixelColor(round(x), image.height() - 1 - round(y)).lightness()


@pytest.mark.parametrize("name", ["Red", "Yellow", "Green"])
def test_a_slice_shows_what_lies_in_it(views: Any, app: Any, name: str) -> None:
    slicer.modules.markups.logic().JumpSlicesToLocation(*CENTRE, True)
    app.processEvents()
    view = views.sliceWidget(name).sliceView()
    assert brightness(view, CENTRE) > 200
    beside = [
        value + (0 if abs(axis) == 1 else 16) for axis, value in zip(_normal(view), CENTRE, strict=True)
    ]
    assert brightness(view, tuple(beside)) < 50


def _normal(view: Any) -> list[int]:
    matrix = view.mrmlSliceNode().GetSliceToRAS()
    return [round(matrix.GetElement(row, 2)) for row in range(3)]


def test_a_slice_elsewhere_is_dark(views: Any, app: Any) -> None:
    slicer.modules.markups.logic().JumpSlicesToLocation(CENTRE[0], CENTRE[1], 60.0, False)
    app.processEvents()
    assert brightness(views.sliceWidget("Red").sliceView(), CENTRE) < 50


def test_wrong_axis_order_is_seen(views: Any, app: Any) -> None:
    # The mistake: voxel indices z, y, x taken for x, y, z.
    wrong = slicer.vtkMRMLSliceNode.JumpSliceByCentering
    node = views.sliceWidget("Red").mrmlSliceNode()
    wrong(node, -12.5, -24.5, 91.0)
    app.processEvents()
    assert brightness(views.sliceWidget("Red").sliceView(), CENTRE) < 50


def test_a_segment_is_drawn_on_the_slice(views: Any, app: Any) -> None:
    volume = slicer.util.getFirstNodeByClassByName("vtkMRMLScalarVolumeNode", "Volume")
    slicer.modules.markups.logic().JumpSlicesToLocation(*CENTRE, True)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment = segmentation.GetSegmentation().AddEmptySegment("block", "block", [1.0, 0.0, 0.0])
    mask = np.zeros((40, 50, 60), np.uint8)
    mask[BLOCK] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment, volume)
    app.processEvents()
    view = views.sliceWidget("Red").sliceView()
    x, y, _ = view.convertRASToXYZ(list(CENTRE))
    image = view.grab().toImage()
    colour = image.pixelColor(round(x), image.height() - 1 - round(y))
    assert colour.red() > colour.green() + 50


def test_many_changes_are_drawn_once(views: Any, app: Any) -> None:
    view = views.sliceWidget("Red").sliceView()
    before = render_counts(view)
    for offset in range(10):
        view.mrmlSliceNode().SetSliceOffset(float(offset))
    assert render_counts(view).renders == before.renders
    app.processEvents()
    after = render_counts(view)
    assert after.renders == before.renders + 1
    assert after.requests >= before.requests + 10


def test_a_pause_of_the_application_holds_drawing_back(views: Any, app: Any) -> None:
    view = views.sliceWidget("Red").sliceView()
    before = render_counts(view).renders
    with slicer.util.RenderBlocker():
        view.mrmlSliceNode().SetSliceOffset(12.0)
        app.processEvents()
        assert render_counts(view).renders == before
    app.processEvents()
    assert render_counts(view).renders == before + 1


def test_nothing_is_drawn_where_nothing_changed(views: Any, app: Any) -> None:
    view = views.sliceWidget("Red").sliceView()
    before = render_counts(view)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    app.processEvents()
    assert render_counts(view).renders == before.renders


def test_the_3d_view_shows_a_box(views: Any, app: Any) -> None:
    view = views.threeDWidget(0).threeDView()
    empty = view.grab().toImage()
    box = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    box.CreateDefaultDisplayNodes()
    box.SetCenter(*CENTRE)
    box.SetSize(12, 10, 12)
    views.resetThreeDViews()
    app.processEvents()
    assert view.grab().toImage() != empty


def test_layouts(views: Any, app: Any) -> None:
    views.setLayout(6)
    app.processEvents()
    assert [name for name in views.sliceViewNames() if views.sliceWidget(name).visible] == ["Red"]
    with pytest.raises(NotImplementedError):
        views.setLayout(34)


def test_views_outlive_the_scene(views: Any, app: Any, scene: Any) -> None:
    scene.Clear()
    app.processEvents()
    assert views.sliceWidget("Red").mrmlSliceNode() is scene.GetNodeByID("vtkMRMLSliceNodeRed")
    assert views.threeDWidget(0).threeDView().cameraNode() is not None
