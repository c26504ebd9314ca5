"""Findings survive their file; a file that is not as the schema says is refused with the place named."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.bad_inputs import small_ct
from ribfrac_testing.volumes import Stored, write_dicom
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError, RibFracError
from RibFracDetectorLib.case.findings import (
    SCHEMA_VERSION,
    CaseFindings,
    CtReference,
    Finding,
    Provenance,
    WeightsReference,
    voxels_sha256,
)
from RibFracDetectorLib.case.findings_file import SCHEMA, read_findings, write_findings
from RibFracDetectorLib.case.geometry import BoxRas, Grid
from RibFracDetectorLib.case.provenance import PACKAGES, versions
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.case.resources import resource_path

number = st.floats(-1e6, 1e6)
positive = st.floats(1e-3, 1e3)
score = st.floats(0, 1)
text = st.text(max_size=20)
sha256 = st.text("0123456789abcdef", min_size=64, max_size=64)
point = st.tuples(number, number, number)
lengths = st.tuples(positive, positive, positive)
lines = st.lists(text, max_size=3).map(tuple)

boxes = st.builds(BoxRas, point, lengths, st.tuples(point, point, point))
finding_lists = st.lists(
    st.builds(
        Finding,
        id=st.integers(1, 65535),
        score=score,
        head=st.sampled_from(["det", "seg", "both"]),
        class_id=st.integers(0, 9),
        class_name=text,
        box_voxels=st.tuples(*[number] * 6),
        box_ras=boxes,
        det_score=st.none() | score,
        seg_score=st.none() | score,
        volume_mm3=st.none() | st.floats(0, 1e6),
        flags=lines,
    ),
    max_size=3,
    unique_by=lambda finding: finding.id,
)
references = st.builds(
    CtReference,
    path=text,
    series_uid=st.none() | text,
    size=st.tuples(*[st.integers(1, 1000)] * 3),
    spacing=lengths,
    origin=point,
    direction=st.tuples(*[number] * 9),
    voxels_sha256=sha256,
)
values = st.none() | st.booleans() | number | text | st.lists(number, max_size=3)
provenances = st.builds(
    Provenance,
    program=text,
    weights=st.lists(
        st.builds(WeightsReference, sha256, st.none() | text, text, text, text), min_size=1, max_size=3
    ).map(tuple),
    mode=st.sampled_from(["standard", "original"]),
    preset=st.none() | text,
    settings=st.dictionaries(text, values, max_size=3),
    device=text,
    precision=text,
    engine=text,
    versions=st.dictionaries(text, text, max_size=3),
    started=st.just("2026-02-03T04:05:06+00:00"),
    seconds=st.dictionaries(text, st.floats(0, 1e5), max_size=3),
    windows=st.integers(0, 1000),
    windows_skipped=st.integers(0, 1000),
    caps_reached=lines,
    warnings=lines,
)
cases = st.builds(
    CaseFindings, st.text(min_size=1, max_size=9), references, provenances, finding_lists.map(tuple)
)


@settings(max_examples=50, deadline=None)
@given(case=cases)
def test_findings_survive_their_file(case: CaseFindings) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "case_findings.json"
        write_findings(path, case)
        assert read_findings(path) == case


@pytest.fixture
def ct(tmp_path: Path) -> CtVolume:
    return read_ct(small_ct().write(tmp_path / "ct.nii.gz"))


@pytest.fixture
def case(ct: CtVolume) -> CaseFindings:
    box = (3.5, 4, 5, 9, 10, 11)
    finding = Finding(
        1, 0.75, "both", 0, "fracture", box, ct.grid.box_to_ras(box), 0.75, 0.5, 80.0, ("near spine",)
    )
    provenance = Provenance(
        program="1.0",
        weights=(WeightsReference("0" * 64, None, "weights.pth", "S", "none"),),
        mode="standard",
        preset="published",
        settings={"roi_size": [160, 192, 128]},
        device="cpu",
        precision="fp32",
        engine="torch",
        versions=versions(),
        started="2026-02-03T04:05:06.789+00:00",
    )
    return CaseFindings("ct", CtReference.of(ct), provenance, (finding,))


@pytest.mark.parametrize(
    ("settings", "threshold", "shown"),
    [
        ({}, 0.0, 1),
        ({"finding_thr": 0.75}, 0.75, 1),
        ({"finding_thr": 0.76}, 0.76, 0),
        ({"finding_thr": 1.5}, 0.0, 1),
        ({"finding_thr": "high"}, 0.0, 1),
    ],
)
def test_the_model_says_from_which_score_it_is_read(
    case: CaseFindings, settings: dict[str, float], threshold: float, shown: int
) -> None:
    case = replace(case, provenance=replace(case.provenance, settings=settings))
    assert case.threshold == threshold
    assert len(case.above_threshold) == shown


def test_the_schema_is_a_schema_and_describes_everything() -> None:
    schema = json.loads(resource_path(SCHEMA).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema_version"] == {
        "const": SCHEMA_VERSION,
        "description": "Version of this format.",
    }

    def check(part: Any) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part["additionalProperties"] is False
                assert set(part["required"]) == set(part["properties"])
            for inner in part.values():
                check(inner)

    check(schema)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (lambda c: c["findings"][0].update(score=1.5), "/findings/0/score"),
        (lambda c: c["findings"][0].update(colour="red"), "/findings/0"),
        (lambda c: c["findings"][0].pop("flags"), "/findings/0"),
        (lambda c: c["findings"][0]["box_voxels"].pop(), "/findings/0/box_voxels"),
        (lambda c: c["findings"][0]["box_ras"]["axes"][1].append(0), "/findings/0/box_ras/axes/1"),
        (lambda c: c["findings"].append(copy.deepcopy(c["findings"][0])), "/findings: the id 1 occurs twice"),
        (lambda c: c["ct"].update(voxels_sha256="abc"), "/ct/voxels_sha256"),
        (lambda c: c["ct"]["spacing"].__setitem__(1, 0), "/ct/spacing/1"),
        (lambda c: c["provenance"].update(mode="fast"), "/provenance/mode"),
        (lambda c: c["provenance"].update(started="yesterday"), "/provenance/started"),
        (lambda c: c["provenance"].update(started="2026-02-03T04:05:06"), "/provenance/started"),
        (lambda c: c.pop("schema_version"), "at /: "),
        (lambda c: c.update(schema_version=0), "/schema_version"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused_with_the_place(
    change: Callable[[dict], Any], pointer: str, case: CaseFindings, tmp_path: Path
) -> None:
    path = tmp_path / "ct_findings.json"
    content = case.to_json()
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        read_findings(path)
    assert str(path) in str(caught.value)
    assert pointer in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (f'{{"schema_version": {SCHEMA_VERSION + 1}, "anything": 1}}', "newer RibFrac"),
        ("", "not a findings file"),
        ('{"schema_version": 1', "not a findings file"),
        ("[]", "not a valid findings file"),
        ('{"schema_version": NaN}', "NaN is no JSON number"),
    ],
)
def test_a_file_that_holds_no_findings_is_refused(content: str, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "ct_findings.json"
    path.write_text(content)
    with pytest.raises(InputError, match=cause) as caught:
        read_findings(path)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_findings(tmp_path / "missing.json")
    (tmp_path / "binary.json").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="not a findings file"):
        read_findings(tmp_path / "binary.json")


def test_findings_that_break_the_schema_are_not_written(case: CaseFindings, tmp_path: Path) -> None:
    doubled = replace(case, findings=case.findings * 2)
    with pytest.raises(RibFracError, match="the id 1 occurs twice"):
        write_findings(tmp_path / "x.json", doubled)
    assert not (tmp_path / "x.json").exists()


def test_numbers_of_numpy_can_be_written(case: CaseFindings, tmp_path: Path) -> None:
    finding = replace(case.findings[0], score=np.float32(0.5), id=np.uint16(7))
    write_findings(tmp_path / "x.json", replace(case, findings=(finding,)))
    assert read_findings(tmp_path / "x.json").findings[0].id == 7


def test_the_voxel_hash_is_that_of_x_fastest_little_endian_bytes() -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4) * 777 - 5000
    listed = [int(voxels[x, y, z]) for z in range(4) for y in range(3) for x in range(2)]
    expected = hashlib.sha256(struct.pack("<24h", *listed)).hexdigest()
    assert voxels_sha256(voxels) == voxels_sha256(np.asfortranarray(voxels)) == expected
    assert voxels_sha256(voxels.astype(">i2")) == expected


def test_the_same_ct_in_another_file_matches(case: CaseFindings, tmp_path: Path) -> None:
    other = small_ct().turned("RAI").write(tmp_path / "other.mha")
    assert case.ct.matches(read_ct(other)) is None


def test_another_ct_does_not_match_and_the_difference_is_told(case: CaseFindings, ct: CtVolume) -> None:
    grid = ct.grid
    changed = ct.voxels.copy()
    changed[1, 2, 3] += 1
    turned = np.asarray(grid.direction).copy()
    turned[1] = 1e-3
    moved = (grid.origin[0] + 0.01, *grid.origin[1:])
    for other, cause in (
        (replace(ct, grid=replace(grid, size=(1, 2, 3))), "size is (1, 2, 3)"),
        (replace(ct, grid=replace(grid, spacing=(2.0, 2.01, 2.0))), "spacing is (2, 2.01, 2) mm"),
        (replace(ct, grid=replace(grid, spacing=(2.0, 2.0, 2.0001))), "spacing is (2, 2, 2.0001) mm"),
        (replace(ct, grid=replace(grid, origin=(0.0, 0.0, 0.0))), "origin is (0, 0, 0) mm LPS"),
        (replace(ct, grid=replace(grid, origin=moved)), "origin is"),
        (replace(ct, grid=replace(grid, direction=tuple(turned))), "direction is"),
        (replace(ct, voxels=changed), "voxels differ"),
    ):
        assert cause in (case.ct.matches(other) or "")


def test_the_reference_gives_back_the_grid(case: CaseFindings, ct: CtVolume) -> None:
    assert isinstance(case.ct.grid, Grid)
    assert case.ct.grid == ct.grid


def test_versions_name_the_packages_and_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "secret-host")
    monkeypatch.setenv("USER", "secret-user")
    found = versions()
    assert {name: found[name] for name in PACKAGES} == {name: metadata.version(name) for name in PACKAGES}
    assert "secret" not in json.dumps(found)


def test_absent_packages_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert set(versions()) == {"python", "platform"}


def test_a_series_uid_comes_along(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "series", Stored(small_ct().array), uid="1.2.3.4.5")
    assert CtReference.of(read_ct(folder)).series_uid == "1.2.3.4.5"
