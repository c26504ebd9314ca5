"""From a file or DICOM folder to a checked CT in memory.

The order is: the file's own header, the grid as ITK sees it, the voxels, their values. Each step can refuse
the input, so nothing large is loaded for a file that is no CT.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .checks import check_grid, check_header, check_values
from .ct import CtVolume
from .dicom import SERIES_UID, Series, check_slices
from .errors import InputError
from .geometry import Grid
from .images import grid_of, hounsfield_of, to_lps
from .itk_messages import itk_reading
from .naming import IMAGE_EXTENSIONS, case_id_from_name, checked_case_id, image_extension
from .nifti_header import check_nifti
from .sources import check_present, series_of
from .text_headers import check_meta, check_nrrd
from .utf8_paths import itk_path, utf8_path

if TYPE_CHECKING:
    from SimpleITK import Image, ImageFileReader

_HEADER_CHECKS = {
    ".nii": ("NiftiImageIO", check_nifti),
    ".nii.gz": ("NiftiImageIO", check_nifti),
    ".nrrd": ("NrrdImageIO", check_nrrd),
    ".nhdr": ("NrrdImageIO", check_nrrd),
    ".mha": ("MetaImageIO", check_meta),
    ".mhd": ("MetaImageIO", check_meta),
}


def read_ct(source: Path, case_id: str | None = None) -> CtVolume:
    """Read and check a CT: NIfTI, NRRD, MetaImage, a DICOM series folder or any file of such a series.

    The voxels are brought to LPS order by permuting and reversing axes, without resampling; the grid of the
    file is kept, so that masks can be written on it. They are int16, clipped, then cut off toward zero
    (spec 1), indexed [x, y, z] with x fastest in memory (Fortran order).

    Args:
        source: the file or folder.
        case_id: instead of the one made of the file name or the SeriesInstanceUID.

    Raises:
        InputError: the source is no CT that can be used; one line says what was found, what is expected and
            what to do.
    """
    source = Path(source)
    utf8_path(source.absolute())  # as the findings keep it, which are written after the detection
    opened = _open(source)
    stored = grid_of(opened.image)
    image = to_lps(opened.image)
    opened.image = None  # ITK's first buffer is freed here, before the copy below
    grid = grid_of(image)
    try:
        voxels = hounsfield_of(image)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    warnings = [*opened.warnings, *check_grid(source, grid), *check_values(source, voxels, grid)]
    return CtVolume(
        voxels=voxels,
        grid=grid,
        stored_grid=stored,
        source=source,
        case_id=checked_case_id(case_id) if case_id is not None else opened.case_id,
        series_uid=opened.series_uid,
        warnings=tuple(f"{source.name}: {warning}" for warning in warnings),
    )


def case_id_of(source: Path) -> str:
    """The case id of a source: the file name without its extensions, or a hash of the SeriesInstanceUID.

    Names and tags of DICOM may identify a patient, so they are not used.

    Raises:
        InputError: the source is missing, or a DICOM folder that does not hold one series.
    """
    source = Path(source)
    check_present(source)
    return case_id_from_name(source) if image_extension(source) else series_of(source).case_id


def open_image(path: Path) -> tuple[Image, list[str]]:
    """Read one NIfTI, NRRD or MetaImage file on its own grid; also warnings about its header.

    Raises:
        InputError: missing or unreadable file, damaged data, a header that ITK would repair, no 3-D grid of
            single numbers.
    """
    check_present(path)
    reader, warnings = _open_header(path)
    with itk_reading(path):
        return reader.Execute(), warnings


def grid_in_header(path: Path) -> Grid:
    """The grid of a NIfTI, NRRD or MetaImage file along its own axes.

    Raises:
        InputError: see `open_image`.
    """
    check_present(path)
    return grid_of(_open_header(path)[0])


def _open_header(path: Path) -> tuple[ImageFileReader, list[str]]:
    """A reader that has read the checked header of `path`, but no voxel yet; and warnings."""
    import SimpleITK as sitk  # noqa: N813

    extension = image_extension(path)
    if extension is None:
        raise InputError(f"{path}: one of {', '.join(IMAGE_EXTENSIONS)} is expected; convert the file")
    image_io, check = _HEADER_CHECKS[extension]
    try:
        warnings = check(path)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be read ({reason}); check the path and its rights") from None
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(itk_path(path))
    with itk_reading(path):
        reader.ReadImageInformation()
    pixels = sitk.GetPixelIDValueAsString(reader.GetPixelIDValue())
    check_header(path, reader.GetNumberOfComponents(), "complex" in pixels, reader.GetSize())
    return reader, warnings


@dataclass
class _Opened:
    image: Image | None
    warnings: list[str]
    case_id: str
    series_uid: str | None = None


def _open(source: Path) -> _Opened:
    check_present(source)
    if image_extension(source):
        reader, warnings = _open_header(source)
        check_grid(source, grid_of(reader))
        with itk_reading(source):
            image = reader.Execute()
        # NRRD may carry it; the copies that the application makes of a DICOM volume do (`ct_writing`).
        uid = image.GetMetaData(SERIES_UID) if image.HasMetaDataKey(SERIES_UID) else None
        return _Opened(image, warnings, case_id_from_name(source), uid)
    series = series_of(source)
    check_slices(source, series)
    return _Opened(_read_series(source, series), list(series.warnings), series.case_id, series.uid)


def _read_series(source: Path, series: Series) -> Image:
    import SimpleITK as sitk  # noqa: N813

    names = [itk_path(file) for file in series.files]
    with itk_reading(source):
        image = sitk.ReadImage(names[0] if len(names) == 1 else names, imageIO="GDCMImageIO")
    check_header(source, image.GetNumberOfComponentsPerPixel(), False, image.GetSize())
    check_grid(source, grid_of(image))
    return image
