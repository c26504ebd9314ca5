"""Standard input, read by a thread while the rest of the process works.

On Windows, whoever asks about a pipe waits until a read of it that is under way is over. Libraries ask about
standard input while they are being loaded (OpenBLAS does, through its Fortran runtime), so a thread that sits
in a read would keep numpy and scipy from being imported until the starter says something, which may be never.
There the thread looks from time to time, and reads only what has arrived.
"""

from __future__ import annotations

import os
import time

LOOK_EVERY_S = 0.1


def read_input(count: int) -> bytes:
    """At most `count` bytes, as soon as there are any; none at the end of standard input."""
    while os.name == "nt" and (waiting := _waiting_in_pipe()) is not None:
        if waiting:
            return os.read(0, min(count, waiting))
        time.sleep(LOOK_EVERY_S)
    return os.read(0, count)


def _waiting_in_pipe() -> int | None:
    """How many bytes have arrived; None at the end of the pipe, or where standard input is none."""
    import ctypes
    import msvcrt

    arrived = ctypes.c_ulong(0)
    handle = ctypes.c_void_p(msvcrt.get_osfhandle(0))
    kernel32 = ctypes.WinDLL("kernel32")
    if not kernel32.PeekNamedPipe(handle, None, 0, None, ctypes.byref(arrived), None):
        return None
    return arrived.value
