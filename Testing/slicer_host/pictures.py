"""Pictures of what the host shows: the window, a panel, a view."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk

from . import start
from .application.quiet import missing_files_unreported

SMOOTH = 8  # samples a pixel: fine for pictures, too slow for tests
CLOSER = 1.4  # the camera stands further away than the body of a CT needs
# Opacity and colour (RGB) over Hounsfield units: skin and organs are clear, ribs cream, cartilage red.
BONE_OPACITY = ((-1024, 0.0), (160, 0.0), (300, 0.35), (600, 0.75), (3071, 0.9))
BONE_COLOUR = (
    (-1024, 0.3, 0.3, 0.3),
    (160, 0.73, 0.25, 0.30),
    (300, 0.90, 0.82, 0.56),
    (1000, 1.0, 0.95, 0.87),
)


def settle(seconds: float = 0.2) -> None:
    """Let everything that waits in the event loop happen."""
    wait_until(lambda: False, seconds)


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Run the event loop until a condition holds, at most so long; whether it held."""
    app, end = start(), time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        if condition():
            return True
        time.sleep(0.005)
    return False


def save(widget: Any, path: Path) -> Path:
    """Write a PNG picture of a widget as it is now, its views drawn smoothly.

    Raises:
        OSError: the file cannot be written.
    """
    settle()
    _smooth_views()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not widget.grab().save(str(path)):
        raise OSError(f"cannot write {path}")
    return path


def show_bones(volume: Any) -> None:
    """Show the skeleton in a CT in the 3D views, seen from the front."""
    with missing_files_unreported():  # presets
        display = slicer.modules.volumerendering.logic().CreateDefaultVolumeRenderingNodes(volume)
    look = display.GetVolumePropertyNode().GetVolumeProperty()
    opacity, colour = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
    for point in BONE_OPACITY:
        opacity.AddPoint(*point)
    for point in BONE_COLOUR:
        colour.AddRGBPoint(*point)
    look.SetScalarOpacity(opacity)
    look.SetColor(colour)
    look.SetShade(True)
    look.SetAmbient(0.2)
    look.SetDiffuse(0.9)
    look.SetSpecular(0.2)
    look.SetInterpolationTypeToLinear()
    display.SetVisibility(True)
    manager = start().layoutManager()
    for index in range(manager.threeDViewCount):
        node = manager.threeDWidget(index).mrmlViewNode()
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
    manager.resetThreeDViews()
    for index in range(manager.threeDViewCount):
        camera = manager.threeDWidget(index).threeDView().cameraNode()
        camera.GetCamera().Dolly(CLOSER)
        camera.ResetClippingRange()


def _smooth_views() -> None:
    manager = start().layoutManager()
    views = [manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()]
    views += [manager.threeDWidget(index).threeDView() for index in range(manager.threeDViewCount)]
    for view in views:
        if view.visible:
            view.renderWindow().SetMultiSamples(SMOOTH)
            view.forceRender()
            view.renderWindow().SetMultiSamples(0)
