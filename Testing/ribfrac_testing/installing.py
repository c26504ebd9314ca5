"""A copy of the repository, installed in each way it can be: for tests of what an installation contains.

All of it works without a network: the build backend is one of the pinned packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .reference import REPOSITORY

STAND_IN = REPOSITORY / "Testing" / "packaging" / "slicer_stand_in"
BUILT_FROM = (
    "pyproject.toml",
    "README.md",
    "LICENSE.txt",
    "CMakeLists.txt",
    "Resources",
    "RibFracDetector",
    "RibFracTraining",
    "Testing/CMakeLists.txt",
    "Testing/in_application",
)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, which must succeed, and return what it printed on standard output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_repository(target: Path) -> Path:
    """Copy to `target` what the wheel and the extension are built from, without the models' weights."""
    target.mkdir(parents=True)
    for name in BUILT_FROM:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.pth"))
        elif source.exists():
            (target / name).parent.mkdir(exist_ok=True)
            shutil.copy(source, target / name)
    return target


def build_wheel(repository: Path, target: Path, *, editable: bool = False) -> Path:
    """Build the wheel of a repository with the build backend's own hook, as pip calls it."""
    hook = "build_editable" if editable else "build_wheel"
    target.mkdir()
    run(
        sys.executable,
        "-c",
        f"import hatchling.build as b, sys; b.{hook}(sys.argv[1])",
        target,
        cwd=repository,
    )
    (wheel,) = target.glob("*.whl")
    return wheel


def install_wheel(wheel: Path, environment: Path) -> Path:
    """Install a wheel alone in a new virtual environment, and return the environment's Python."""
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=wheel.parent)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=wheel.parent)
    return python


def install_extension(repository: Path, target: Path) -> tuple[Path, Path]:
    """Configure, build and install the extension with CMake and a stand-in for the application.

    Returns:
        The folder of scripted modules in the build tree, and the one of the installed extension.
    """
    build, installed = target / "build", target / "installed"
    cmake = Path(sys.executable).parent / "cmake"
    # No compiler is needed to copy Python files; CMake only has to be told so.
    compilers = [
        f"-DCMAKE_{language}_COMPILER{setting}"
        for language in ("C", "CXX")
        for setting in (f"={sys.executable}", "_FORCED=ON")
    ]
    run(cmake, "-S", repository, "-B", build, f"-DSlicer_DIR={STAND_IN}", *compilers, cwd=repository)
    run(cmake, "--build", build, cwd=repository)
    run(cmake, "--install", build, "--prefix", installed, cwd=repository)
    modules = "lib/Slicer-5.12/qt-scripted-modules"
    return build / modules, installed / modules
