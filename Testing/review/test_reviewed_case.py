"""A reader's decisions are a ground truth, and a stored case is opened without the machinery of detection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.review_cases import StoredCase
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.case.reviewed_case import read_reviewed_case
from RibFracDetectorLib.review.session import ReviewSession


def test_accepted_findings_are_the_ground_truth(stored: StoredCase) -> None:
    drawn = MaskPatch.of(np.ones((3, 3, 3)), (40, 8, 20))
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
        session.classify(1, "segmental")
        session.edit_box(1, (3, 4, 5, 12, 11, 10))
        session.decide(2, "accepted")
        session.edit_mask(2, drawn)
        session.decide(3, "rejected")
    with ReviewSession.open(stored.files, "R2") as session:
        own = session.add((30, 30, 30, 35, 35, 35))
        session.decide(4, "unsure")
        session.add((10, 10, 10, 15, 15, 15))
        session.undo()
    truth = read_reviewed_case(stored.files)
    assert (truth.case_id, truth.complete, truth.readers) == ("case", False, ("R1", "R2"))
    assert truth.grid == stored.ct.grid
    assert [lesion.id for lesion in truth.lesions] == [1, 2, own]
    first, second, third = truth.lesions
    assert first.fracture_class == "segmental"
    assert first.box_voxels == (3, 4, 5, 12, 11, 10)
    assert first.mask == MaskPatch.of(stored.instances == 1)
    assert second.mask == drawn
    assert third.mask is None
    with ReviewSession.open(stored.files, "R1") as session:
        session.complete()
    assert read_reviewed_case(stored.files).complete


def test_readers_are_told_in_the_order_in_which_they_began(stored: StoredCase) -> None:
    for reader in ("Zoe", "Anna", "Zoe"):
        with ReviewSession.open(stored.files, reader) as session:
            session.comment(1, f"{len(session.events)}")
    assert read_reviewed_case(stored.files).readers == ("Zoe", "Anna")


def test_a_case_that_nobody_reviewed_is_no_ground_truth(stored: StoredCase) -> None:
    with pytest.raises(InputError, match="no review of the case case; review it first"):
        read_reviewed_case(stored.files)


REVIEW = """
    import json, sys
    from pathlib import Path
    from RibFracDetectorLib.case.case_files import CaseFiles
    from RibFracDetectorLib.case.reviewed_case import read_reviewed_case
    from RibFracDetectorLib.review import export, rows, texts
    from RibFracDetectorLib.review.session import ReviewSession
    files = CaseFiles(Path(sys.argv[1]), "case")
    with ReviewSession.open(files, "R1") as session:
        session.decide(1, "accepted")
        session.edit_mask(1, session.mask(3))
        session.add_at((30, 30, 30))
        session.undo()
        texts.report_text(session), rows.rows(session)
        export.export_case(session, files.folder / "export")
    assert len(read_reviewed_case(files).lesions) == 1
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_opening_and_reviewing_a_stored_case_needs_neither_torch_nor_monai(stored: StoredCase) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "RibFracDetector")}
    command = [sys.executable, "-c", textwrap.dedent(REVIEW), str(stored.files.folder)]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert "numpy" in loaded
    assert not loaded & {"torch", "monai", "scipy", "matplotlib", "openvino", "vtk", "slicer"}
