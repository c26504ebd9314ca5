"""The catalogue of models: what is valid, what a name or a file means, and what users are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from RibFracDetectorLib.case.catalogue import find_model, list_models, read_catalogue
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.resources import resource_path
from RibFracDetectorLib.engine.settings import PARSERS, InferenceSettings, resolve_settings

CONTENT = b"the weights of a test"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Write = Callable[..., Path]


def model(**changes: Any) -> dict[str, Any]:
    """A valid entry; None removes a field."""
    entry = {
        "name": "site-s",
        "title": "A model of a site",
        "file": "Models/site é.pth",
        "sha256": SHA256,
        "architecture": "S",
        "training_data": {"kind": "real", "description": "500 scans"},
        "licence": "Apache-2.0",
        "intended_use": "Research",
        "inference": {"roi_size": [160, 192, 128]},
        **changes,
    }
    return {key: value for key, value in entry.items() if value is not None}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a site's catalogue, with its model file beside it, and makes it the extra one."""

    def write(*models: dict[str, Any]) -> Path:
        path = tmp_path / "site" / "models.json"
        (path.parent / "Models").mkdir(parents=True, exist_ok=True)
        (path.parent / "Models" / "site é.pth").write_bytes(CONTENT)
        path.write_text(json.dumps({"models": models}), encoding="utf-8")
        monkeypatch.setenv("RIBFRAC_MODELS", str(path))
        return path

    return write


@pytest.fixture(autouse=True)
def _no_catalogue_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIBFRAC_MODELS", raising=False)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_shipped_catalogue_is_valid_and_its_files_are_as_promised() -> None:
    entries = read_catalogue(resource_path("models.json"))
    assert entries
    for entry in entries:
        assert hashlib.sha256(entry.file.read_bytes()).hexdigest() == entry.sha256


def test_the_schema_is_itself_valid() -> None:
    schema = json.loads(resource_path("models.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]["inference"]["properties"]) == set(PARSERS)


def test_all_parameters_of_inference_can_stand_in_an_entry(catalogue: Write) -> None:
    block = InferenceSettings(target_spacings=(None, (0.7, 0.7, 1.0)), flips=("diagonal",)).to_json()
    (entry,) = read_catalogue(catalogue(model(inference=block)))
    assert resolve_settings("original", model_block=entry.inference).to_json() == block


def test_entry(catalogue: Write) -> None:
    path = catalogue(model(url="https://example.org/site.pth", threshold_table="measured.json"))
    (entry,) = read_catalogue(path)
    assert entry.file == path.parent / "Models" / "site é.pth"
    assert entry.url == "https://example.org/site.pth"
    assert entry.threshold_table == path.parent / "measured.json"
    assert entry.training_data.kind == "real"
    assert entry.inference == {"roi_size": [160, 192, 128]}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sha256": "abc"}, "$.models[0].sha256"),
        ({"sha256": SHA256.upper()}, "$.models[0].sha256"),
        ({"name": "a name"}, "$.models[0].name"),
        ({"architecture": "X"}, "$.models[0].architecture"),
        ({"training_data": {"kind": "some", "description": "x"}}, "$.models[0].training_data.kind"),
        ({"licence": ""}, "$.models[0].licence"),
        ({"licence": None}, "'licence' is a required property"),
        ({"file": None}, "$.models[0]"),
        ({"url": "http://example.org/x.pth"}, "$.models[0].url"),
        ({"inference": {}}, "'roi_size' is a required property"),
        ({"inference": {"roi_size": [160, 192, 100]}}, "$.models[0].inference.roi_size[2]"),
        ({"inference": {"roi_size": [160, 192]}}, "$.models[0].inference.roi_size"),
        ({"inference": {"roi_size": [160, 192, 128], "overlap": 1}}, "$.models[0].inference.overlap"),
        ({"inference": {"roi_size": [160, 192, 128], "overlapp": 0.5}}, "overlapp"),
        ({"sha_256": SHA256}, "sha_256"),
    ],
)
def test_faults_are_told_with_their_place(change: dict[str, Any], where: str, catalogue: Write) -> None:
    path = catalogue(model(**change))
    told = refusal(lambda: read_catalogue(path))
    assert str(path) in told
    assert where in told
    assert len(told) < len(str(path)) + 400


TEXTS = {
    "empty": "",
    "cut": "{",
    "list": "[]",
    "no list": '{"models": {}}',
    "latin-1": "\xff",
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_files_that_are_no_catalogue(text: str, tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(text, encoding="latin-1")
    assert str(path) in refusal(lambda: read_catalogue(path))


def test_missing_extra_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIBFRAC_MODELS", str(tmp_path / "none.json"))
    assert "none.json" in refusal(list_models)


def test_name_used_twice(catalogue: Write) -> None:
    path = catalogue(model(), model(title="Another"))
    told = refusal(list_models)
    assert "site-s twice" in told
    assert str(path) in told


def test_by_name(catalogue: Write) -> None:
    path = catalogue(model(name="other", sha256="0" * 64), model())
    found, entry = find_model("site-s")
    assert found == path.parent / "Models" / "site é.pth"
    assert entry is not None
    assert entry.sha256 == SHA256


def test_by_file(catalogue: Write, tmp_path: Path) -> None:
    catalogue(model())
    copy, stranger = tmp_path / "copy.pth", tmp_path / "stranger.pth"
    copy.write_bytes(CONTENT)
    stranger.write_bytes(CONTENT + b"!")
    found, entry = find_model(copy)
    assert found == copy
    assert entry is not None
    assert entry.name == "site-s"
    assert find_model(str(stranger)) == (stranger, None)


def test_a_file_with_an_empty_catalogue(tmp_path: Path, catalogue: Write) -> None:
    catalogue()
    path = tmp_path / "model.pth"
    path.write_bytes(CONTENT)
    assert find_model(path)[0] == path


def test_the_first_model_of_a_site_is_the_default(catalogue: Write) -> None:
    catalogue(model(), model(name="another"))
    _, entry = find_model(None)
    assert entry.name == "site-s"
    assert entry == list_models()[0]


def test_unknown_name(catalogue: Write) -> None:
    catalogue(model(), model(name="ribfrac-d-2026"))
    assert "did you mean site-s?" in refusal(lambda: find_model("site_s"))
    assert "ribfrac-d-2026" in refusal(lambda: find_model("ribfrac-d"))
    assert "site-s" in refusal(lambda: find_model("zzzzzzzz"))


def test_no_model_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from RibFracDetectorLib.case import catalogue as module

    monkeypatch.setattr(module, "list_models", list)
    assert "--weights FILE" in refusal(lambda: find_model(None))
    assert "--weights FILE" in refusal(lambda: find_model("any"))
    assert "is a folder" in refusal(lambda: find_model(tmp_path))


def test_model_whose_file_is_not_here(catalogue: Write) -> None:
    url = "https://example.org/site.pth"
    path = catalogue(model(file="gone.pth"), model(name="remote", file=None, url=url))
    assert str(path.parent / "gone.pth") in refusal(lambda: find_model("site-s"))
    told = refusal(lambda: find_model("remote"))
    assert url in told
    assert "--weights FILE" in told
