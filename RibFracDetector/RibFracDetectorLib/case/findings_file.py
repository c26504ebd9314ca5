"""Reading and writing `{case}_findings.json`, checked against its schema both ways."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from .errors import InputError, RibFracError
from .findings import SCHEMA_VERSION, CaseFindings
from .format_version import refuse_newer
from .resources import resource_path
from .whole_files import write_json

SCHEMA = "findings.schema.json"


def write_findings(path: Path, case: CaseFindings) -> None:
    """Write the findings, whole or not at all.

    Raises:
        RibFracError: the findings break the schema; nothing is written.
        InputError: see `whole_files.written_whole`.
    """
    content = case.to_json()
    fault = schema_fault(content)
    if fault:
        raise RibFracError(
            f"{path}: not written, the findings break their schema at {fault}; report this bug"
        )
    write_json(path, content)


def read_findings(path: Path) -> CaseFindings:
    """Read and check a findings file.

    Raises:
        InputError: missing, no JSON, made by a newer version, or not as the schema says; the message has the
            JSON pointer of what is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except ValueError as error:
        raise InputError(f"{path}: not a findings file ({error}); run ribfrac detect again") from None
    return parse_findings(text, str(path))


def parse_findings(text: str, name: str) -> CaseFindings:
    """The findings in the text of a findings file.

    Args:
        name: of the text, for messages.

    Raises:
        InputError: see `read_findings`.
    """
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not a findings file ({error}); run ribfrac detect again") from None
    refuse_newer(content, SCHEMA_VERSION, name)
    fault = schema_fault(content)
    if fault:
        raise InputError(f"{name}: not a valid findings file, at {fault}; run ribfrac detect again")
    return CaseFindings.from_json(content)


def schema_fault(content: Any) -> str | None:
    """JSON pointer and cause of the first thing in `content` that breaks the schema, None if nothing does."""
    errors = sorted(_validator().iter_errors(content), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        pointer = "".join(f"/{step}" for step in errors[0].absolute_path) or "/"
        return f"{pointer}: {errors[0].message[:200]}"
    ids = [finding["id"] for finding in content["findings"]]
    doubled = next((number for place, number in enumerate(ids) if number in ids[:place]), None)
    return None if doubled is None else f"/findings: the id {doubled} occurs twice"


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = json.loads(resource_path(SCHEMA).read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
