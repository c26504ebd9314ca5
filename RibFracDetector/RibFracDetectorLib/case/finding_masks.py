"""The masks of findings: those of the model, from `{case}_instances.nii.gz`, and the reader's.

Both files are label maps on the grid of the CT's file, the value is the finding's id. `{case}_edited.nii.gz`
holds the masks that a reader drew or changed. It is made from the review log and can be made again: masks
that overlap, and one edited until nothing was left, are exact only there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .case_files import CaseFiles
from .errors import InputError
from .findings import CaseFindings
from .geometry import Grid
from .images import array_of, grid_of, to_lps
from .mask_patches import MaskPatch, patches_of
from .masks import write_mask_on
from .reading import open_image


def read_model_masks(files: CaseFiles, case: CaseFindings) -> tuple[dict[int, MaskPatch], Grid]:
    """The model's masks by finding, and the grid that the case's masks are stored on.

    Raises:
        InputError: the file is missing or damaged, lies on another grid than the CT's, or has a value that is
            no finding.
    """
    image, _ = open_image(files.instances)
    stored = grid_of(image)
    image = to_lps(image)
    fault = case.ct.grid_fault(grid_of(image))
    if fault:
        raise InputError(
            f"{files.instances}: not a mask of these findings, {fault}; run ribfrac detect again"
        )
    patches = patches_of(array_of(image))
    strays = patches.keys() - {finding.id for finding in case.findings}
    if strays:
        raise InputError(
            f"{files.instances}: the value {min(strays)} belongs to no finding; run ribfrac detect again"
        )
    return patches, stored


def write_edited_masks(
    files: CaseFiles, masks: Mapping[int, MaskPatch], grid: Grid, stored_grid: Grid
) -> None:
    """Write the reader's masks, whole or not at all; without any, the file of earlier ones is removed.

    Args:
        masks: by finding; where they overlap the higher id is kept.
        grid: the LPS grid of the CT.
        stored_grid: the grid of the CT's file.

    Raises:
        InputError: see `masks.write_mask_on`.
    """
    if not masks:
        files.edited_mask.unlink(missing_ok=True)
        return
    labels = np.zeros(grid.size, np.uint16, order="F")
    for number in sorted(masks):
        masks[number].paint(labels, number)
    write_mask_on(files.edited_mask, labels, grid, stored_grid)
