"""Read, check and write one case."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid, corners_apart
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.evaluation.predictions import label_array

from ..cache_writing import staged_case, write_arrays
from ..classes import UNKNOWN
from ..layout import case_folder
from ..prepared import PreparedCase, read_case
from .find_cases import SourceCase
from .seed_files import has_seed_files, write_seed_files

if TYPE_CHECKING:
    from RibFracDetectorLib.engine.inference.spacing import SpacingRange

LARGEST_INSTANCE = 65535


@dataclass(frozen=True)
class CaseOptions:
    """What all cases of a run share.

    Attributes:
        root: folder of the prepared data set.
        known_classes: those that a label may have.
        data: what the scans are: "real", "simulated" or "unknown".
        writes_files: whether the seed's files are written, too; not where they are the source.
        spacing_range: mm along each axis, to whose nearest voxel size cases are brought; None keeps theirs.
    """

    root: Path
    known_classes: frozenset[int]
    data: str
    writes_files: bool
    spacing_range: SpacingRange | None = None


@dataclass
class CaseOutcome:
    """What became of a case: prepared now or before, or its problems."""

    case_id: str
    case: PreparedCase | None = None
    was_finished: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fingerprint(source: SourceCase, options: CaseOptions) -> dict[str, Any]:
    """What a prepared case was made from; a case is finished while this stays the same."""
    content = {
        "image": _file_state(source.image),
        "mask": _file_state(source.mask),
        "labels": {str(instance): label for instance, label in sorted(source.labels.items())},
        "data": options.data,
        "files": options.writes_files,
        # Only where it was asked for: what was prepared before the option existed stays finished.
        **({"spacing_range": options.spacing_range} if options.spacing_range else {}),
    }
    return json.loads(json.dumps(content))


def _file_state(path: Path) -> list[Any]:
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


def finished_case(source: SourceCase, options: CaseOptions) -> PreparedCase | None:
    """The case from the cache, if it was prepared from the same files and labels and is whole."""
    try:
        case = read_case(case_folder(options.root, source.case_id))
        case.image()
        case.lesion_voxels()
    except InputError:
        return None
    whole = not options.writes_files or has_seed_files(options.root, source.case_id)
    return case if whole and case.source == fingerprint(source, options) else None


def prepare_case(source: SourceCase, options: CaseOptions) -> CaseOutcome:
    """Bring one case into the cache, unless it is there or has problems."""
    outcome = CaseOutcome(source.case_id)
    done = finished_case(source, options)
    if done is not None:
        outcome.case, outcome.was_finished = done, True
        outcome.problems = _label_problems(source, [lesion.instance for lesion in done.lesions], options)
        return outcome
    image, mask, grid = _read(source, options, outcome)
    if image is None or mask is None or grid is None or outcome.problems:
        return outcome
    if options.spacing_range is not None:
        image, mask, grid = _respaced(image, mask, grid, options.spacing_range)
    try:
        outcome.case = _write(source, options, image, mask, grid)
    except InputError as error:
        outcome.problems.append(str(error))
    return outcome


def _read(
    source: SourceCase, options: CaseOptions, outcome: CaseOutcome
) -> tuple[NDArray[np.int16] | None, NDArray | None, Grid | None]:
    ct, mask, mask_grid = None, None, None
    try:
        ct = read_ct(source.image, source.case_id)
        outcome.notes += ct.warnings
    except InputError as error:
        outcome.problems.append(str(error))
    try:
        stored, mask_grid = read_mask(source.mask)
        mask = _whole_numbers(stored, source.mask)
        outcome.problems += _label_problems(source, np.unique(mask[mask > 0]).tolist(), options)
    except InputError as error:
        outcome.problems.append(str(error))
    if ct is None:
        return None, mask, mask_grid
    if mask_grid is not None:
        outcome.problems += grid_problems(source, ct.grid, mask_grid)
    return ct.voxels, mask, ct.grid


def _whole_numbers(stored: NDArray, path: Path) -> NDArray:
    try:
        return label_array(stored, path)
    except InputError as error:
        raise InputError(f"{error}; resample masks with nearest neighbours, and export them again") from None


def grid_problems(source: SourceCase, scan: Grid, mask: Grid) -> list[str]:
    """Where a mask does not lie on its scan: another size, or corners half a voxel away."""
    if scan.size != mask.size:
        return [
            f"{source.mask}: {_times(mask.size)} voxels, its scan {source.image.name} has "
            f"{_times(scan.size)}; make the mask on the grid of the scan"
        ]
    apart = corners_apart(scan, mask)
    if apart > min(scan.spacing) / 2:
        return [
            f"{source.mask}: lies up to {apart:.3g} mm beside its scan {source.image.name} (origin, spacing "
            "or direction differ); copy the scan's header to it"
        ]
    return []


def _label_problems(source: SourceCase, instances: list[int], options: CaseOptions) -> list[str]:
    """Instances without class or voxels, classes outside the map."""
    present, labels = set(instances), source.labels
    problems = [
        f"{source.mask}: instance {value} is above {LARGEST_INSTANCE}; renumber the instances"
        for value in sorted(present)
        if value > LARGEST_INSTANCE
    ]
    if source.must_state:
        problems += [
            f"{source.mask}: instance {value} has no class; state one (-1 in a table of RibFrac if it is not "
            "known) or give --unknown-classes"
            for value in sorted(present - labels.keys())
        ]
    problems += [
        f"{source.mask}: instance {value} has class {labels[value]} but no voxel; remove its entry or mark it"
        for value in sorted(labels.keys() - present)
    ]
    known = ", ".join(str(label) for label in sorted(options.known_classes))
    problems += [
        f"{source.mask}: instance {value} has class {labels[value]}, outside the classes {known}; correct it "
        "or add the class with --classes"
        for value in sorted(present & labels.keys())
        if labels[value] not in options.known_classes | {UNKNOWN}
    ]
    return problems


def _respaced(
    image: NDArray[np.int16], mask: NDArray, grid: Grid, spacing_range: SpacingRange
) -> tuple[NDArray[np.int16], NDArray, Grid]:
    from .respacing import respace_mask, respace_scan, respaced_grid  # loads torch

    target = respaced_grid(grid, spacing_range)
    return respace_scan(image, grid, target), respace_mask(mask, grid, target), target


def _write(
    source: SourceCase, options: CaseOptions, image: NDArray[np.int16], mask: NDArray, grid: Grid
) -> PreparedCase:
    labels = {int(value): source.labels.get(int(value), UNKNOWN) for value in np.unique(mask[mask > 0])}
    with staged_case(options.root, source.case_id) as staging:
        case = write_arrays(
            staging, source.case_id, image, mask, grid, labels, options.data, fingerprint(source, options)
        )
        if options.writes_files:
            write_seed_files(staging, options.root, image, mask, case)
    return read_case(case_folder(options.root, source.case_id))


def _times(size: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in size)
