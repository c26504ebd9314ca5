"""What leaves a review is what the reader accepted, in the names and fields of detection, and stamped."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from ribfrac_testing.full_disk import file_size_limit
from ribfrac_testing.review_cases import SIZE, StoredCase, small_scan, store_case
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.evaluation.result_entries import detections_of, read_entries
from RibFracDetectorLib.review.export import csv_text, export_case
from RibFracDetectorLib.review.session import ReviewSession


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_accepted_findings_leave_in_the_seeds_names(
    session: ReviewSession, stored: StoredCase, tmp_path: Path
) -> None:
    session.decide(1, "accepted")
    session.decide(2, "rejected")
    session.decide(3, "accepted")
    own = session.add((20, 20, 20, 30.4, 30.4, 30.6))
    session.edit_mask(own, MaskPatch.of(np.ones((4, 4, 4)), (21, 21, 21)))
    written = export_case(session, tmp_path / "export")
    assert sorted(path.name for path in written) == sorted(
        [
            "case_det_roi_infos.json",
            "case_seg_roi_infos.json",
            "case_roi_det_mask.nii.gz",
            "case_roi_seg_mask.nii.gz",
            "case_review.csv",
            "case_report.txt",
            "case_export.json",
        ]
    )
    assert {path.parent for path in written} == {tmp_path / "export"}
    assert sorted(written) == sorted((tmp_path / "export").iterdir())
    det = read_entries(tmp_path / "export" / "case_det_roi_infos.json")
    assert [list(entry) for entry in det] == [["instance", "bbox", "class", "center", "prob"]] * 2
    assert [(entry["instance"], entry["prob"]) for entry in det] == [(1, 1.0), (2, 0.9)]
    assert det[1]["bbox"] == list(stored.case.findings[0].box_voxels)
    seg = read_entries(tmp_path / "export" / "case_seg_roi_infos.json")
    assert [entry["prob"] for entry in seg] == [1.0, 0.9, 0.55]
    assert seg[0]["bbox"] == [21, 21, 21, 25, 25, 25]
    assert len(detections_of(det, tmp_path)) == 2

    boxes, _ = read_mask(tmp_path / "export" / "case_roi_det_mask.nii.gz")
    assert boxes.dtype == np.uint16
    assert (boxes[20:30, 20:30, 20:31] == 100).all()
    assert boxes[5, 5, 6] == 90
    assert np.count_nonzero(boxes == 100) == 10 * 10 * 11
    masks, _ = read_mask(tmp_path / "export" / "case_roi_seg_mask.nii.gz")
    expected = np.isin(stored.instances, [1, 3])
    expected[21:25, 21:25, 21:25] = True
    np.testing.assert_array_equal(masks, expected)


def test_masks_lie_on_the_grid_of_the_cts_file(tmp_path: Path) -> None:
    stored = store_case(tmp_path, scan=small_scan((4, -3, 8), "RSP"))
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
        session.edit_mask(3, MaskPatch.of(np.ones((3, 3, 3)), (1, 2, 3)))
        export_case(session, tmp_path / "export")
    ct = sitk.ReadImage(str(tmp_path / "case.nii.gz"))
    for path in (tmp_path / "export" / "case_roi_seg_mask.nii.gz", stored.files.edited_mask):
        mask = sitk.ReadImage(str(path))
        assert mask.GetSize() == ct.GetSize()
        np.testing.assert_allclose(mask.GetOrigin(), ct.GetOrigin(), atol=1e-3)
        np.testing.assert_allclose(mask.GetDirection(), ct.GetDirection(), atol=1e-5)
    labels, _ = read_mask(stored.files.edited_mask)
    assert (labels[1:4, 2:5, 3:6] == 3).all()
    assert np.count_nonzero(labels) == 27


def test_the_table_holds_every_finding(session: ReviewSession) -> None:
    session.decide(1, "accepted")
    session.comment(1, 'says "old", yes\nsecond line')
    session.decide(2, "rejected")
    rows = table(csv_text(session))
    assert [row["finding"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["shown"] for row in rows] == ["yes", "yes", "yes", "no"]
    assert [row["status"] for row in rows] == ["accepted", "rejected", "undecided", "undecided"]
    assert rows[0]["comment"] == 'says "old", yes\nsecond line'
    assert rows[0]["flags"] == "near spine"
    assert rows[1]["volume_mm3"] == ""
    finding = session.finding(1)
    center = [float(rows[0][name]) for name in ("r_mm", "a_mm", "s_mm")]
    np.testing.assert_allclose(center, finding.box_ras.center, atol=1e-3)


@pytest.mark.parametrize("training", ["simulated", "none"])
def test_every_export_of_a_model_without_patients_is_stamped(training: str, tmp_path: Path) -> None:
    stored = store_case(tmp_path, training_data=training)
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
        written = export_case(session, tmp_path / "export")
        stamp = session.banner
    assert stamp
    assert not any(path.name.endswith(".txt") for path in written), "no report text"
    for path in written:
        if path.name.endswith(".nii.gz"):
            header = gzip.decompress(path.read_bytes())[:348]
            assert stamp.encode()[:79] in header
        elif path.name.endswith("infos.json"):
            assert {entry["note"] for entry in json.loads(path.read_text())} == {stamp}
        elif path.suffix == ".csv":
            assert {row["note"] for row in table(path.read_text())} == {stamp}
        else:
            assert json.loads(path.read_text())["note"] == stamp


def test_a_model_of_patients_is_not_stamped(session: ReviewSession, tmp_path: Path) -> None:
    session.decide(1, "accepted")
    export_case(session, tmp_path / "export")
    assert "note" not in json.loads((tmp_path / "export" / "case_det_roi_infos.json").read_text())[0]


def test_an_export_without_findings_is_whole(tmp_path: Path) -> None:
    stored = store_case(tmp_path, findings=())
    with ReviewSession.open(stored.files, "R1") as session:
        export_case(session, tmp_path / "export")
    assert json.loads((tmp_path / "export" / "case_det_roi_infos.json").read_text()) == []
    masks, _ = read_mask(tmp_path / "export" / "case_roi_seg_mask.nii.gz")
    assert masks.shape == SIZE
    assert not masks.any()


def test_nothing_is_overwritten(session: ReviewSession, stored: StoredCase, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in stored.files.folder.glob("*.json")}
    for folder in (stored.files.folder, stored.files.folder / ".." / "out"):
        with pytest.raises(InputError, match="holds the model's output"):
            export_case(session, folder)
    assert {path: path.read_bytes() for path in before} == before
    export_case(session, tmp_path / "export")
    with pytest.raises(InputError, match=r"holds case_export\.json of this case already"):
        export_case(session, tmp_path / "export")
    other = tmp_path / "another run"
    other.mkdir()
    (other / "case_det_roi_infos.json").write_text("the model's")
    with pytest.raises(InputError, match=r"holds case_det_roi_infos\.json"):
        export_case(session, other)
    assert [path.name for path in other.iterdir()] == ["case_det_roi_infos.json"]
    half = tmp_path / "half"
    with file_size_limit(400), pytest.raises(InputError, match="full"):
        export_case(session, half)
    assert list(half.iterdir()) == [], "so that it can be tried again"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        export_case(session, tmp_path / "file")


def test_an_unaided_reader_exports_nothing_of_the_model(stored: StoredCase, tmp_path: Path) -> None:
    with ReviewSession.open(stored.files, "R1", unaided=True) as session:
        session.add_at((30, 28, 24))
        with pytest.raises(InputError, match="first read"):
            export_case(session, tmp_path / "export")
        assert [row["origin"] for row in table(csv_text(session))] == ["reader"]
    assert not (tmp_path / "export").exists()


def test_only_accepted_findings_leave_the_best_on_top(session: ReviewSession, tmp_path: Path) -> None:
    session.decide(1, "accepted")
    session.decide(2, "unsure")
    session.add((5, 5, 6, 9, 9, 9))  # within the box of finding 1
    session.add((30, 30, 30, 36, 36, 36))
    export_case(session, tmp_path / "export")
    det = read_entries(tmp_path / "export" / "case_det_roi_infos.json")
    assert [(entry["prob"], entry["bbox"][0]) for entry in det] == [(1.0, 5), (1.0, 30), (0.9, 3.2)]
    boxes, _ = read_mask(tmp_path / "export" / "case_roi_det_mask.nii.gz")
    assert (boxes[7, 7, 7], boxes[4, 5, 6]) == (100, 90)


def test_a_region_is_centred_on_the_nearest_voxel(session: ReviewSession, tmp_path: Path) -> None:
    mask = np.zeros((1, 1, 4))
    mask[0, 0, [0, 2, 3]] = 1
    session.edit_mask(3, MaskPatch.of(mask, (12, 40, 30)))
    session.decide(3, "accepted")
    export_case(session, tmp_path / "export")
    (region,) = read_entries(tmp_path / "export" / "case_seg_roi_infos.json")
    assert region["center"] == [12, 40, 32], "the mean of 30, 32 and 33"


def test_a_box_that_reaches_out_of_the_volume_is_painted(tmp_path: Path) -> None:
    """As the detection head's may by a voxel, on axes that mode original does not reverse."""
    stored = store_case(tmp_path, findings=({"number": 1, "start": (-1, 4, 5), "head": "det"},))
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
        export_case(session, tmp_path / "export")
    boxes, _ = read_mask(tmp_path / "export" / "case_roi_det_mask.nii.gz")
    assert boxes[0, 5, 6] == 50


def test_the_export_says_what_it_was_made_of(session: ReviewSession, tmp_path: Path) -> None:
    session.decide(1, "accepted")
    session.set_threshold(0.6)
    export_case(session, tmp_path / "open")
    about = json.loads((tmp_path / "open" / "case_export.json").read_text())
    assert [weights["name"] for weights in about.pop("weights")] == ["model"]
    assert about == {
        "case_id": "case",
        "note": "For research use only; not a medical device.",
        "reader": "R1",
        "complete": False,
        "threshold": 0.6,
        "accepted": 1,
        "hidden_below_threshold": 2,
        "review_events": session.state.sequence,
        "program": "0.1.0",
    }
    session.decide(2, "rejected")
    session.complete()
    export_case(session, tmp_path / "complete")
    assert json.loads((tmp_path / "complete" / "case_export.json").read_text())["complete"]


def test_sizes_in_the_table_are_along_x_y_and_z(session: ReviewSession) -> None:
    first = table(csv_text(session))[0]
    sizes = [float(first[f"size_{axis}_mm"]) for axis in "xyz"]
    assert sizes == pytest.approx([8.5 * 1.5, 6.25 * 1.25, 5 * 2.0], abs=1e-3)
    assert first["note"] == "For research use only; not a medical device."
