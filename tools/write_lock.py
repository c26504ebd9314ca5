"""Write requirements/locked.txt: one exact version for every package that running and testing need.

`make lock` runs it. Versions already in the file are kept, so that adding one dependency to
pyproject.toml moves nothing else: delete a line to let that package move. pip resolves, nothing is
installed. The local part of a version (`+cpu`) and the CUDA packages, which PyTorch pins itself, are left
out: the same file then serves every platform, with the build of PyTorch that pip finds there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "locked.txt"
CUDA_PREFIXES = ("nvidia-", "cuda-", "triton")
HEADER = "# Written by `make lock` from pyproject.toml; kept versions move only when their line is deleted.\n"


def resolve(constraints: Path) -> dict[str, str]:
    """Name and public version of everything `pip install .[test]` would install, sorted by name."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--constraint", str(constraints), "--report", "-", f"{ROOT}[test]"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    versions = {
        item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"].partition("+")[0]
        for item in report["install"]
    }
    del versions["ribfrac"]
    return {name: versions[name] for name in sorted(versions) if not name.startswith(CUDA_PREFIXES)}


def main() -> None:
    """Resolve, then replace the file."""
    versions = resolve(LOCK)
    LOCK.write_text(HEADER + "".join(f"{name}=={version}\n" for name, version in versions.items()))
    print(f"{LOCK.relative_to(ROOT)}: {len(versions)} packages")


if __name__ == "__main__":
    main()
