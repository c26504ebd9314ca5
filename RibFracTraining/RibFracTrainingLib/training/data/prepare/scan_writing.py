"""Writing scans as NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.itk_messages import quiet_itk
from RibFracDetectorLib.case.nifti_header import check_nifti
from RibFracDetectorLib.case.utf8_paths import itk_path


def write_scan(path: Path, voxels: NDArray[np.int16], grid: Grid) -> None:
    """Write HU [x, y, z] as compressed NIfTI, and check what was written.

    Raises:
        InputError: the file cannot be written whole, or its name is not UTF-8.
    """
    import SimpleITK as sitk  # noqa: N813

    name = itk_path(path)
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.transpose(2, 1, 0)))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    try:
        with quiet_itk():
            sitk.WriteImage(image, name, useCompression=True, imageIO="NiftiImageIO")
        check_nifti(path)
    except (RuntimeError, InputError, FileNotFoundError):
        raise InputError(f"{path}: cannot be written whole; check that the disk is not full") from None
