"""From a name or file and arguments to a configuration that is whole, typed and checked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.settings import InferenceSettings, resolve_settings

from .choices import Part, PartKind, find_factory, parameter_model, parameter_values
from .faults import ConfigurationError, Origins, checked, set_by
from .files import KeyPath, Tree, command_line_origin, find_configuration, with_string_keys
from .layers import Composition, command_line_layer, compose_file
from .schema import Choice, Configuration

NORMALISATION = ("clip", "subtract", "divide")
NATIVE = {"target_spacings": [None], "flips": []}
"""Validation sees scans at their own spacing, unflipped (spec 9.1)."""


@dataclass(frozen=True)
class LoadedConfiguration:
    """A checked configuration.

    Attributes:
        name: of the experiment; its run folder is `work_dirs/{name}` by default.
        values: every key but the parameters of parts.
        parts: by key; the callbacks are `callbacks.0`, `callbacks.1` and so on.
        inference: settings of detection with the trained weights.
        plain: the resolved whole, as it is printed and saved.
    """

    name: str
    values: Configuration
    parts: Mapping[str, Part]
    inference: InferenceSettings
    plain: Tree

    def as_yaml(self) -> str:
        """The resolved whole; as a file it gives the same configuration again."""
        return OmegaConf.to_yaml(OmegaConf.create(self.plain))

    @property
    def validation_inference(self) -> InferenceSettings:
        """`inference` for whole scans as they are."""
        return resolve_settings("standard", {**self.plain["inference"], **NATIVE})

    def part(self, key: str) -> Part:
        """A part that every configuration has."""
        return self.parts[key]

    @property
    def callback_parts(self) -> list[Part]:
        """The callbacks, in their order."""
        return [part for key, part in self.parts.items() if key.startswith("callbacks.")]


def load_configuration(
    name_or_path: str, overrides: Sequence[str], kinds: Mapping[str, PartKind]
) -> LoadedConfiguration:
    """Compose, resolve and check a configuration.

    Args:
        name_or_path: a shipped name, or a YAML file.
        overrides: `key=value` and `~key`.
        kinds: the exchangeable parts, by key.

    Raises:
        InputError: what is wrong, with key, origin and nearest valid key; see `faults`.
    """
    path = find_configuration(name_or_path, Path.cwd())
    composed = compose_file(path)
    composed.lay(command_line_layer(overrides))
    tree = _with_default_names(_resolved(composed))
    values = checked(Configuration, tree, (), composed.origins)
    assert isinstance(values, Configuration)
    parts = _parts(values, kinds, composed.origins)
    plain = values.model_dump(mode="json")
    for key, part in parts.items():
        entry = {"name": part.name, **part.plain}
        if key.startswith("callbacks."):
            plain["callbacks"][int(key.partition(".")[2])] = entry
        else:
            plain[key] = entry
    plain["inference"] = {**_as_trained(parts["augmentation"]), **values.inference}
    inference = _inference(plain["inference"], composed.origins)
    return LoadedConfiguration(path.stem, values, parts, inference, with_string_keys(plain))


def _resolved(composed: Composition) -> Tree:
    """The tree with `${other.key}` replaced."""
    try:
        container = OmegaConf.to_container(
            OmegaConf.create(composed.tree), resolve=True, throw_on_missing=True
        )
    except OmegaConfBaseException as error:
        key = str(error.full_key or "")
        where = set_by(tuple(key.split(".")), composed.origins)
        raise InputError(
            f"configuration: {key or 'a value'}{where}: {str(error.msg).splitlines()[0]}"
        ) from None
    assert isinstance(container, dict)
    return container


def _with_default_names(tree: Tree) -> Tree:
    """A part whose name nobody gives is the default one, with other parameters."""
    named = dict(tree)
    for key, field in Configuration.model_fields.items():
        if isinstance(field.default, Choice) and isinstance(tree.get(key), dict):
            named[key] = {"name": field.default.name, **tree[key]}
    return named


def _parts(values: Configuration, kinds: Mapping[str, PartKind], origins: Origins) -> dict[str, Part]:
    faults: list[str] = []
    parts: dict[str, Part] = {}
    for path, kind, choice in _choices(values, kinds):
        try:
            parts[".".join(path)] = _part(path, kind, choice, origins)
        except ConfigurationError as error:
            faults += error.faults
    if faults:
        raise ConfigurationError(faults)
    return parts


def _choices(values: Configuration, kinds: Mapping[str, PartKind]) -> list[tuple[KeyPath, PartKind, Choice]]:
    found: list[tuple[KeyPath, PartKind, Choice]] = []
    for key, kind in kinds.items():
        value = getattr(values, key)
        if isinstance(value, Choice):
            found.append(((key,), kind, value))
        elif isinstance(value, list):
            found += [((key, str(index)), kind, choice) for index, choice in enumerate(value)]
    return found


def _part(path: KeyPath, kind: PartKind, choice: Choice, origins: Origins) -> Part:
    where = set_by((*path, "name"), origins)
    origin = origins.get((*path, "name")) or origins.get(path[:1]) or command_line_origin()
    try:
        name, factory = find_factory(kind, choice.name, origin.folder)
    except InputError as error:
        raise ConfigurationError([f"{'.'.join(path)}.name{where}: {error}"]) from None
    model = parameter_model(factory, kind.given)
    given = choice.model_extra or {}
    parameters = checked(model, given, path, origins)
    values = _values(factory, parameters, path, origins)
    return Part(name, factory, values, parameters.model_dump(mode="json"))


def _values(factory: Any, parameters: BaseModel, path: KeyPath, origins: Origins) -> dict[str, Any]:
    """Parameters for `factory`; a plain record of settings is made once, because it checks ranges itself."""
    try:
        values = parameter_values(factory, parameters)
        if dataclasses.is_dataclass(factory):
            factory(**values)
        return values
    except (InputError, ValueError, TypeError) as error:
        named = next(
            (key for key in type(parameters).model_fields if re.search(rf"\b{key}\b", str(error))), None
        )
        key = path if named is None else (*path, named)
        raise ConfigurationError([f"{'.'.join(key)}{set_by(key, origins)}: {error}"]) from None


def _as_trained(augmentation: Part) -> Tree:
    """Settings of inference that follow from training: window and normalisation."""
    plain = augmentation.plain
    intensity = plain.get("intensity", {})
    found = {"roi_size": plain.get("patch_size"), **{key: intensity.get(key) for key in NORMALISATION}}
    return {key: value for key, value in found.items() if value is not None}


def _inference(block: Mapping[str, Any], origins: Origins) -> InferenceSettings:
    faults: list[str] = []
    for key, value in block.items():  # one by one: a message may name other settings, too
        try:
            resolve_settings("standard", {key: value})
        except InputError as error:
            text = str(error).removeprefix("the model's inference block: ")
            faults.append(f"inference.{key}{set_by(('inference', key), origins)}: {text}")
    if faults:
        raise ConfigurationError(faults)
    return resolve_settings("standard", block)
