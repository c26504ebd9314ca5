"""Takes the names of patients, files and folders out of texts that are to leave this computer.

First what is known goes, then whatever looks like a path, then lone file names. A name may hold spaces, and
nothing tells where it begins or ends then, so rather a few words too many are taken, but never more than a
clause: what stands before or behind a colon, a semicolon or quotes stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from ..case.case_files import CaseFiles
from ..case.naming import IMAGE_EXTENSIONS

# Fewer letters stand for something else too often, such as "CT".
LEAST_LETTERS = 3
_EXACT_UP_TO = 3  # so many letters are compared with their case

_SUFFIXES = (
    r"raw|zraw|img|hdr|dcm|ima|mrb|mrml|vt[kp]|stl|tiff?|png|jpe?g|bmp|pdf|json|jsonl|csv|tsv|txt|xml|ya?ml|html?|"
    r"log|lock|md|docx?|xlsx?|pth|pt|ckpt|onnx|np[yz]|zip|gz|tar|tmp|bak|py"
)
_SUFFIX = re.compile(
    rf"(?:{'|'.join(map(re.escape, IMAGE_EXTENSIONS))}|\.(?:{_SUFFIXES}))(?![^\W_]|[\\/]|\.\w)", re.IGNORECASE
)
_NO_CASE = CaseFiles(Path(), "")
_CASE_SUFFIXES = tuple(
    path.name for path in (*_NO_CASE.output, _NO_CASE.review_log, _NO_CASE.review_lock, _NO_CASE.edited_mask)
)
# Where a clause may end: O'Brien is one word.
_DELIMITER = re.compile(r"(^\d\d:\d\d:\d\d |[:;](?=\s|$)|'(?!\w)|(?<!\w)'|\")")
_PATH_START = re.compile(
    r"(?<![A-Za-z])[A-Za-z]+://|(?<![A-Za-z])[A-Za-z]:[\\/]|\\\\|~[\\/]|<[a-z ]+>(?=[\\/])|(?<![\w.])/(?=\S)"
)
# Whoever looks into a fault needs to know where in which library it came up.
_SOFTWARE = re.compile(r"(?:site-packages|dist-packages|RibFrac(?:Detector|Training)Lib)(?!\w)[\w.+\\/-]*")
_WORD_AFTER_PATH = re.compile(r" (?:is|was|are|has|had|holds|does|did|can|cannot|could|will|must) ")
_RELATIVE = re.compile(r"\S*[\\/]\S+")
_CUT_WORD = re.compile(r"\S+…")


def redacted(text: str, known: Mapping[str, str]) -> str:
    """`text` without names.

    Args:
        known: what must not stay in the text, folders by their absolute paths and names, and what to write in
            their place, such as `<home>`.
    """
    text = unicodedata.normalize("NFC", text)
    usable = _longest_first(known)
    if usable:  # all at once, lest one is found in what stands for another
        pattern = "|".join(f"({_pattern(value)})" for value, _stand_in in usable)
        text = re.sub(pattern, lambda match: usable[match.lastindex - 1][1], text)
    return "\n".join(map(_line, text.split("\n")))


def _longest_first(known: Mapping[str, str]) -> list[tuple[str, str]]:
    usable = {
        unicodedata.normalize("NFC", value): stand_in
        for value, stand_in in known.items()
        if sum(map(str.isalnum, value)) >= LEAST_LETTERS
    }
    return sorted(usable.items(), key=lambda item: -len(item[0]))


def _pattern(value: str) -> str:
    """Finds a known value, however its parts are joined: files are named after volumes, with other signs."""
    is_path = bool(_PATH_START.match(value))
    parts = re.split(r"[\\/]+", value.rstrip("\\/")) if is_path else re.findall(r"[^\W_]+", value)
    pattern = (r"[\\/]+" if is_path else r"[\W_]{1,3}").join(map(re.escape, parts))
    if sum(map(str.isalnum, value)) > _EXACT_UP_TO:
        pattern = f"(?i:{pattern})"
    # An underscore joins words, so it does not belong to the name.
    return rf"(?<![^\W_]){pattern}(?![^\W_])"


def _line(line: str) -> str:
    return "".join(
        piece if place % 2 else _clause(piece) for place, piece in enumerate(_DELIMITER.split(line))
    )


def _clause(text: str) -> str:
    start = _PATH_START.search(text)
    if start is None:
        return _without_files(text)
    before, path = _without_files(text[: start.start()]), text[start.start() :]
    software = _SOFTWARE.search(path)
    if software is not None and not _data_file_in(software.group()):
        return before + software.group() + _clause(path[software.end() :])
    end = _end_of_path(path)
    folder = start.group() if start.group().startswith("<") else "<folder>"
    return f"{before}{folder}/{_file(path[:end])}{path[end:]}"


def _data_file_in(path: str) -> bool:
    return any(match.group().lower() != ".py" for match in _SUFFIX.finditer(path))


def _end_of_path(path: str) -> int:
    """Behind the last file name; a folder ends where the sentence goes on."""
    suffixes = list(_SUFFIX.finditer(path))
    if suffixes:
        return suffixes[-1].end()
    last = max(path.rfind("/"), path.rfind("\\"))
    after = _WORD_AFTER_PATH.search(path, last)
    return after.start() if after else len(path)


def _without_files(text: str) -> str:
    """A clause without an absolute path: up to its last file name, and words with separators."""
    suffixes = list(_SUFFIX.finditer(text))
    if suffixes:
        end = suffixes[-1].end()
        space = text[: len(text) - len(text.lstrip())]
        text = space + _file(text[:end]) + text[end:]
    return _CUT_WORD.sub("…", _RELATIVE.sub("<path>", text))


def _file(path: str) -> str:
    """What stands for a file; which kind it is stays."""
    own = next((suffix for suffix in _CASE_SUFFIXES if path.endswith(suffix)), None)
    if own is not None:
        return f"<case>{own}"
    suffix = next((match for match in _SUFFIX.finditer(path) if match.end() == len(path)), None)
    return f"<file>{suffix.group().lower()}" if suffix else "<path>"
