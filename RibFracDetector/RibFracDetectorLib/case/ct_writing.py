"""Writing a CT that is in memory to a file, from which `reading.read_ct` makes the same CT again."""

from __future__ import annotations

from pathlib import Path

from .ct import CtVolume
from .dicom import SERIES_UID
from .errors import InputError
from .utf8_paths import itk_path, utf8_path
from .whole_files import written_whole


def write_ct(path: Path, ct: CtVolume) -> None:
    """Write a CT on its LPS grid, uncompressed: it is read once and thrown away.

    Args:
        path: ends with `.nrrd`, the format that holds a grid in double precision and a SeriesInstanceUID.

    Raises:
        InputError: the name is not UTF-8; see `whole_files.written_whole`; or SimpleITK cannot write it, as
            on a full disk.
    """
    import SimpleITK as sitk  # noqa: N813

    utf8_path(path)  # refused under its own name, not under the temporary one that ITK is given
    image = sitk.GetImageFromArray(ct.voxels.transpose(2, 1, 0))
    image.SetSpacing(ct.grid.spacing)
    image.SetOrigin(ct.grid.origin)
    image.SetDirection(ct.grid.direction)
    if ct.series_uid:
        image.SetMetaData(SERIES_UID, ct.series_uid)
    with written_whole(path) as temporary:
        try:
            sitk.WriteImage(image, itk_path(temporary), useCompression=False, imageIO="NrrdImageIO")
        except RuntimeError:
            raise InputError(f"{path}: the CT cannot be written; free some space") from None
