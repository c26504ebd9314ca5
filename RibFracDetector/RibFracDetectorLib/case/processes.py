"""Which process on which machine: what is left behind by a dead one may be tidied up."""

from __future__ import annotations

import hashlib
import os
import platform


def this_host() -> str:
    """Tells machines that share a folder apart, without their names."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def is_alive(number: int) -> bool:
    """Whether a process of this machine with this id is running."""
    if os.name == "nt":  # os.kill would end the process there
        return _is_alive_on_windows(number)
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_on_windows(number: int) -> bool:
    import ctypes

    query, access_denied, still_active = 0x1000, 5, 259
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenProcess.restype = ctypes.c_void_p
    handle = kernel32.OpenProcess(query, False, number)
    if not handle:  # of another user, or none
        return ctypes.get_last_error() == access_denied
    status = ctypes.c_ulong(still_active)
    # One that has ended can be opened as long as anybody holds it.
    kernel32.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(status))
    kernel32.CloseHandle(ctypes.c_void_p(handle))
    return status.value == still_active
