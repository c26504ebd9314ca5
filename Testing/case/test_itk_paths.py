"""ITK is given paths that it finds, on Windows as well, where it takes UTF-8 for the system's code page."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from RibFracDetectorLib.case import utf8_paths
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.utf8_paths import itk_path
from RibFracDetectorLib.case.whole_files import written_whole

WESTERN, UTF8 = 1252, 65001


class Kernel32:
    """What Windows tells: its code page, and short names of folders where the drive has them."""

    def __init__(self, code_page: int, has_short_names: bool = True) -> None:
        self.code_page, self.has_short_names = code_page, has_short_names

    def GetACP(self) -> int:  # noqa: N802
        """The code page of narrow texts."""
        return self.code_page

    def GetShortPathNameW(self, path: str, buffer: SimpleNamespace, size: int) -> int:  # noqa: N802
        """Writes the short name; without any, Windows gives the long one."""
        buffer.value = path.replace("Jürgen", "JRGEN~1") if self.has_short_names else path
        assert len(buffer.value) < size
        return len(buffer.value)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch):
    """Makes this Windows, as far as it is asked for."""

    def make(kernel32: Kernel32) -> None:
        monkeypatch.setattr(utf8_paths, "os", SimpleNamespace(name="nt", fspath=os.fspath, path=os.path))
        monkeypatch.setattr(utf8_paths, "_kernel32", lambda: kernel32)

    return make


def test_elsewhere_a_path_stays_as_it_is() -> None:
    assert itk_path(Path("/data/Jürgen/ct.nrrd")) == "/data/Jürgen/ct.nrrd"


@pytest.mark.parametrize("kernel32", [Kernel32(UTF8), Kernel32(UTF8, has_short_names=False)])
def test_with_utf8_as_the_code_page_a_path_stays_as_it_is(windows, kernel32: Kernel32) -> None:
    windows(kernel32)
    assert itk_path("/data/Jürgen/Größe.nrrd") == "/data/Jürgen/Größe.nrrd"


def test_folders_go_by_their_short_names_and_files_keep_theirs(windows) -> None:
    """ITK's NIfTI code reads the ending, which short names of files lose."""
    windows(Kernel32(WESTERN))
    assert itk_path("/data/Jürgen/ribfrac-ct-1/ct.nii.gz") == "/data/JRGEN~1/ribfrac-ct-1/ct.nii.gz"
    assert itk_path("/data/Juergen/ct.nii.gz") == "/data/Juergen/ct.nii.gz"


@pytest.mark.parametrize(
    ("kernel32", "path"),
    [
        (Kernel32(WESTERN, has_short_names=False), "/data/Jürgen/ct.nrrd"),
        (Kernel32(WESTERN), "/data/Jürgen/Größe.nrrd"),
    ],
)
def test_what_itk_would_not_find_is_refused(windows, kernel32: Kernel32, path: str) -> None:
    windows(kernel32)
    with pytest.raises(InputError, match="finds only what is named in plain letters"):
        itk_path(path)


def test_what_is_written_has_a_plain_name_at_first(tmp_path: Path) -> None:
    for name in ("Größe_instances.nii.gz", "Grüße_instances.nii.gz", "肋骨_instances.nii.gz"):
        with written_whole(tmp_path / name) as temporary:
            assert temporary.name.isascii()
            assert temporary.name.endswith("_instances.nii.gz")
            temporary.write_bytes(b"masks")
    assert len(list(tmp_path.iterdir())) == 3


def test_nothing_goes_to_itk_but_by_this() -> None:
    package = Path(utf8_paths.__file__).parents[1]
    sources = {path.name: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    for call in ("SetFileName(", "GetGDCMSeriesIDs(", "GetGDCMSeriesFileNames("):
        places = [(name, text.count(call), text.count(f"{call}itk_path(")) for name, text in sources.items()]
        assert all(used == right for _name, used, right in places), places
