"""Masks on the grid of the file that the CT came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .ct import CtVolume
from .errors import InputError
from .geometry import Grid, reindex
from .images import array_of, grid_of, to_lps
from .itk_messages import itk_reason, quiet_itk
from .nifti_header import check_nifti
from .reading import open_image
from .utf8_paths import itk_path, utf8_path
from .whole_files import written_whole


def write_mask(path: Path, mask: NDArray, ct: CtVolume) -> None:
    """Write a mask on the grid of the CT's file: same size, spacing, origin, direction.

    Args:
        path: ends with `.nii.gz`.
        mask: [x, y, z] on `ct.grid`; bool (stored as uint8), uint8 or uint16.

    Raises:
        InputError: see `write_mask_on`.
        ValueError: see `write_mask_on`.
    """
    write_mask_on(path, mask, ct.grid, ct.stored_grid)


def write_mask_on(path: Path, mask: NDArray, grid: Grid, stored_grid: Grid, note: str = "") -> None:
    """Write a mask as compressed NIfTI on `stored_grid`.

    What was written is read back (compression checksum, length, header), because ITK does not report a full
    disk reliably.

    Args:
        path: ends with `.nii.gz`.
        mask: [x, y, z] on `grid`; bool (stored as uint8), uint8 or uint16.
        grid: of the mask.
        stored_grid: the same voxels along other axes, see `geometry.reindex`.
        note: what the header's description says, at most 79 bytes are kept.

    Raises:
        InputError: the file cannot be written whole, or its name is not UTF-8; nothing is left behind.
        ValueError: the mask's shape or type does not fit.
    """
    import SimpleITK as sitk  # noqa: N813

    utf8_path(path)  # refused under its own name, not under the temporary one that ITK is given
    if mask.dtype not in (np.bool_, np.uint8, np.uint16) or mask.shape != grid.size:
        raise ValueError(
            f"a mask of bool, uint8 or uint16 and shape {grid.size} is expected, "
            f"not {mask.dtype} {mask.shape}"
        )
    stored = reindex(mask.astype(np.uint8) if mask.dtype == np.bool_ else mask, grid, stored_grid)
    image = sitk.GetImageFromArray(np.ascontiguousarray(stored.transpose(2, 1, 0)))
    image.SetSpacing(stored_grid.spacing)
    image.SetOrigin(stored_grid.origin)
    image.SetDirection(stored_grid.direction)
    if note:
        image.SetMetaData("ITK_FileNotes", note)
    with written_whole(path) as temporary:
        try:
            with quiet_itk() as printed:
                sitk.WriteImage(image, itk_path(temporary), useCompression=True, imageIO="NiftiImageIO")
            check_nifti(temporary)
        except RuntimeError as error:
            raise _unwritable(path, itk_reason(error, printed)) from None
        except (InputError, FileNotFoundError):
            raise _unwritable(path, "what was written is incomplete") from None


def _unwritable(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: cannot be written ({reason}); check that the disk is not full and the folder is writable"
    )


def read_mask(path: Path) -> tuple[NDArray, Grid]:
    """Read a mask or label map: the array [x, y, z] in LPS order, in the file's own type, and its grid.

    Raises:
        InputError: see `reading.open_image`.
    """
    image, _ = open_image(Path(path))
    image = to_lps(image)
    return array_of(image), grid_of(image)
