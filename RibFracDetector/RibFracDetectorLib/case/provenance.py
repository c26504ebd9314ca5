"""What a run was made with: versions and platform, nothing about the user or the machine's name."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = ("torch", "openvino", "monai", "SimpleITK", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Versions of Python, the platform and the packages that decide the numbers; absent ones are left out.

    Nothing is imported: torch alone would take seconds.
    """
    found = {
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.release()}-{platform.machine()}",
    }
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
