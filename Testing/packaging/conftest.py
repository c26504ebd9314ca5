"""Fixtures of the packaging tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from ribfrac_testing.installing import copy_repository, install_extension


@pytest.fixture(scope="session")
def repository_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in a folder whose name has spaces and non-ASCII letters.

    Its resource `Prüfung 1/Läsion é.json` exists in no other place: who finds it uses the copy.
    """
    copy = copy_repository(tmp_path_factory.mktemp("copy") / "Röntgen bild é")
    for folder in ("Prüfung 1", "Screenshots"):
        (copy / "Resources" / folder).mkdir(exist_ok=True)
        (copy / "Resources" / folder / "Läsion é.json").write_text("{}", encoding="utf-8")
    return copy


@pytest.fixture(scope="session")
def extension(repository_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of scripted modules of the extension: in the build tree, and installed."""
    return install_extension(repository_copy, tmp_path_factory.mktemp("extension") / "Größe é")
