"""Published weights: the network alone, named by their hash, with their entry in a catalogue beside them.

Entry and file carry the `inference` block with which the model was trained and validated, and whether its
fractures were simulated, so that detection uses and says so without being told. `RIBFRAC_MODELS` set to that
catalogue makes the model known by its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from RibFracDetectorLib.case.catalogue import read_catalogue
from RibFracDetectorLib.case.errors import InputError, RibFracError
from RibFracDetectorLib.case.whole_files import put_in_place, writing_to, written_whole
from RibFracDetectorLib.engine.checkpoint import read_checkpoint
from RibFracDetectorLib.engine.weights import UNKNOWN_DATA, Weights, load_weights

from .saving import save_tensors

CATALOGUE = "models.json"
SHOWN_HASH = 8
LARGEST_HALF = 65504.0
KEPT_META = ("epoch", "iter", "time", "seed", "exp_name", "CLASSES", "ribfrac_version")
PUBLISHED = {"title", "training_data", "licence", "intended_use"}


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes:
        file: the weights.
        catalogue: the catalogue with their entry.
        name: of the entry, for `--weights`.
    """

    file: Path
    catalogue: Path
    name: str


def publish(checkpoint: Path, output: Path, half: bool, training_data: str | None) -> Published:
    """Write the weights of a training checkpoint, and their entry in `models.json` beside them.

    Args:
        checkpoint: of `ribfrac train`.
        output: NAME.pth, which becomes NAME-<sha8>.pth.
        half: store half precision; detection computes with the same numbers as float32.
        training_data: "real" or "simulated" where the checkpoint does not know.

    Raises:
        InputError: no checkpoint of a training; values that half precision cannot hold; unknown or
            contradicting kind of training data; an output that is no .pth file or cannot be written; a
            catalogue that is wrong.
    """
    weights = load_weights(checkpoint)
    meta = read_meta(checkpoint)
    if output.suffix != ".pth" or not output.stem:
        raise InputError(f"the output is {output}; expected NAME.pth")
    kind = _kind_of_data(weights, training_data)
    configuration = read_configuration(checkpoint, meta["config"])
    kept = {key: meta[key] for key in KEPT_META if key in meta}
    kept |= {"training_data": kind, "inference": json.dumps(configuration["inference"])}
    file = _write_weights(weights, kept, output, half)
    entry = _entry(weights, configuration, kind, file)
    catalogue = _write_entry(entry, output.parent / CATALOGUE)
    return Published(file, catalogue, entry["name"])


def read_meta(checkpoint: Path) -> dict[str, Any]:
    """How a checkpoint was trained.

    Raises:
        InputError: no checkpoint of a training, or unreadable.
    """
    content, _ = read_checkpoint(checkpoint)
    meta = content.get("meta") if isinstance(content, dict) else None
    if not isinstance(meta, dict) or "config" not in meta:
        raise InputError(
            f"{checkpoint} does not say how it was trained; expected a checkpoint of `ribfrac train`"
        )
    return meta


def read_configuration(checkpoint: Path, text: Any) -> dict[str, Any]:
    """The configuration of a training; others write Python, or less, under that name.

    Args:
        checkpoint: whose it is.
        text: what its metadata call `config`.

    Raises:
        InputError: it is none of `ribfrac train`.
    """
    try:
        found = yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError:
        found = None
    content = found if isinstance(found, dict) else {}
    blocks = (content.get("inference"), content.get("publication"))
    if not all(isinstance(block, dict) for block in blocks) or not PUBLISHED.issubset(blocks[1]):
        raise InputError(
            f"{checkpoint}: its configuration has no `inference` and `publication` of `ribfrac train`; "
            f"expected a checkpoint of that command"
        )
    return content


def _kind_of_data(weights: Weights, told: str | None) -> str:
    known, checkpoint = weights.training_data, weights.path
    if known == UNKNOWN_DATA:
        if told is None:
            raise InputError(
                f"{checkpoint} was trained on data that do not say whether their fractures are real; "
                f"add --training-data real or --training-data simulated"
            )
        return told
    if told is not None and told != known:
        raise InputError(f"{checkpoint} was trained on {known} fractures, not on {told} ones")
    return known


def _write_weights(weights: Weights, kept: dict[str, Any], output: Path, half: bool) -> Path:
    """The file, named by its hash; it is written under a temporary name and renamed once that is known."""
    tensors = dict(weights.state_dict)
    if half:
        tensors = {key: tensor.half() for key, tensor in tensors.items()}
        large = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        if large:
            raise InputError(f"{large[0]} has values beyond {LARGEST_HALF:g}; publish without --half")
    with writing_to(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        unnamed = output.with_name(f".{os.getpid()}-{output.name}")
        try:
            # Names inside the archive follow the file's: a fixed one makes equal weights equal files.
            with unnamed.open("wb") as stream:
                save_tensors({"state_dict": tensors, "meta": kept}, stream, output)
                stream.flush()
                os.fsync(stream.fileno())
            digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()
            file = output.with_name(f"{output.stem}-{digest[:SHOWN_HASH]}.pth")
            put_in_place(unnamed, file)
        finally:
            unnamed.unlink(missing_ok=True)
    return file


def _entry(weights: Weights, configuration: dict[str, Any], kind: str, file: Path) -> dict[str, Any]:
    publication = configuration["publication"]
    return {
        "name": re.sub(r"[^a-z0-9_.-]+", "-", file.stem.lower()).lstrip("_.-"),
        "title": publication["title"],
        "file": file.name,
        "sha256": load_weights(file).sha256,
        "architecture": weights.architecture,
        "training_data": {"kind": kind, "description": publication["training_data"]},
        "licence": publication["licence"],
        "intended_use": publication["intended_use"],
        "inference": configuration["inference"],
    }


def _write_entry(entry: dict[str, Any], path: Path) -> Path:
    """Put the entry in place of one of the same name, or at the end of the catalogue."""
    document: dict[str, Any] = {"models": []}
    if path.exists():
        read_catalogue(path)  # refuses a wrong one
        document = json.loads(path.read_text(encoding="utf-8"))
    document["models"] = [model for model in document["models"] if model["name"] != entry["name"]] + [entry]
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        try:
            read_catalogue(temporary)
        except InputError as error:  # our own entry
            raise RibFracError(f"the entry of {entry['name']} is not valid: {error}") from error
    return path
