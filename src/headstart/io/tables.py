"""Tables in CSV, TSV, JSON lines and Parquet, read so that every complaint can name its row."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from headstart.errors import InputError
from headstart.io.atomic import write_bytes, write_text
from headstart.io.documents import parse_json
from headstart.io.text import STDIN, binary_kind, decode, read_bytes, suggestion

Cell = object  # str in text tables; whatever the file says in typed ones; None where the cell is empty

SUFFIXES = {".csv": "CSV", ".tsv": "TSV", ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".parquet": "Parquet"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as they stand in a file.

    Args:
        source: What to call the file in messages.
        text: Whether every cell is text (CSV, TSV), so that numbers are still to be read from it.
        rows: Row number (line of the file; in Parquet the row, from 1) and the cells by column.
    """

    source: str
    text: bool
    rows: tuple[tuple[int, Mapping[str, Cell]], ...]


def read_table(path: str | os.PathLike[str], *, required: Sequence[str], optional: Sequence[str]) -> Table:
    """Read a table whose format its suffix names; ``"-"`` is CSV on standard input.

    Args:
        path: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
        required: Columns that must be there.
        optional: Columns that may be there; any other is an error.

    Raises:
        InputError: If the file cannot be read, is not what its suffix says, is empty, is ragged or lacks a
            column, with its row where there is one.
    """
    source = "standard input" if os.fspath(path) == STDIN else os.fspath(path)
    kind = "CSV" if os.fspath(path) == STDIN else _kind(path)
    data = read_bytes(path)
    columns = _Columns(source=source, required=tuple(required), optional=tuple(optional))
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError(f"is empty; a {kind} table with the columns {columns.listed()} is needed", file=source)
    if kind == "Parquet":
        rows = _parquet_rows(data, columns)
    elif kind == "JSON lines":
        rows = _json_rows(decode(data, source), columns)
    else:
        rows = _delimited_rows(decode(data, source), "," if kind == "CSV" else "\t", columns)
    table = Table(source=source, text=kind in ("CSV", "TSV"), rows=tuple(rows))
    if not table.rows:
        raise InputError("holds a header but no rows", file=source)
    return table


def write_table(path: str | os.PathLike[str], columns: Mapping[str, Sequence[str | float | int | None]]) -> None:
    """Write columns of equal length in the format the suffix names; the same columns give the same bytes.

    Raises:
        InputError: If the suffix is not one of ``SUFFIXES`` or the file cannot be written.
    """
    kind = _kind(path)
    if kind == "Parquet":
        import polars as pl  # here, because it takes longer to import than most commands run

        stream = io.BytesIO()
        pl.DataFrame({name: list(values) for name, values in columns.items()}).write_parquet(stream)
        write_bytes(path, stream.getvalue())
        return
    names = list(columns)
    records = [[_plain(cell) for cell in record] for record in zip(*columns.values(), strict=True)]
    if kind == "JSON lines":
        lines = (
            json.dumps(dict(zip(names, record, strict=True)), ensure_ascii=False, allow_nan=False) for record in records
        )
        write_text(path, "".join(line + "\n" for line in lines))
    else:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter="," if kind == "CSV" else "\t", lineterminator="\n")
        writer.writerow(names)
        writer.writerows([["" if cell is None else cell for cell in record] for record in records])
        write_text(path, buffer.getvalue())


def _plain(cell: str | float | int | None) -> str | float | int | None:
    """Whole numbers without ``.0``, as people write steps; exact below 2**53."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell


@dataclass(frozen=True, kw_only=True)
class _Columns:
    source: str
    required: tuple[str, ...]
    optional: tuple[str, ...]

    def listed(self) -> str:
        return ", ".join(self.required) + (f" and optionally {', '.join(self.optional)}" if self.optional else "")

    def check(self, names: Sequence[str], *, row: int | None = None) -> None:
        """Raise unless ``names`` are the required columns and some of the optional ones, each once."""
        known = (*self.required, *self.optional)
        for name in names:
            if name not in known:
                raise InputError(
                    f'unknown column "{name}"{suggestion(name, known)}; known columns: {", ".join(known)}',
                    file=self.source,
                    row=row,
                )
            if names.count(name) > 1:
                raise InputError(f'the column "{name}" appears {names.count(name)} times', file=self.source, row=row)
        missing = [name for name in self.required if name not in names]
        if missing:
            raise InputError(
                f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; got {', '.join(names)}",
                file=self.source,
                row=row,
            )


def _kind(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"the name must end in one of {', '.join(SUFFIXES)}, got {suffix!r}", file=os.fspath(path))
    return SUFFIXES[suffix]


def _delimited_rows(text: str, separator: str, columns: _Columns) -> Iterator[tuple[int, Mapping[str, Cell]]]:
    if text.lstrip()[:1] in ("{", "[", "<"):
        begins = repr(text.lstrip()[:12])
        raise InputError(
            f"is not what its name says: it must be a table with a header, got a text that begins {begins}",
            file=columns.source,
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue  # a blank line
            if header is None:
                header = [cell.strip() for cell in cells]
                _check_separator(header, separator, columns.source)
                columns.check(header, row=reader.line_num)
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"must have {len(header)} cells as the header has, got {len(cells)}",
                    file=columns.source,
                    row=reader.line_num,
                )
            yield reader.line_num, {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise InputError(f"is not a well-formed table: {error}", file=columns.source, row=reader.line_num) from None


def _check_separator(header: Sequence[str], separator: str, source: str) -> None:
    if len(header) != 1:
        return
    for other in (",", "\t", ";", "|"):
        if other != separator and other in header[0]:
            raise InputError(
                f"cells must be separated by {separator!r}, got a header separated by {other!r}", file=source, row=1
            )


def _json_rows(text: str, columns: _Columns) -> Iterator[tuple[int, Mapping[str, Cell]]]:
    for row, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except RecursionError:
            raise InputError("is nested too deeply", file=columns.source, row=row) from None
        except ValueError as error:
            raise InputError(
                f"must be a JSON object, got {line[:40]!r} ({error})", file=columns.source, row=row
            ) from None
        if not isinstance(record, dict):
            raise InputError(f"must be a JSON object, got {line[:40]!r}", file=columns.source, row=row)
        cells = cast("dict[str, Cell]", record)
        columns.check(list(cells), row=row)
        yield row, cells


def _parquet_rows(data: bytes, columns: _Columns) -> Iterator[tuple[int, Mapping[str, Cell]]]:
    if binary_kind(data) != "Parquet":
        raise InputError("is not what its name says: it must be a Parquet file", file=columns.source)
    import polars as pl  # here, because it takes longer to import than most commands run

    try:
        frame = pl.read_parquet(io.BytesIO(data))
        columns.check(frame.columns)
        records = frame.rows(named=True)
    except InputError:
        raise
    # polars reports some damaged files by a panic, which is not an Exception
    except (Exception, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"is a damaged Parquet file: {reason}", file=columns.source) from None
    yield from enumerate(records, start=1)
