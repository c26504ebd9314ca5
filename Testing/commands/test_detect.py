"""`ribfrac detect` on good input: files, geometry, several inputs, reruns, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from ribfrac_testing.bad_inputs import UNUSUAL_INPUTS
from ribfrac_testing.command_line import SMALL, events, files_of, ribfrac
from ribfrac_testing.volumes import ORIENTATIONS, Stored, rotation, write_dicom
from RibFracDetectorLib.case.findings import CaseFindings
from RibFracDetectorLib.case.findings_file import read_findings

EIGHT_ORIENTATIONS = ORIENTATIONS[::6]  # the first is LPS
CASE_FILES = [
    "{}_det_roi_infos.json",
    "{}_findings.json",
    "{}_instances.nii.gz",
    "{}_overview.png",
    "{}_roi_det_mask.nii.gz",
    "{}_roi_seg_mask.nii.gz",
    "{}_seg_roi_infos.json",
]


@pytest.fixture(scope="module")
def finished(scan: Stored, busy_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan and the folder with what `ribfrac detect` made of it."""
    folder = tmp_path_factory.mktemp("finished")
    source = scan.write(folder / "scan.nii.gz")
    output = folder / "out"
    run = ribfrac("detect", source, "--output", output, "--weights", busy_weights, *SMALL)
    assert run.returncode == 0, run.stderr
    assert "scan:" in run.stdout
    return source, output


def test_every_file_is_written_and_nothing_else(finished: tuple[Path, Path]) -> None:
    assert files_of(finished[1]) == [name.format("scan") for name in CASE_FILES]


def test_files_agree_with_each_other(finished: tuple[Path, Path]) -> None:
    source, output = finished
    case = read_findings(output / "scan_findings.json")
    instances = sitk.ReadImage(str(output / "scan_instances.nii.gz"))
    assert len(case.findings) >= 5, "the weights are made to find something"
    assert [finding.id for finding in case.findings] == list(range(1, len(case.findings) + 1))
    scores = [finding.score for finding in case.findings]
    assert scores == sorted(scores, reverse=True)
    masked = {finding.id for finding in case.findings if finding.volume_mm3 is not None}
    values, counts = np.unique(sitk.GetArrayFromImage(instances), return_counts=True)
    assert set(values.tolist()) - {0} == masked
    volume = dict(zip(values.tolist(), (counts * np.prod(instances.GetSpacing())).tolist(), strict=True))
    for finding in case.findings:
        if finding.id in masked:
            assert finding.volume_mm3 == pytest.approx(volume[finding.id])
    stored = sitk.ReadImage(str(source))
    assert instances.GetSize() == stored.GetSize()
    np.testing.assert_allclose(instances.GetOrigin(), stored.GetOrigin())
    rois = json.loads((output / "scan_det_roi_infos.json").read_text())
    detected = [finding for finding in case.findings if finding.head != "seg"]
    assert sorted(roi["prob"] for roi in rois) == sorted(finding.det_score for finding in detected)


def test_provenance_tells_what_was_done(finished: tuple[Path, Path], busy_weights: Path) -> None:
    provenance = read_findings(finished[1] / "scan_findings.json").provenance
    assert provenance.settings["roi_size"] == [32, 32, 32]
    assert (provenance.mode, provenance.precision, provenance.device) == ("standard", "fp32", "cpu")
    assert [weights.path for weights in provenance.weights] == [str(busy_weights)]
    assert provenance.windows > 1
    assert {"network", "post-process"} <= set(provenance.seconds)


def test_no_preset_is_named_that_was_not_applied(finished: tuple[Path, Path]) -> None:
    content = json.loads((finished[1] / "scan_findings.json").read_text())
    assert content["provenance"]["preset"] is None


