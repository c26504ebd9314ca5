"""None, True and False as they are since Python 3.12: without a count of references that could run out.

PySide6 6.12 returns them without taking a reference, as newer Pythons allow; under Python 3.10 and 3.11 some
twenty thousand calls then free None itself, and the interpreter aborts.
"""

from __future__ import annotations

import ctypes
import sys

MANY = 2**40  # more than a test run can give away, far from overflowing the 64-bit count


def make_immortal() -> None:
    """Add so many references to each of the three that none is ever freed; nothing to do since 3.12."""
    if sys.version_info >= (3, 12):
        return
    for constant in (None, True, False):
        # An object begins with its count.
        count = ctypes.c_ssize_t.from_address(id(constant))
        if count.value < MANY:
            count.value += MANY
