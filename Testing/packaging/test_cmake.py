"""The extension as the application's build and the Extensions Index see it.

The application installs only the files that CMake lists, and the Index reads the metadata from the text of
the root CMakeLists.txt: hence the literal URLs there, and the regular expressions here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlparse
from xml.etree import ElementTree

import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib import __version__

MODULES = [name for name in ("RibFracDetector", "RibFracTraining") if (REPOSITORY / name).is_dir()]
CMAKE = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")


def metadata(field: str) -> str:
    """The value of one EXTENSION_ field."""
    values = re.findall(rf'^set\(EXTENSION_{field} "?([^"\n]+)"?\)$', CMAKE, re.MULTILINE)
    assert len(values) == 1, f"EXTENSION_{field} must be set once, on one line"
    return values[0]


def listed(module: str) -> list[str]:
    """Everything that stands in the lists of a module's CMakeLists.txt."""
    text = (REPOSITORY / module / "CMakeLists.txt").read_text(encoding="utf-8")
    lists = re.findall(
        r"^set\(MODULE_PYTHON_(?:SCRIPTS|RESOURCES)\n(.*?)^\s*\)", text, re.DOTALL | re.MULTILINE
    )
    return [
        line.strip() for block in lists for line in block.splitlines() if not line.strip().startswith("#")
    ]


@pytest.mark.parametrize("module", MODULES)
def test_cmake_lists_every_file_of_the_module(module: str) -> None:
    folder = REPOSITORY / module
    expected = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.name not in ("CMakeLists.txt", "README.md")
    }
    names = listed(module)
    assert len(names) == len(set(names)), "a file is listed twice; run `make cmake-lists`"
    assert set(names) == expected, "run `make cmake-lists`"


@pytest.mark.parametrize("module", MODULES)
def test_root_adds_the_module(module: str) -> None:
    assert f"add_subdirectory({module})" in CMAKE


def test_installed_extension_holds_the_library_and_nothing_that_loads_as_a_module(
    extension: tuple[Path, Path], repository_copy: Path
) -> None:
    for modules in extension:
        for module in MODULES:
            library = f"{module}Lib"
            source = repository_copy / module / library
            wanted = {path.relative_to(source) for path in source.rglob("*.py")}
            assert {
                path.relative_to(modules / library) for path in (modules / library).rglob("*.py")
            } == wanted
        # Each Python file beside a module file is taken for a module when the application starts.
        assert {path.stem for path in modules.glob("*.py")} <= set(MODULES)


def test_version_is_the_library_s(extension: tuple[Path, Path]) -> None:
    cache = (extension[0].parents[2] / "CMakeCache.txt").read_text(encoding="utf-8")
    assert f"CMAKE_PROJECT_VERSION:STATIC={__version__}\n" in cache


def test_index_names() -> None:
    (project,) = re.findall(r"^project\(\s*([^\s)]+)", CMAKE, re.MULTILINE)
    assert project == "RibFrac"
    assert not project.startswith("Slicer")
    assert urlparse(metadata("HOMEPAGE")).path.split("/")[2].startswith("Slicer")


def test_index_description_is_one_or_two_sentences() -> None:
    description = metadata("DESCRIPTION")
    assert description.endswith(".")
    assert 1 <= len(re.findall(r"\.(?:\s|$)", description)) <= 2
    assert metadata("CONTRIBUTORS")


@pytest.mark.parametrize("field", ["ICONURL", "SCREENSHOTURLS"])
def test_index_pictures_are_files_of_this_repository(field: str) -> None:
    home = urlparse(metadata("HOMEPAGE")).path
    for url in metadata(field).split():
        address = urlparse(url)
        assert (address.scheme, address.netloc) == ("https", "raw.githubusercontent.com")
        prefix = f"{home}/main/"
        assert address.path.startswith(prefix)
        picture = REPOSITORY / address.path.removeprefix(prefix)
        assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n"), f"{picture} is no PNG picture"


def test_index_licence_lies_in_the_root() -> None:
    text = (REPOSITORY / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("module", MODULES)
def test_ui_files_parse(module: str) -> None:
    for path in (REPOSITORY / module).rglob("*.ui"):
        assert ElementTree.parse(path).getroot().tag == "ui", path


def test_every_test_of_the_application_is_registered_with_ctest(extension: tuple[Path, Path]) -> None:
    build = extension[0].parents[2]
    generated = "".join(path.read_text(encoding="utf-8") for path in build.rglob("CTestTestfile.cmake"))
    registered = set(re.findall(r'add_test\(\[?=?\[?"?py_(\w+)', generated))
    files = {path.stem for path in (REPOSITORY / "Testing" / "in_application").glob("test_*.py")}
    assert registered == files


def test_tests_of_the_application_need_nothing_that_it_lacks() -> None:
    for path in (REPOSITORY / "Testing" / "in_application").glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        imported = set(re.findall(r"^\s*(?:import|from) ([A-Za-z_]+)", text, re.MULTILINE))
        assert imported <= sys.stdlib_module_names | {"slicer", "qt", "ctk", "vtk", "numpy"}, path.name
