"""What every reader here needs: the bytes of a file, their text, and help with misspelt words."""

from __future__ import annotations

import difflib
import os
import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from headstart.errors import InputError

STDIN = "-"

MOST_BYTES = 512 << 20
"""Largest file that is read whole."""

_MAGIC = (
    (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


_SHOWN = re.compile(r"^([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(?:%\s*)?(?:(?:±|\+/-|\+-).*)?$")


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a file, or of standard input when ``path`` is ``"-"``.

    Raises:
        InputError: If there is no such file, it is a folder, it is larger than ``MOST_BYTES``, or it cannot be read.
    """
    if os.fspath(path) == STDIN:
        return _not_larger(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input")
    try:
        with Path(path).open("rb") as stream:
            return _not_larger(stream.read(MOST_BYTES + 1), os.fspath(path))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("does not exist", file=os.fspath(path)) from None
    except IsADirectoryError:
        raise InputError("must be a file, got a folder", file=os.fspath(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {reason}", file=os.fspath(path)) from error


def _not_larger(data: bytes, source: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise InputError(f"must be at most {MOST_BYTES >> 20} MiB, got more", file=source)
    return data


def binary_kind(data: bytes) -> str | None:
    """What well-known binary format ``data`` is in, or None."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def decode(data: bytes, source: str) -> str:
    """The UTF-8 text in ``data``, without a byte-order mark.

    Raises:
        InputError: If the bytes are another format or not UTF-8, with the line of the first bad byte.
    """
    if kind := binary_kind(data):
        raise InputError(f"is not what its name says: it must be UTF-8 text, got {kind}", file=source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"must be UTF-8 text, got byte 0x{data[error.start]:02x}; save the file as UTF-8", file=source, row=row
        ) from None


def shown_number(cell: str) -> str | None:
    """The number in a cell that is made for people, without its percent sign and the error behind it; None if none is.

    >>> shown_number("−71.3 % ± 0.4")
    '-71.3'
    """
    match = _SHOWN.match(cell.strip().replace("−", "-"))
    return None if match is None else match.group(1)


def mixed_percentages(cells: Iterable[tuple[int, object]], field: str) -> InputError | None:
    """A complaint about the first number of a column that has a percent sign where others have none, or none beside it.

    Args:
        cells: Row and cell; cells that are no text with a number do not count.
        field: Name of the column.

    >>> print(mixed_percentages([(3, "71.5%"), (4, "-"), (5, "0.705")], "law"))
    row 5, field law: must all be percentages or none, got '0.705' beside '71.5%'
    """
    first: str | None = None
    for row, cell in cells:
        if not isinstance(cell, str) or shown_number(cell) is None:
            continue
        first = first or cell
        if ("%" in cell) != ("%" in first):
            must = f"must all be percentages or none, got {cell.strip()[:40]!r} beside {first.strip()[:40]!r}"
            return InputError(must, row=row, field=field)
    return None


def suggestion(word: str, known: Iterable[str]) -> str:
    """``'; did you mean "model"?'`` when one of ``known`` is close to ``word``, else nothing.

    >>> suggestion("Models", ["model", "score"])
    '; did you mean "model"?'
    """
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.strip().lower(), list(by_lower), n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""


def check_name(name: object, field: str) -> str:
    """``name`` itself when it is text that survives every format and terminal.

    Raises:
        InputError: If it is not text, empty, padded with blanks, or holds control characters.
    """
    if not isinstance(name, str):
        raise InputError(f"{field} must be text, got {name!r}", field=field)
    if not name.strip():
        raise InputError(f"{field} must not be empty, got {name!r}", field=field)
    if name != name.strip():
        raise InputError(f"{field} must not begin or end with blanks, got {name!r}", field=field)
    if not name.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InputError(f"{field} must not hold control characters, got {name!r}", field=field)
    return name
