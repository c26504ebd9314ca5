"""The rooms of the library have one-way doors: the table below, checked by reading and by importing.

Reading the sources tells which room names which, even inside functions, and what each imports from
outside. Importing every module of a room in a fresh interpreter tells what is really loaded, whoever
asked for it.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ribfrac_testing.reference import REPOSITORY

DETECTOR = REPOSITORY / "RibFracDetector" / "RibFracDetectorLib"
TRAINING = REPOSITORY / "RibFracTraining" / "RibFracTrainingLib"
LIBRARIES = (DETECTOR, TRAINING)
OURS = frozenset(library.name for library in LIBRARIES)

# Packages whose loading is slow, or which exist in some environments only. Only these are looked for in
# what a room loads: the small packages that an allowed one brings along change with its version.
HEAVY = (
    "torch monai SimpleITK scipy matplotlib lightning openvino vtk slicer qt ctk jsonschema rich "
    "pytorch_lightning lightning_fabric omegaconf pydantic tensorboardX psutil"
)
GUARDED = frozenset(HEAVY.split(" "))
# Those that torch and MONAI load by themselves where they find them installed.
BROUGHT_BY_TORCH = frozenset(
    ["matplotlib", "lightning", "openvino", "jsonschema", "rich", "psutil", "tensorboardX"]
)


@dataclass(frozen=True)
class Room:
    """One row of the table.

    Attributes:
        may_use: the other rooms it may import, at any place.
        loads: the outside packages that its modules may import when they are imported.
        lazily: those that they may import inside functions besides.
    """

    may_use: frozenset[str]
    loads: frozenset[str]
    lazily: frozenset[str]


def row(may_use: str, loads: str, lazily: str) -> Room:
    """A row from three lists of names separated by spaces."""
    return Room(*(frozenset(names.split()) for names in (may_use, loads, lazily)))


# `root` stands for the modules beside the rooms: the command line and the entry of `python -m`.
ROOMS = {
    "case": row("", "numpy", "SimpleITK jsonschema"),
    "engine": row("case", "numpy torch scipy", "SimpleITK openvino jsonschema"),
    "review": row("case", "numpy", ""),
    "scene": row("case review", "numpy vtk slicer", ""),
    # Only this room knows widgets; vtk comes with `scene`. Lazily: modules of the application's extensions.
    "gui": row("scene review case", "qt ctk slicer vtk", "packaging PyTorchUtils DICOMLib SampleData"),
    "evaluation": row("case", "numpy scipy matplotlib", "torch monai"),
    "commands": row(
        "case engine evaluation training simulation", "numpy rich", "torch scipy SimpleITK matplotlib monai"
    ),
    "root": row("case engine evaluation commands", "", "rich"),
    # Neither MONAI nor SimpleITK: a training machine needs torch and Lightning alone.
    "training": row(
        "case engine evaluation",
        "numpy scipy torch matplotlib rich yaml omegaconf pydantic pytorch_lightning lightning_fabric "
        "tensorboardX psutil",
        "SimpleITK",
    ),
    # A generating machine needs no more than torch brings along.
    "simulation": row("case engine evaluation training", "numpy scipy torch", "SimpleITK"),
}


def library_of(room: str) -> Path:
    """The library that a room belongs to."""
    return TRAINING if (TRAINING / room).is_dir() else DETECTOR


def modules_of(room: str) -> list[Path]:
    """The Python files of a room."""
    if room == "root":
        return sorted(path for library in LIBRARIES for path in library.glob("*.py"))
    return sorted((library_of(room) / room).rglob("*.py"))


def dotted(path: Path) -> str:
    """The name under which a file of a library is imported."""
    library = next(library for library in LIBRARIES if path.is_relative_to(library))
    parts = path.relative_to(library.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class Import:
    """One imported module, by its full dotted name, and whether importing the file executes it."""

    name: str
    at_import: bool
    line: int


def imports_of(path: Path) -> list[Import]:
    """Every import of a file, relative ones made absolute; each imported name counts as a module."""
    package = dotted(path).split(".") if path.stem == "__init__" else dotted(path).split(".")[:-1]
    found: list[Import] = []

    def visit(node: ast.AST, at_import: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, at_import, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = [*start, *(node.module.split(".") if node.module else [])]
            names = (".".join([*base, alias.name]) for alias in node.names)
            found.extend(Import(name, at_import, node.lineno) for name in names)
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        type_checking = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for child in ast.iter_child_nodes(node):
            visit(child, at_import and not inside and not type_checking)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def test_table_names_every_room() -> None:
    folders = {
        path.name
        for library in LIBRARIES
        for path in library.iterdir()
        if path.is_dir() and any(path.rglob("*.py"))
    }
    assert folders | {"root"} == ROOMS.keys(), "give every folder of a library a row in ROOMS"


@pytest.mark.parametrize("room", ROOMS)
def test_room_names_only_rooms_it_may_use(room: str) -> None:
    wrong = []
    for path in modules_of(room):
        for found in imports_of(path):
            head, _, rest = found.name.partition(".")
            other = rest.partition(".")[0]
            if head in OURS and other in ROOMS and other not in ROOMS[room].may_use | {room}:
                wrong.append(f"{path.name}:{found.line} imports {other}")
    assert not wrong, f"the room {room} may use only {sorted(ROOMS[room].may_use)}"


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_packages_it_may(room: str) -> None:
    wrong = []
    for path in modules_of(room):
        for found in imports_of(path):
            head = found.name.partition(".")[0]
            allowed = ROOMS[room].loads | (frozenset() if found.at_import else ROOMS[room].lazily)
            if head not in sys.stdlib_module_names | OURS | allowed:
                place = "when imported" if found.at_import else "inside a function"
                wrong.append(f"{path.name}:{found.line} imports {head} {place}")
    assert not wrong, f"see the row of {room} in ROOMS"


IMPORT_AND_REPORT = """
import importlib, json, sys
before = set(sys.modules)
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
# Widgets exist inside the application only; what it loads by itself is not the room's doing.
INSIDE_THE_APPLICATION = "import slicer_host; slicer_host.start()"


def loaded_by(modules: list[str], surroundings: str = "") -> set[str]:
    """The top-level packages that importing `modules` brings into a fresh interpreter.

    Args:
        surroundings: what to run before.
    """
    command = [sys.executable, "-c", f"{surroundings}\n{IMPORT_AND_REPORT}", json.dumps(modules)]
    folders = [*(path.parent for path in LIBRARIES), REPOSITORY / "Testing"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("room", ROOMS)
def test_room_loads_only_packages_it_may(room: str) -> None:
    # `__main__` runs the command when it is imported: it is read above, not imported.
    modules = [dotted(path) for path in modules_of(room) if path.stem != "__main__"]
    allowed = ROOMS[room].loads
    if "torch" in allowed:
        allowed |= BROUGHT_BY_TORCH
    surroundings = INSIDE_THE_APPLICATION if "qt" in allowed else ""
    wrong = (loaded_by(modules, surroundings) & GUARDED) - allowed
    assert not wrong, f"importing the room {room} loads {sorted(wrong)}"
