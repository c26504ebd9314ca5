"""The catalogue of trained weights: which file a name means, and what is known of it.

One catalogue ships with the library (`Resources/models.json`); `RIBFRAC_MODELS` names another one, for the
models of a site, which come first: what ships is a demonstration. Both obey `Resources/models.schema.json`,
and files in them are relative to themselves.
It lies in `case`, because the panel shows it without loading torch.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .errors import InputError
from .resources import resource_path
from .utf8_paths import utf8_path

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

EXTRA_CATALOGUE = "RIBFRAC_MODELS"
HASH_BLOCK = 2**20
MESSAGE_LENGTH = 200


@dataclass(frozen=True)
class TrainingData:
    """What a model learnt from; anything but "real" fractures is announced wherever results are shown."""

    kind: Literal["real", "simulated", "none"]
    description: str


@dataclass(frozen=True)
class ModelEntry:
    """One model of a catalogue.

    Attributes:
        name: what `--weights` takes.
        title: one line for people.
        sha256: of the checkpoint file, lower-case hexadecimal.
        architecture: "S" or "D".
        training_data: see `TrainingData`.
        licence, intended_use: for people.
        inference: settings it was validated with, for `settings.resolve_settings`.
        file: absolute path of the checkpoint, which need not exist; None if there is only a URL.
        url: where it can be downloaded, or None.
        threshold_table: absolute path of what an evaluation measured at each threshold, or None.
    """

    name: str
    title: str
    sha256: str
    architecture: Literal["S", "D"]
    training_data: TrainingData
    licence: str
    intended_use: str
    inference: Mapping[str, Any]
    file: Path | None
    url: str | None
    threshold_table: Path | None


def read_catalogue(path: Path) -> list[ModelEntry]:
    """The models of one catalogue file.

    Raises:
        InputError: unreadable, not JSON, against the schema (with the JSON path of the fault), or with a
            name used twice.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the model catalogue {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the model catalogue {path} is not JSON: {error}") from error
    _check_against_schema(path, document)
    return [_entry(model, path.parent) for model in document["models"]]


def list_models() -> list[ModelEntry]:
    """The models of the catalogue that `RIBFRAC_MODELS` names, then the shipped ones.

    Raises:
        InputError: a catalogue is wrong (see `read_catalogue`), or a name stands twice.
    """
    extra = os.environ.get(EXTRA_CATALOGUE)
    entries = read_catalogue(Path(extra)) if extra else []
    entries += read_catalogue(resource_path("models.json"))
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"the model catalogue has the name {twice[0]} twice; rename one of them"
            + (f" ({EXTRA_CATALOGUE} is {extra})" if extra else "")
        )
    return entries


def find_model(name_or_path: str | os.PathLike[str] | None) -> tuple[Path, ModelEntry | None]:
    """The checkpoint that `--weights` means, and its catalogue entry.

    A name's file is not read here: give the entry's SHA-256 to `load_weights`, which compares it.

    Args:
        name_or_path: a name of the catalogue or a file, which is looked up by its SHA-256; None takes the
            first model of the catalogue.

    Raises:
        InputError: a wrong catalogue; an unknown name (with the nearest ones); a model whose file is not
            here; a path that is not UTF-8; None with an empty catalogue.
    """
    entries = list_models()
    if name_or_path is None:
        if not entries:
            raise InputError(
                "no trained model comes with this version; pass a checkpoint with --weights FILE"
            )
        return _file_of(entries[0]), entries[0]
    for entry in entries:
        if entry.name == os.fspath(name_or_path):
            return _file_of(entry), entry
    path = Path(utf8_path(name_or_path))
    try:
        if path.is_file():
            return path, _entry_of_file(path, entries)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    raise InputError(_not_found(os.fspath(name_or_path), path, entries))


def _file_of(entry: ModelEntry) -> Path:
    if entry.file is not None and entry.file.is_file():
        return entry.file
    where = f"its file {entry.file} does not exist" if entry.file else "it has to be downloaded first"
    advice = (
        f"download {entry.url} and pass it with --weights FILE"
        if entry.url
        else "pass it with --weights FILE"
    )
    raise InputError(f"model {entry.name} is in the catalogue but {where}: {advice}")


def _entry_of_file(path: Path, entries: list[ModelEntry]) -> ModelEntry | None:
    """The entry with the file's SHA-256, without reading the file where there is none to compare with."""
    if not entries:
        return None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
    return next((entry for entry in entries if entry.sha256 == digest.hexdigest()), None)


def _not_found(given: str, path: Path, entries: list[ModelEntry]) -> str:
    if path.is_dir():
        return f"{path} is a folder; pass a checkpoint with --weights FILE"
    names = [entry.name for entry in entries]
    if not names:
        return f"there is no file {given}, and no model comes with this version; pass --weights FILE"
    nearest = difflib.get_close_matches(given, names, n=3, cutoff=0.4) or names[:3]
    return f"there is neither a file nor a model {given}; did you mean {' or '.join(nearest)}?"


def _entry(model: Mapping[str, Any], folder: Path) -> ModelEntry:
    def path(key: str) -> Path | None:
        return (folder / model[key]).absolute() if key in model else None

    return ModelEntry(
        name=model["name"],
        title=model["title"],
        sha256=model["sha256"],
        architecture=model["architecture"],
        training_data=TrainingData(**model["training_data"]),
        licence=model["licence"],
        intended_use=model["intended_use"],
        inference=model["inference"],
        file=path("file"),
        url=model.get("url"),
        threshold_table=path("threshold_table"),
    )


def _check_against_schema(path: Path, document: object) -> None:
    from jsonschema.exceptions import best_match

    fault = best_match(_validator().iter_errors(document))
    if fault is not None:
        message = " ".join(fault.message.split())
        if len(message) > MESSAGE_LENGTH:
            message = f"{message[: MESSAGE_LENGTH // 2]} … {message[-MESSAGE_LENGTH // 2 :]}"
        raise InputError(f"the model catalogue {path} is wrong at {fault.json_path}: {message}")


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(resource_path("models.schema.json").read_text(encoding="utf-8")))
