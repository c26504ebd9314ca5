"""Code for processes that measure their own peak memory.

`ru_maxrss` of a new process begins with the peak of the process that started it, which may be a test worker
of several GB; Linux has a figure of the process alone.
"""

from __future__ import annotations

PEAK_BYTES = """
def peak_bytes():
    import resource, sys
    from pathlib import Path
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
"""
"""Defines `peak_bytes() -> int`; to stand before the program of a process of its own."""