@pytest.mark.slow
def test_an_applied_preset_is_named(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    preset = tmp_path / "mine.json"
    preset.write_text(json.dumps({"score_thr": 0.3}))
    output = tmp_path / "out"
    run = ribfrac("detect", source, "--output", output, "--weights", busy_weights, *SMALL, "--preset", preset)
    assert run.returncode == 0, run.stderr
    provenance = read_findings(output / "scan_findings.json").provenance
    assert provenance.preset == str(preset)
    assert provenance.settings["score_thr"] == 0.3


def test_finished_cases_are_skipped_and_reviewed_ones_protected(
    finished: tuple[Path, Path], busy_weights: Path
) -> None:
    source, output = finished
    findings = output / "scan_findings.json"
    before = findings.stat().st_mtime_ns
    again = ["detect", source, "--output", output, "--weights", busy_weights, *SMALL]
    run = ribfrac(*again)
    assert (run.returncode, findings.stat().st_mtime_ns) == (0, before)
    assert "finished" in run.stderr
    review = output / "scan_review.jsonl"
    review.write_text("{}\n")
    refused = ribfrac(*again, "--overwrite")
    review.unlink()
    assert refused.returncode == 2
    assert "reviewed" in refused.stderr
    assert findings.stat().st_mtime_ns == before
    assert ribfrac(*again, "--overwrite").returncode == 0
    assert findings.stat().st_mtime_ns > before


def test_json_lines(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nrrd")
    run = ribfrac(
        "detect",
        source,
        "--output",
        tmp_path / "out",
        "--weights",
        busy_weights,
        *SMALL,
        "--progress",
        "jsonl",
    )
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    hello, *rest = events(run.stdout)
    assert hello["event"] == "hello"
    assert Path(hello["library"]).name == "RibFracDetectorLib"
    tiles = [event for event in rest if event["event"] == "tile"]
    assert [tile["done"] for tile in tiles] == list(range(1, tiles[0]["total"] + 1))
    assert rest[-1]["event"] == "result"
    assert rest[-1]["findings"] == len(read_findings(tmp_path / "out" / "scan_findings.json").findings)


def test_a_broken_input_does_not_stop_the_others(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    good = scan.write(tmp_path / "good.nii.gz")
    output = tmp_path / "out"
    run = ribfrac(
        "detect", tmp_path / "none.nii.gz", good, "--output", output, "--weights", busy_weights, *SMALL
    )
    assert run.returncode == 2
    assert "none.nii.gz" in run.stderr
    assert (output / "good_findings.json").exists()


def test_two_inputs_of_one_name_are_refused(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        scan.write(tmp_path / folder / "scan.nii.gz")
    sources = [tmp_path / folder / "scan.nii.gz" for folder in ("a", "b")]
    run = ribfrac("detect", *sources, "--output", tmp_path / "out", "--weights", busy_weights, *SMALL)
    assert run.returncode == 2
    assert "would both be case scan" in run.stderr


def test_dicom_series_is_named_without_its_tags(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    series = write_dicom(tmp_path / "Doe^Jane", scan)
    output = tmp_path / "out"
    run = ribfrac("detect", series, "--output", output, "--weights", busy_weights, *SMALL)
    assert run.returncode == 0, run.stderr
    (findings,) = output.glob("*_findings.json")
    assert findings.name.startswith("dicom-")
    assert len(read_findings(findings).findings) >= 5


@pytest.mark.slow
def test_orientation_of_the_file_does_not_matter(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    sources = [scan.turned(name).write(tmp_path / f"{name}.nii.gz") for name in EIGHT_ORIENTATIONS]
    results = _detect_all(sources, busy_weights, tmp_path / "out")
    for source in sources[1:]:
        _assert_same_in_ras(results[source], results[sources[0]], np.eye(3), np.zeros(3))
        _assert_masks_cover_findings(source, tmp_path / "out", results[source])


def test_an_oblique_header_turns_the_findings_with_it(
    scan: Stored, busy_weights: Path, tmp_path: Path
) -> None:
    turn = rotation((6, -9, 13))
    oblique = Stored(scan.array, scan.spacing, scan.origin, turn)
    sources = [scan.write(tmp_path / "straight.mha"), oblique.write(tmp_path / "oblique.mha")]
    results = _detect_all(sources, busy_weights, tmp_path / "out")
    lps_to_ras = np.diag([-1.0, -1.0, 1.0])
    turn_ras = lps_to_ras @ turn @ lps_to_ras
    origin_ras = lps_to_ras @ np.asarray(scan.origin)
    _assert_same_in_ras(results[sources[1]], results[sources[0]], turn_ras, origin_ras)


@pytest.mark.parametrize("kind", ["all air", "constant", "constant air"])
def test_blank_scans_give_a_warning_and_no_findings(kind: str, busy_weights: Path, tmp_path: Path) -> None:
    source = UNUSUAL_INPUTS[kind](tmp_path)
    run = ribfrac("detect", source, "--output", tmp_path / "out", "--weights", busy_weights, *SMALL)
    assert run.returncode == 0, run.stderr
    assert "blank" in run.stderr
    assert "does not exclude a fracture" in run.stdout
    (findings,) = (tmp_path / "out").glob("*_findings.json")
    assert read_findings(findings).findings == ()


def test_a_scan_smaller_than_a_window_is_padded(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    wide = (
        "--set",
        "roi_size=[80,64,64]",
        "--set",
        "target_spacings=null",
        "--precision",
        "fp32",
        "--engine",
        "torch",
    )
    run = ribfrac("detect", source, "--output", tmp_path / "out", "--weights", busy_weights, *wide)
    assert run.returncode == 0, run.stderr
    case = read_findings(tmp_path / "out" / "scan_findings.json")
    assert case.provenance.windows == 1
    for finding in case.findings:
        assert (np.asarray(finding.box_voxels[3:]) <= scan.array.shape).all()


@pytest.mark.slow
def test_every_kind_of_flip_and_spacing_runs(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    more = (
        "--set",
        'flips=["diagonal","headfeet","all3axis"]',
        "--set",
        "target_spacings=[null,[2.5,2.5,2]]",
    )
    for mode in ("standard", "original"):
        output = tmp_path / mode
        run = ribfrac(
            "detect", source, "--output", output, "--weights", busy_weights, *SMALL, *more, "--mode", mode
        )
        assert run.returncode == 0, run.stderr
        case = read_findings(output / "scan_findings.json")
        assert case.provenance.settings["flips"] == ["diagonal", "headfeet", "all3axis"]
        assert case.findings


def test_several_weights_are_merged(scan: Stored, busy_weights: Path, tmp_path: Path) -> None:
    source = scan.write(tmp_path / "scan.nii.gz")
    folds = f"{busy_weights},{busy_weights}"
    run = ribfrac("detect", source, "--output", tmp_path / "out", "--weights", folds, *SMALL)
    assert run.returncode == 0, run.stderr
    provenance = read_findings(tmp_path / "out" / "scan_findings.json").provenance
    assert [weights.path for weights in provenance.weights] == [str(busy_weights)] * 2


def _detect_all(sources: list[Path], weights: Path, output: Path) -> dict[Path, CaseFindings]:
    run = ribfrac("detect", *sources, "--output", output, "--weights", weights, *SMALL)
    assert run.returncode == 0, run.stderr
    return {
        source: read_findings(output / f"{source.name.split('.')[0]}_findings.json") for source in sources
    }


def _assert_same_in_ras(
    turned: CaseFindings, straight: CaseFindings, rotation_ras: np.ndarray, pivot: np.ndarray
) -> None:
    assert len(turned.findings) == len(straight.findings) >= 5
    for ours, theirs in zip(turned.findings, straight.findings, strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=1e-6)
        expected = rotation_ras @ (np.asarray(theirs.box_ras.center) - pivot) + pivot
        np.testing.assert_allclose(ours.box_ras.center, expected, atol=0.01)
        np.testing.assert_allclose(ours.box_ras.size, theirs.box_ras.size, atol=0.01)
        np.testing.assert_allclose(ours.box_ras.axes, theirs.box_ras.axes @ rotation_ras.T, atol=1e-5)


def _assert_masks_cover_findings(source: Path, output: Path, case: CaseFindings) -> None:
    """The stored mask, read by ITK alone, has every masked finding near its box in patient space."""
    mask = sitk.ReadImage(str(output / f"{case.case_id}_instances.nii.gz"))
    stored = sitk.ReadImage(str(source))
    assert mask.GetSize() == stored.GetSize()
    np.testing.assert_allclose(mask.GetDirection(), stored.GetDirection(), atol=1e-6)
    values = sitk.GetArrayFromImage(mask).transpose(2, 1, 0)
    for finding in case.findings:
        if finding.head != "seg":
            continue
        center = np.argwhere(values == finding.id).mean(axis=0)
        lps = mask.TransformContinuousIndexToPhysicalPoint(center.tolist())
        distance = np.abs(np.array([-lps[0], -lps[1], lps[2]]) - finding.box_ras.center)
        assert (distance <= np.asarray(finding.box_ras.size).max() / 2).all()
