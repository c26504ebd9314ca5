"""Offers the sample cases of Resources/SampleData in the application's module Sample Data.

`samples.json` in that folder lists them; a folder without it offers nothing. The files lie on this computer
already, so nothing is downloaded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..case.errors import RibFracError
from ..case.resources import resource_path

CATEGORY = "RibFrac"
LIST = "SampleData/samples.json"


def samples() -> list[dict[str, Any]]:
    """The entries of the list: name, file, sha256, node, and a thumbnail if there is one."""
    try:
        return json.loads(resource_path(LIST).read_text(encoding="utf-8"))["samples"]
    except RibFracError:
        return []


def register() -> None:
    """Register every sample; without the module Sample Data there is nobody to tell."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    for sample in samples():
        file = resource_path(f"SampleData/{sample['file']}")
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample["name"],
            thumbnailFileName=_thumbnail(sample),
            uris=file.as_uri(),
            checksums=f"SHA256:{sample['sha256']}",
            fileNames=Path(sample["file"]).name,
            nodeNames=sample["node"],
        )


def _thumbnail(sample: dict[str, Any]) -> str | None:
    return str(resource_path(f"SampleData/{sample['thumbnail']}")) if "thumbnail" in sample else None
