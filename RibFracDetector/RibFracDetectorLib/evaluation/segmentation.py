"""Overlap of the predicted fracture mask with the true one, scan by scan."""

from __future__ import annotations

import numpy as np

from ..case.errors import InputError
from ..case.masks import read_mask
from .cases import Lesions
from .predictions import CaseResult


def foreground_dice(lesions: Lesions, case: CaseResult) -> float | None:
    """Dice of the lesions' voxels and the predicted foreground; None where a mask is missing.

    The original maps classes onto instance numbers here, which makes its value meaningless; this one makes
    the lesions binary, as spec 6 advises. NaN if both masks are empty.

    Args:
        lesions: those whose instances count.
        case: the result.

    Raises:
        InputError: the masks have different sizes.
    """
    predicted = case.seg_mask or case.instances
    if lesions.mask is None or predicted is None:
        return None
    truth = np.isin(read_mask(lesions.mask)[0], lesions.instances)
    found = read_mask(predicted)[0] > 0
    if truth.shape != found.shape:
        raise InputError(
            f"{predicted.name} has {found.shape} voxels, the ground truth {truth.shape}; no Dice"
        )
    voxels = np.count_nonzero(truth) + np.count_nonzero(found)
    return 2 * np.count_nonzero(truth & found) / voxels if voxels else float("nan")
