"""How much disk a preparation takes, told and checked before it begins."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from RibFracDetectorLib.case.geometry import Grid

GIGABYTE, MEGABYTE = 1e9, 1e6


def bytes_needed(grids: Iterable[Grid], writes_nifti: bool, nndetection: bool) -> int:
    """An upper bound for scans of these grids.

    Per voxel the cache takes 2 bytes and a compressed scan at most as many; masks and lists of lesions are
    given a tenth of that. A task of nnDetection shares its scans with the layout where the file system
    allows it, which cannot be counted on.
    """
    voxels = sum(grid.size[0] * grid.size[1] * grid.size[2] for grid in grids)
    copies = 1 + writes_nifti + nndetection
    return round(voxels * 2 * (copies + 0.1))


def free_bytes(folder: Path) -> int:
    """What is free where `folder` is or will be."""
    present = folder.resolve()
    while not present.exists():
        present = present.parent
    return shutil.disk_usage(present).free


def told(needed: int, free: int, folder: Path) -> str:
    """Both numbers in a line."""
    return f"disk: up to {_readable(needed)} for {folder}, {_readable(free)} are free"


def _readable(size: int) -> str:
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE else f"{size / MEGABYTE:.1f} MB"
