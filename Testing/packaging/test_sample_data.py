"""The list that offers the sample case in the application fits the files beside it."""

from __future__ import annotations

import hashlib
import json

from ribfrac_testing.reference import REPOSITORY

FOLDER = REPOSITORY / "Resources" / "SampleData"


def test_the_list_names_files_that_are_there_and_unchanged() -> None:
    for sample in json.loads((FOLDER / "samples.json").read_text())["samples"]:
        assert hashlib.sha256((FOLDER / sample["file"]).read_bytes()).hexdigest() == sample["sha256"]
        assert (FOLDER / sample["thumbnail"]).read_bytes().startswith(b"\x89PNG")
        assert "simulated" in sample["name"].lower()
