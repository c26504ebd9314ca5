"""The module Sample Data, as far as other modules know it: a place to register sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SampleDataSource:
    """One registered source."""

    sampleName: str
    uris: Any
    fileNames: Any
    nodeNames: Any
    checksums: Any
    loadFileType: Any
    thumbnailFileName: str | None


# Category -> its sources; a test may read and clear it.
sources: dict[str, list[SampleDataSource]] = {}


class SampleDataLogic:
    """What other modules call."""

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileType: Any = "VolumeFile",
        loadFiles: Any = None,
        loadFileProperties: dict[str, Any] | None = None,
        checksums: Any = None,
    ) -> None:
        """Offer a sample in a category."""
        source = SampleDataSource(
            sampleName, uris, fileNames, nodeNames, checksums, loadFileType, thumbnailFileName
        )
        sources.setdefault(category, []).append(source)
