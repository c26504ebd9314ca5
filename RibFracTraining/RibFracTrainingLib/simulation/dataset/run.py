"""Fill a folder with simulated cases, in several processes; a run that was stopped goes on.

`simulation.json` keeps the settings: a folder takes cases of one simulation only, so nothing that exists is
overwritten and what is finished is known by its name.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.dataset import RECORD_SUFFIX
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.file_lock import only_run_in
from RibFracDetectorLib.case.json_files import read_json
from RibFracDetectorLib.case.whole_files import write_json

from ...training.data.cache_writing import lesions_of_mask, remove_unfinished, staged_case, write_arrays
from ...training.data.layout import SPLIT_FILE, case_folder
from ...training.data.prepare.seed_files import has_seed_files, is_filled, write_seed_files
from ...training.data.prepared import PreparedCase, read_case
from ...training.data.worker_processes import in_processes
from .bodies import check_body
from .body_files import SUMS, body_sums, with_same_files
from .one_case import SimulatedCase, simulate_case
from .settings import LAYOUTS, SPLITS, SimulationSettings

SETTINGS_FILE = "simulation.json"
COUNTS = ("training", "test")
"""More cases may be asked for later: those that exist stay the same."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """Where cases go: the folder, and the layout, one of `LAYOUTS`."""

    root: Path
    layout: str

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ValueError(f"expected one of {LAYOUTS}, not {self.layout}")

    @property
    def has_cache(self) -> bool:
        """Whether training's arrays are written."""
        return self.layout != "nifti"

    @property
    def has_files(self) -> bool:
        """Whether the seed's files are written."""
        return self.layout != "cache"

    def is_finished(self, case_id: str) -> bool:
        """Whether all of a case is there and readable."""
        record = self.root / f"{case_id}{RECORD_SUFFIX}"
        if self.has_files and not (is_filled(record) and has_seed_files(self.root, case_id)):
            return False
        if self.has_cache:
            try:
                case = read_case(case_folder(self.root, case_id))
                case.image()
                case.lesion_voxels()
            except InputError:
                return False
        return True


def simulate(settings: SimulationSettings, target: Target, workers: int, say: Say) -> int:
    """Make all cases that are not there yet, then the split file; the number of cases made.

    Args:
        settings: of the data set.
        target: where it goes.
        workers: processes.
        say: is given one line for people at a time.

    Raises:
        InputError: the folder holds another simulation, another run is at work there or it cannot be written
            to, or a body's file is no good.
    """
    if workers < 1:
        raise InputError(f"--workers {workers}: at least 1 is expected")
    with only_run_in(target.root):
        return _fill(settings, target, workers, say)


def _fill(settings: SimulationSettings, target: Target, workers: int, say: Say) -> int:
    path, begun = target.root / SETTINGS_FILE, _is_begun(target.root)
    names = {case: settings.case_id(*case) for case in settings.cases}
    wanted = [case for case, case_id in names.items() if not target.is_finished(case_id)]
    _check_bodies(settings, wanted)
    content = _content(settings, target)
    if begun:
        _check_same(path, content)
    if len(wanted) < len(names):
        say(f"{len(names) - len(wanted)} of {len(names)} cases were finished")
    write_json(path, content)
    _remove_unfinished(target.root)
    with contextlib.closing(in_processes(partial(_make, settings, target), wanted, workers)) as lines:
        for number, line in enumerate(lines, start=1):
            say(f"[{number}/{len(wanted)}] {line}")
    splits = {split: [case_id for (of, _), case_id in names.items() if of == split] for split in SPLITS}
    write_json(target.root / SPLIT_FILE, {**splits, "data": "simulated"})
    return len(wanted)


def _check_bodies(settings: SimulationSettings, wanted: list[tuple[str, int]]) -> None:
    """Refuse a misspelt file before the folder is claimed for it."""
    for spec in dict.fromkeys(settings.body(number) for _, number in wanted):
        check_body(spec)


def _is_begun(root: Path) -> bool:
    """Whether a folder has cases of a simulation; where none was made yet, nothing is lost by other settings.

    Raises:
        InputError: it holds other things.
    """
    entries = [entry for entry in _visible(root) if entry.name != SETTINGS_FILE]
    if (root / SETTINGS_FILE).exists():
        return any(not entry.is_dir() or _visible(entry) for entry in entries)
    if entries:
        raise InputError(
            f"{root} holds {entries[0].name}, which is not of this simulation; choose a new folder"
        )
    return False


def _visible(folder: Path) -> list[Path]:
    """What a folder holds; staged cases are hidden."""
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


def _check_same(path: Path, wanted: dict[str, Any]) -> None:
    """Refuse other settings than those that the cases were made with."""
    found = read_json(path)
    found = with_same_files(path, found, wanted) if isinstance(found, dict) else {}
    for name in wanted:
        if name not in COUNTS and found.get(name) != wanted[name]:
            raise InputError(
                f"{path}: made with {name} {found.get(name)!r}, asked for is {wanted[name]!r}; "
                "choose another folder"
            )
    for name in COUNTS:
        if found.get(name, 0) > wanted[name]:
            raise InputError(
                f"{path}: has {found.get(name)} {name} cases, asked for are {wanted[name]}; ask for as many"
            )


def _content(settings: SimulationSettings, target: Target) -> dict[str, Any]:
    """What the settings file holds, as JSON gives it back."""
    made_of = {**asdict(settings), "layout": target.layout, "data": "simulated"}
    return json.loads(json.dumps({**made_of, SUMS: body_sums(settings.bodies)}))


def _make(settings: SimulationSettings, target: Target, case: tuple[str, int]) -> str:
    """Make and write one case; a line that tells of it."""
    made = simulate_case(settings, *case)
    if target.has_cache:
        with staged_case(target.root, made.case_id) as staging:
            prepared = write_arrays(
                staging,
                made.case_id,
                made.image,
                made.instances,
                made.grid,
                made.labels,
                "simulated",
                made.record,
            )
            if target.has_files:
                _write_files(staging, target.root, made, prepared)
    else:
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.root) as folder:
            lesions = lesions_of_mask(made.instances, made.labels)
            prepared = PreparedCase(made.case_id, Path(folder), made.grid, lesions, "simulated", made.record)
            _write_files(Path(folder), target.root, made, prepared)
    size = " x ".join(str(count) for count in made.grid.size)
    count = len(made.labels)
    if wanted := made.record.get("fractures_asked_for"):
        return f"{made.case_id}: {size}, {count} of {wanted} fractures asked for"
    return f"{made.case_id}: {size}, {count or 'no'} fracture{'' if count == 1 else 's'}"


def _write_files(staging: Path, root: Path, made: SimulatedCase, prepared: PreparedCase) -> None:
    """The seed's files, then the record, which tells that they are whole."""
    write_seed_files(staging, root, made.image, made.instances, prepared)
    write_json(root / f"{made.case_id}{RECORD_SUFFIX}", made.record)


def _remove_unfinished(root: Path) -> None:
    """What killed runs have left."""
    remove_unfinished(root)
    for folder in root.glob(".partial-*"):
        shutil.rmtree(folder, ignore_errors=True)
