"""Files that a newer version of this program has written."""

from __future__ import annotations

from .errors import InputError


def refuse_newer(content: object, newest: int, where: object) -> None:
    """Refuse content whose `schema_version` this version does not know yet.

    Args:
        content: as JSON gives it; anything without a whole `schema_version` is left to the schema.
        newest: the version that is written now.
        where: of the content, for the message.

    Raises:
        InputError: it is of a newer format.
    """
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > newest:
        raise InputError(
            f"{where}: written by a newer RibFrac (format {version}, this version reads up to {newest}); "
            "update RibFrac"
        )
