"""For code of slicer-core that looks for data files which the wheel lacks, and reports each as an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import vtk


@contextmanager
def missing_files_unreported() -> Iterator[None]:
    """Print no error of VTK inside."""
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        vtk.vtkObject.GlobalWarningDisplayOn()
