"""Which Python packages are missing; found out without importing any of them.

The application brings numpy, scipy and SimpleITK, which its own modules need: they are never replaced.
Opening and reviewing a stored case needs far less than detecting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import metadata

REVIEWING = ("jsonschema>=4.20",)
# pyproject.toml tells more: the application has numpy 2.
DETECTING = (
    "torch>=2.4.1",
    "scipy>=1.13",
    "SimpleITK>=2.4",
    "monai>=1.4",
    "matplotlib>=3.9",
    "rich>=13.7",
    *REVIEWING,
)
KEPT = ("numpy", "scipy", "SimpleITK", "torch")


def missing(requirements: Iterable[str]) -> list[str]:
    """Those of the requirements that the installed packages do not meet."""
    from packaging.requirements import Requirement

    found = []
    for text in requirements:
        requirement = Requirement(text)
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(text)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(text)
    return found


def constraints() -> list[str]:
    """What pip must leave as it is, as the lines of a constraints file."""
    lines = []
    for name in KEPT:
        try:
            # A local version such as 2.7.0+cu126 is of no index, and pip would not find it again.
            lines.append(f"{name}=={metadata.version(name).partition('+')[0]}")
        except metadata.PackageNotFoundError:
            continue
    return lines


def pip_arguments(requirements: Iterable[str], constraints_file: str) -> list[str]:
    """Arguments of the application's Python that install the requirements."""
    options = ["--disable-pip-version-check", "--no-input", "--constraint", constraints_file]
    return ["-m", "pip", "install", *options, *requirements]


def pytorch_extension_is_there() -> bool:
    """Whether the extension that installs the right torch for this machine's graphics card is loaded."""
    import importlib.util

    return "PyTorchUtils" in sys.modules or importlib.util.find_spec("PyTorchUtils") is not None
