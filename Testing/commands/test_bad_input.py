"""Wrong input to `ribfrac detect`: one line, exit status 2, nothing left behind, and nothing computed."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest
from ribfrac_testing.bad_inputs import BAD_INPUTS
from ribfrac_testing.command_line import SMALL, files_of, ribfrac
from ribfrac_testing.volumes import Stored


def refused(*arguments: str | Path, **options: object) -> str:
    """The one line with which `ribfrac` refuses wrong input."""
    run = ribfrac(*arguments, **options)
    assert run.returncode == 2, f"{run.returncode}: {run.stdout}{run.stderr}"
    assert not run.stdout
    (line,) = run.stderr.splitlines()
    assert line.startswith("ribfrac: ")
    return line


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_no_usable_ct(kind: str, tmp_path: Path) -> None:
    source = BAD_INPUTS[kind](tmp_path)
    # The weights do not exist: a CT that is refused first was refused before anything was loaded.
    line = refused("detect", source, "--output", tmp_path / "out", "--weights", tmp_path / "none.pth")
    assert source.name in line
    assert "none.pth" not in line
    assert files_of(tmp_path / "out") == []


def test_no_weights(scan: Stored, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    line = refused("detect", source, "--output", tmp_path / "out", "--weights", tmp_path / "none.pth")
    assert "none.pth" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--set", "roi_siz=[32,32,32]"], "did you mean 'roi_size'"),
        (["--preset", "fast"], "shipped: deployment, published"),
        (["--device", "gpu"], "expected auto, cpu, cuda"),
        (["--precision", "fp16", "--device", "cpu"], "needs a GPU"),
        (["--mode", "original", "--precision", "bf16"], "fp32 only"),
        (["--case", "../escape"], "case id"),
    ],
)
def test_wrong_options(
    arguments: list[str], expected: str, scan: Stored, busy_weights: Path, tmp_path: Path
) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    line = refused("detect", source, "--output", tmp_path / "out", "--weights", busy_weights, *arguments)
    assert expected in line
    assert not (tmp_path / "out").exists()


def test_output_is_a_file(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    (tmp_path / "out").write_text("keep me")
    line = refused("detect", source, "--output", tmp_path / "out", "--weights", busy_weights, *SMALL)
    assert "a folder is expected" in line
    assert (tmp_path / "out").read_text() == "keep me"


def test_unwritable_output(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    """A folder that refuses even root: /proc on Linux; elsewhere one without permission to write."""
    source = scan.write(tmp_path / "scan.nii.gz")
    if sys.platform == "linux":
        output = Path("/proc/ribfrac-output")
    elif os.geteuid() == 0:
        pytest.skip("root may write everywhere here")
    else:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        output = locked / "out"
    line = refused("detect", source, "--output", output, "--weights", busy_weights, *SMALL)
    assert "cannot be written" in line


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
@pytest.mark.parametrize("limit", [200, 4000])
def test_full_disk(
    limit: int, scan: Stored, busy_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files makes every write beyond it fail, as a full disk does."""
    # Python would cut its compiled modules off at the limit, and keep them for all runs that follow.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    source = scan.write(tmp_path / "scan.nii.gz")

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    line = refused(
        *("detect", source, "--output", tmp_path / "out", "--weights", busy_weights, *SMALL, "--exhaustive"),
        preexec_fn=limit_files,
    )
    assert "cannot be written" in line
    assert files_of(tmp_path / "out") == []
