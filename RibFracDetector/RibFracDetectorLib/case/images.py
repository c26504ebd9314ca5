"""Between SimpleITK images and arrays with a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .geometry import Grid

if TYPE_CHECKING:
    from SimpleITK import Image

_INT16 = np.iinfo(np.int16)


def grid_of(image: Image) -> Grid:
    """The sampling grid of a 3-D image or of a reader that has read one's header."""
    return Grid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())


def to_lps(image: Image) -> Image:
    """The same voxels with index axes nearest to left, posterior, superior; oblique scans stay oblique."""
    import SimpleITK as sitk  # noqa: N813 - the name everybody uses

    orientation = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    return image if orientation == "LPS" else sitk.DICOMOrient(image, "LPS")


def array_of(image: Image) -> NDArray:
    """A copy of the voxels, indexed [x, y, z] of the image's own axes, x fastest in memory."""
    import SimpleITK as sitk  # noqa: N813

    return sitk.GetArrayFromImage(image).transpose(2, 1, 0)


def hounsfield_of(image: Image) -> NDArray[np.int16]:
    """The voxels as int16 HU, indexed [x, y, z], x fastest in memory (Fortran order).

    Values are clipped to the range of int16, then cut off toward zero (spec 1). The work goes slice by
    slice, so memory holds ITK's buffer and the result, never a second copy in floating point.

    Raises:
        InputError: a voxel is NaN or infinite (the message lacks the file name).
    """
    import SimpleITK as sitk  # noqa: N813

    slices = sitk.GetArrayViewFromImage(image)  # [z, y, x], read-only view of ITK's buffer
    voxels = np.empty(image.GetSize(), dtype=np.int16, order="F")
    for z, plane in enumerate(slices):
        if not np.isfinite(plane).all():
            bad = int(np.count_nonzero(~np.isfinite(plane)))
            raise InputError(
                f"{bad} of the voxels in slice {z} are NaN or infinite, finite HU are expected; replace "
                "them or export the file again"
            )
        voxels[:, :, z] = np.clip(plane, _INT16.min, _INT16.max).astype(np.int16).T
    return voxels
