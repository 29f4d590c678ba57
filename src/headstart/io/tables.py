"""Tables of results in every known format: one registry of readers and writers.

A format is one ``TableFormat`` under the end of the names of its files, without the dot.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from headstart.errors import InputError
from headstart.io.atomic import write_bytes
from headstart.io.delimited import ANY_SEPARATOR, CSV, TSV
from headstart.io.documents import parse_json
from headstart.io.json_tables import JSON, JSON_LINES
from headstart.io.parquet import PARQUET
from headstart.io.table import Columns, Table, TableFormat
from headstart.io.text import STDIN, binary_kind, read_bytes
from headstart.registry import Registry


def _complaint(found: object) -> str | None:
    return None if isinstance(found, TableFormat) else f"must be a TableFormat, got {found!r}"


FORMATS: Registry[TableFormat] = Registry(
    "format of result files",
    group="headstart.formats",
    members={
        "csv": CSV,
        "tsv": TSV,
        "jsonl": JSON_LINES,
        "ndjson": JSON_LINES,
        "parquet": PARQUET,
        "json": JSON,
    },
    complaint=_complaint,
)
"""Formats by the end of the names of their files, in lower case, without the dot.

Packages add theirs under the entry-point group ``headstart.formats``.
"""


def format_of(path: str | os.PathLike[str]) -> TableFormat:
    """The format that the end of a file's name stands for; the longest end that is known.

    Raises:
        InputError: If there is none, or the package that offers it does not load.

    >>> format_of("results.csv").name
    'CSV'
    """
    name, known = os.fspath(path).lower(), FORMATS.names()
    fitting = [suffix for suffix in known if name.endswith(f".{suffix}")]
    if not fitting:
        listed = ", ".join(f".{suffix}" for suffix in known)
        raise InputError(f"the name must end in one of {listed}, got {Path(path).suffix!r}", file=os.fspath(path))
    return FORMATS[max(fitting, key=len)]


def read_table(given: object, data: bytes | None = None) -> Table:
    """Read a table from a file, standard input or a data frame.

    Args:
        given: A path, whose end names the format; ``"-"`` for standard input, whose format and separator are
            recognised; or a data frame of polars or pandas.
        data: The bytes of the file, where they were read before.

    Raises:
        InputError: If it cannot be read, is not what its name says, or holds no rows.
    """
    if not isinstance(given, (str, os.PathLike)):
        return _of_frame(given)
    path = cast("str | os.PathLike[str]", given)
    from_stdin = os.fspath(path) == STDIN
    source = "standard input" if from_stdin else os.fspath(path)
    known = None if from_stdin else format_of(path)
    data = read_bytes(path) if data is None else data
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError("is empty; a table of results is needed", file=source)
    table = (known or _recognise(data)).read(data, source)
    if not table.rows and not table.problems:
        raise InputError("holds a header but no rows", file=source)
    return table


def write_table(path: str | os.PathLike[str], columns: Columns) -> None:
    """Write columns of equal length in the format the suffix names; the same columns give the same bytes.

    Raises:
        InputError: If there is no such format, it is only read, or the file cannot be written.
    """
    known = format_of(path)
    if known.write is None:
        raise InputError(f"{known.name} files are read, not written", file=os.fspath(path))
    write_bytes(path, known.write(columns))


def _recognise(data: bytes) -> TableFormat:
    """The format of standard input."""
    if binary_kind(data) == "Parquet":
        return PARQUET
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"[":
        return JSON
    if text[:1] != b"{":
        return ANY_SEPARATOR
    first, _, rest = text.partition(b"\n")
    try:
        parse_json(first.decode())
    except (ValueError, RecursionError):
        return JSON  # an object over several lines
    return JSON_LINES if rest.strip() else JSON


def _of_frame(frame: Any) -> Table:
    """A data frame, known by what it can do: polars has ``to_dicts``, pandas ``to_dict``."""
    if hasattr(frame, "to_dicts"):
        records = cast("list[Mapping[str, object]]", frame.to_dicts())
    elif hasattr(frame, "to_dict") and hasattr(frame, "columns"):
        named = frame.rename(columns=str)
        records = cast("list[Mapping[str, object]]", named.astype(object).where(named.notna(), None).to_dict("records"))
    else:
        raise InputError(f"results must be a path or a data frame, got {type(frame).__name__}")
    rows = tuple((row, {str(name): _plain(cell) for name, cell in one.items()}) for row, one in enumerate(records, 1))
    if not rows:
        raise InputError("holds a header but no rows", file="data frame")
    return Table(source="data frame", text=False, columns=tuple(rows[0][1]), rows=rows)


def _plain(cell: Any) -> object:
    """Numbers of numpy as those of Python."""
    return cell.item() if hasattr(cell, "item") and not isinstance(cell, (str, bytes)) else cell
