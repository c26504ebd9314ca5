"""Rewrite the file lists of each module's CMakeLists.txt between their markers.

`make cmake-lists` runs it. The application installs only what CMake lists, so every Python file of the
library (and the module file itself, once there is one) stands in one list, and every other file of the
library and of the module's own Resources in another. `Testing/packaging/test_cmake.py` fails when a list
is out of date.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("RibFracDetector", "RibFracTraining")


def listed_files(folder: Path) -> dict[str, list[str]]:
    """The files of one module, relative to its folder: `scripts` (Python) and `resources` (all else)."""
    name = folder.name
    candidates = [*folder.glob(f"{name}.py"), *folder.glob(f"{name}Lib/**/*"), *folder.glob("Resources/**/*")]
    candidates += folder.glob("Scripts/**/*")
    files = [
        path.relative_to(folder)
        for path in candidates
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith(".")
    ]
    names = sorted(path.as_posix() for path in files)
    return {
        "scripts": [name for name in names if name.endswith(".py")],
        "resources": [name for name in names if not name.endswith(".py")],
    }


def rewrite(text: str, lists: dict[str, list[str]]) -> str:
    """`text` of a CMakeLists.txt with what stands between the markers of each list replaced."""
    for kind, names in lists.items():
        block = re.compile(rf"(?<=# begin {kind}\n).*?(?=^ *# end {kind}$)", re.DOTALL | re.MULTILINE)
        lines = "".join(f"  {name}\n" for name in names)
        text, count = block.subn(lines, text)
        if count != 1:
            raise SystemExit(f"expected the markers '# begin {kind}' and '# end {kind}' once, found {count}")
    return text


def main() -> None:
    """Rewrite the lists of every module that has a CMakeLists.txt."""
    for module in MODULES:
        path = ROOT / module / "CMakeLists.txt"
        if path.is_file():
            text = rewrite(path.read_text(encoding="utf-8"), listed_files(path.parent))
            path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
