"""Reads files written by `torch.save` from untrusted places.

Nothing stored in a file is ever executed: `weights_only=True` allows tensors, plain containers and, in
addition here, numpy numbers, which training systems leave among the metadata. PyTorch answers a file it
cannot read with a dozen kinds of exceptions and long advice; here each becomes one line naming the cause.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import pickletools
import re
import zipfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..case.errors import InputError

ZIP_START = b"PK\x03\x04"
LEGACY_START = pickle.dumps(torch.serialization.MAGIC_NUMBER, protocol=2)
LEGACY_PICKLES = 5
"""Magic number, protocol, platform, the object, the names of its storages; then the raw storages."""

_numpy_scalar = np.float64(0).__reduce__()[0]
SAFE_GLOBALS = [
    np.dtype,
    *(type(np.dtype(code)) for code in ("f4", "f8", "i4", "i8")),
    (_numpy_scalar, "numpy.core.multiarray.scalar"),  # as numpy 1 names it
    (_numpy_scalar, "numpy._core.multiarray.scalar"),
]
BLOCKED_NAME = re.compile(r"(?:GLOBAL|[Uu]nsupported class) ([\w.]+)")


def read_checkpoint(path: Path) -> tuple[Any, str]:
    """The content of a checkpoint, tensors on the CPU, and the SHA-256 of the file in hexadecimal.

    Raises:
        InputError: missing, a folder, unreadable, not written by `torch.save`, truncated, or holding
            pickled code.
    """
    data = _read_bytes(path)
    if data.startswith(ZIP_START):
        _check_archive(path, data)
    try:
        with _numpy_numbers_allowed():
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # what a broken file raises is not documented, and is of many kinds
        raise InputError(f"{path} {_cause(data, error)}") from error
    return content, hashlib.sha256(data).hexdigest()


def _numpy_numbers_allowed() -> AbstractContextManager[None]:
    """Allows `SAFE_GLOBALS`; PyTorch before 2.6 cannot, and refuses files with such metadata."""
    if torch.__version__ < (2, 6):
        return nullcontext()
    return torch.serialization.safe_globals(SAFE_GLOBALS)


def _read_bytes(path: Path) -> bytes:
    """The whole file, once its first bytes show that it can be a checkpoint."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; expected a checkpoint file such as model.pth")
        with path.open("rb") as file:
            start = file.read(len(LEGACY_START))
            _check_start(path, start)
            return start + file.read()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; expected a checkpoint file such as model.pth") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _check_start(path: Path, start: bytes) -> None:
    if not start:
        raise InputError(f"{path} is empty; copy or download the checkpoint again")
    if any(known.startswith(start[: len(known)]) for known in (ZIP_START, LEGACY_START)):
        return
    if start[0] == pickle.PROTO[0]:
        raise InputError(
            f"{path} is a bare pickle, which can run code and is never loaded; expected a file of torch.save"
        )
    raise InputError(f"{path} is not a PyTorch checkpoint; expected a file written by torch.save")


def _check_archive(path: Path, data: bytes) -> None:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise InputError(f"{path} is truncated; copy or download the checkpoint again")
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise InputError(f"{path} is damaged; copy or download the checkpoint again") from None
    if any(name.endswith("/constants.pkl") for name in names):
        raise InputError(f"{path} is a TorchScript program; expected a checkpoint with a state_dict")
    if not any(name.endswith("/data.pkl") for name in names):
        raise InputError(f"{path} is a zip archive but not a PyTorch checkpoint")


def _cause(data: bytes, error: Exception) -> str:
    """Why `torch.load` refused `data`, as the end of a sentence."""
    blocked = BLOCKED_NAME.search(str(error))
    intact = data.startswith(ZIP_START) or _legacy_pickles_end(data)
    if isinstance(error, pickle.UnpicklingError) and blocked and intact:
        return f"holds pickled code ({blocked[1]}), which is never run; expected tensors and plain values"
    return "is truncated or damaged; copy or download the checkpoint again"


def _legacy_pickles_end(data: bytes) -> bool:
    """Whether all pickles of the legacy layout are complete; looks at them without executing any."""
    stream = io.BytesIO(data)
    try:
        for _ in range(LEGACY_PICKLES):
            for _ in pickletools.genops(stream):
                pass
    except Exception:  # its decoders raise whatever they meet
        return False
    return True
