"""`torch.save` that refuses in one line."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import torch
from RibFracDetectorLib.case.errors import InputError


def save_tensors(content: dict[str, Any], target: Path | IO[bytes], named: Path) -> None:
    """Write what `torch.load` reads with `weights_only=True`.

    Args:
        content: tensors and plain values.
        target: where to; a temporary file or an open one.
        named: the file as the user knows it.

    Raises:
        InputError: it cannot be written whole.
    """
    try:
        torch.save(content, target)
    except RuntimeError:  # also of a full disk, with torch's own place in its source
        raise InputError(f"{named}: cannot be written whole; check that the disk is not full") from None
