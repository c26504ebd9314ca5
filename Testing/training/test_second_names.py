"""A checkpoint gets its second name where the first way fails, and stays what it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from RibFracTrainingLib.training.checkpoints import _same_file


def test_a_target_that_cannot_be_replaced_at_first_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows while somebody reads it; the copy must not be written into the checkpoint."""
    source, target = tmp_path / "latest.pth", tmp_path / "epoch_1.pth"
    source.write_bytes(b"weights")
    target.write_bytes(b"of an earlier run")
    replace, failures = os.replace, [PermissionError(13, "Access is denied")]

    def held(first: Path, second: Path) -> None:
        if failures:
            raise failures.pop()
        replace(first, second)

    monkeypatch.setattr(os, "replace", held)
    _same_file(source, target)
    assert target.read_bytes() == source.read_bytes() == b"weights"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_1.pth", "latest.pth"]
