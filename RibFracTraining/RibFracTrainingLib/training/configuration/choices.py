"""Parts chosen by name, or a user's own class: `name` plus the parameters of whatever the name means.

A part is made by a factory (a class or function). Its parameters are those of its signature; their types are
checked by pydantic before anything is made, for built-in factories and for users' classes alike. Parameters
that only the loop knows (the head, the number of steps) are `given`: no key of the configuration sets them.
A name with a colon is a user's own: `path/to/file.py:ClassName`, or `package.module:ClassName`.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from RibFracDetectorLib.case.errors import InputError

Factory = Callable[..., Any]
STRICT = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True, protected_namespaces=())
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class PartKind:
    """One exchangeable part of a training.

    Attributes:
        built_in: factories by name.
        given: parameters that the loop passes to those factories that ask for them.
    """

    built_in: Mapping[str, Factory]
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Part:
    """A factory with checked parameters.

    Attributes:
        name: as saved with the run: a built-in's name, or an absolute path and a class.
        factory: makes the part.
        parameters: from the configuration, defaults included.
        plain: the parameters as they are written in YAML.
    """

    name: str
    factory: Factory
    parameters: Mapping[str, Any]
    plain: Mapping[str, Any]

    def build(self, **given: Any) -> Any:
        """Make the part; of `given`, the factory gets what its signature names."""
        wanted = inspect.signature(self.factory).parameters
        return self.factory(
            **self.parameters, **{key: value for key, value in given.items() if key in wanted}
        )


def find_factory(kind: PartKind, name: str, folder: Path) -> tuple[str, Factory]:
    """The factory that a name means, and the name under which every folder finds it.

    Args:
        folder: what the path of a user's file is relative to.

    Raises:
        InputError: no such built-in, file or class.
    """
    if ":" in name:
        return _own_factory(name, folder)
    if name not in kind.built_in:
        near = difflib.get_close_matches(name, kind.built_in, n=1)
        known = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(kind.built_in))}"
        raise InputError(f"found {name}, {known} (a class of your own is path/to/file.py:ClassName)")
    return name, kind.built_in[name]


def parameter_model(factory: Factory, given: frozenset[str]) -> type[BaseModel]:
    """A pydantic model of the parameters that a configuration may set; records inside become models too."""
    hints = _hints(factory)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind not in _KEYWORD or name in given:
            continue
        hint = hints.get(name, Any)
        default = _default(factory, name, parameter)
        if dataclasses.is_dataclass(hint):
            hint = parameter_model(hint, frozenset())
            default = Field(default_factory=hint)
        fields[name] = (hint, default)
    return create_model(getattr(factory, "__name__", "Parameters"), __config__=STRICT, **fields)


def parameter_values(factory: Factory, model: BaseModel) -> dict[str, Any]:
    """The checked parameters as `factory` takes them: models of records become records again."""
    hints = _hints(factory)
    values = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            value = hints[name](**parameter_values(hints[name], value))
        values[name] = value
    return values


def _default(factory: Factory, name: str, parameter: inspect.Parameter) -> Any:
    if dataclasses.is_dataclass(factory):
        declared = next(field for field in dataclasses.fields(factory) if field.name == name)
        if declared.default_factory is not dataclasses.MISSING:
            return Field(default_factory=declared.default_factory)
    return ... if parameter.default is inspect.Parameter.empty else parameter.default


def _hints(factory: Factory) -> dict[str, Any]:
    """Types of the parameters; none where a user's annotations cannot be read."""
    # A record's annotations are looked up in the modules of the classes that declare them.
    is_plain_class = inspect.isclass(factory) and not dataclasses.is_dataclass(factory)
    target = factory.__init__ if is_plain_class else factory
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError):
        return {}


def _own_factory(name: str, folder: Path) -> tuple[str, Factory]:
    where, _, attribute = name.rpartition(":")
    if not where or not attribute:
        raise InputError(f"found {name}, expected path/to/file.py:ClassName or package.module:ClassName")
    if where.endswith(".py"):
        path = (folder / where).resolve()
        module = _module_of_file(path)
        name = f"{path}:{attribute}"
    else:
        try:
            module = importlib.import_module(where)
        except Exception as error:  # whatever a user's module raises
            cause = f"{type(error).__name__}: {error}"
            raise InputError(f"the module {where} cannot be imported: {cause}") from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        own = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        near = difflib.get_close_matches(attribute, own, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"{where} has no class {attribute}{hint}")
    return name, factory


def _module_of_file(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    name = f"ribfrac_user_{path.stem}_{abs(hash(str(path))):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that pickles made in workers find the class
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's file raises
        del sys.modules[name]
        raise InputError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module
