"""`resource_path` finds the shared resources however the library is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ribfrac_testing.installing import build_wheel, install_wheel, run
from RibFracDetectorLib import __version__
from RibFracDetectorLib.case.errors import RibFracError
from RibFracDetectorLib.case.resources import resource_path

NAME = "Prüfung 1/Läsion é.json"
ASK = (
    "import sys; from RibFracDetectorLib.case.resources import resource_path; "
    "sys.stdout.buffer.write(str(resource_path(sys.argv[1])).encode())"
)


def ask(python: Path | str, cwd: Path, **environment: str) -> Path:
    """Where another interpreter finds the resource NAME."""
    isolated = () if "PYTHONPATH" in environment else ("-I",)
    return Path(run(python, *isolated, "-c", ASK, NAME, cwd=cwd, **environment))


def test_checkout(repository_copy: Path, tmp_path: Path) -> None:
    found = ask(sys.executable, tmp_path, PYTHONPATH=str(repository_copy / "RibFracDetector"))
    assert found == repository_copy / "Resources" / NAME


@pytest.mark.parametrize("folder", ["build tree", "installed"])
def test_extension(extension: tuple[Path, Path], folder: str, tmp_path: Path) -> None:
    modules = extension[folder == "installed"]
    found = ask(sys.executable, tmp_path, PYTHONPATH=str(modules))
    assert found == modules / "Resources" / "RibFrac" / NAME
    assert found.is_file()


def test_wheel(repository_copy: Path, tmp_path: Path) -> None:
    wheel = build_wheel(repository_copy, tmp_path / "rueckgrat ü")
    assert wheel.name.startswith(f"ribfrac-{__version__}-")
    environment = tmp_path / "Umgebung é 1"
    found = ask(install_wheel(wheel, environment), tmp_path)
    assert found.is_relative_to(environment)
    assert found.is_file()
    assert not (found.parents[1] / "Screenshots").exists()
    assert any(path.stem == "ribfrac" for path in environment.glob("*/ribfrac*"))


def test_editable_install(repository_copy: Path, tmp_path: Path) -> None:
    wheel = build_wheel(repository_copy, tmp_path / "rueckgrat ü", editable=True)
    found = ask(install_wheel(wheel, tmp_path / "Umgebung é 1"), tmp_path)
    assert found == repository_copy / "Resources" / NAME


def test_missing_resource_is_a_one_line_error() -> None:
    with pytest.raises(
        RibFracError, match=r"^the resource 'no/such\.json' is missing, looked for in .*$"
    ) as error:
        resource_path("no/such.json")
    assert "\n" not in str(error.value)
