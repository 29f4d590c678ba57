"""Tables in JSON: one object a line, records, columns, or numbers nested under keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from headstart.errors import InputError
from headstart.io.documents import parse_json
from headstart.io.table import NESTED, VALUE, Cell, Columns, Table, TableFormat, plain
from headstart.io.text import decode

Record = dict[str, Cell]


def json_objects(text: str, source: str) -> Iterator[tuple[int, Record]]:
    """The objects of a text with one a line, each with the number of its line.

    Raises:
        InputError: If a line is no JSON object.
    """
    for row, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except RecursionError:
            raise InputError("is nested too deeply", file=source, row=row) from None
        except ValueError as error:
            raise InputError(f"must be a JSON object, got {line[:40]!r} ({error})", file=source, row=row) from None
        if not isinstance(record, dict):
            raise InputError(f"must be a JSON object, got {line[:40]!r}", file=source, row=row)
        yield row, cast("Record", record)


def read_json_lines(data: bytes, source: str) -> Table:
    """Read a table of one JSON object a line.

    Raises:
        InputError: If a line is no JSON object.
    """
    rows = list(json_objects(decode(data, source), source))
    return Table(source=source, text=False, columns=_names(rows), rows=tuple(rows), header=rows[0][0] if rows else None)


def read_json_table(data: bytes, source: str) -> Table:
    """Read a JSON document: a list of objects, an object of columns, or numbers nested under keys.

    NaN, which Python writes for a missing number, is an empty cell.

    Raises:
        InputError: If it is none of these.
    """
    text = decode(data, source)
    try:
        document = parse_json(text, allow_nan=True)
    except RecursionError:
        raise InputError("is nested too deeply", file=source) from None
    except ValueError as error:
        raise InputError(f"is not well-formed JSON: {error}", file=source) from None
    if isinstance(document, list):
        return _records(cast("list[object]", document), source)
    if not isinstance(document, dict):
        raise InputError(f"must hold a list or an object, got {text.strip()[:40]!r}", file=source)
    found = cast("Record", document)
    if found and all(isinstance(value, list) for value in found.values()):
        return _from_columns(cast("dict[str, list[Cell]]", found), source)
    if found and not any(isinstance(value, (dict, list)) for value in found.values()):
        return _records([found], source)
    return _nested(found, source)


def _records(items: Sequence[object], source: str) -> Table:
    problems: list[InputError] = []
    rows: list[tuple[int, Record]] = []
    for row, item in enumerate(items, start=1):
        if isinstance(item, dict):
            rows.append((row, {name: _without_nan(cell) for name, cell in cast("Record", item).items()}))
        else:
            problems.append(InputError(f"must be a JSON object, got {str(item)[:40]!r}", file=source, row=row))
    return Table(source=source, text=False, columns=_names(rows), rows=tuple(rows), problems=tuple(problems))


def _from_columns(columns: Mapping[str, Sequence[Cell]], source: str) -> Table:
    if set(columns) == {"columns", "data"}:  # as data frames are written: names, then a list for each row
        return _split(columns["columns"], columns["data"], source)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(f"columns must be equally long, got: {shown}", file=source)
    names = list(columns)
    records = [dict(zip(names, map(_without_nan, cells), strict=True)) for cells in zip(*columns.values(), strict=True)]
    return Table(source=source, text=False, columns=tuple(names), rows=tuple(enumerate(records, start=1)))


def _split(names: Sequence[Cell], data: Sequence[Cell], source: str) -> Table:
    header = [str(name) for name in names]
    problems: list[InputError] = []
    rows: list[tuple[int, Record]] = []
    for row, cells in enumerate(data, start=1):
        if isinstance(cells, list) and len(cast("list[Cell]", cells)) == len(header):
            rows.append((row, dict(zip(header, map(_without_nan, cast("list[Cell]", cells)), strict=True))))
        else:
            problems.append(InputError(f"must be a list of {len(header)} cells", file=source, row=row))
    return Table(source=source, text=False, columns=tuple(header), rows=tuple(rows), problems=tuple(problems))


def _nested(document: Record, source: str) -> Table:
    """The numbers of a nested document, with their keys; a branch without numbers is left out."""
    found = list(_leaves(document, (), source))
    depths = sorted({len(path) for path, _ in found})
    if not found:
        raise InputError("holds no numbers", file=source)
    width = depths[-1]
    columns = (*NESTED[:width], VALUE)
    rows: list[Record] = []
    for path, value in found:
        padded = (*path, *[None] * (width - len(path)))
        rows.append({**dict(zip(NESTED, padded, strict=False)), VALUE: value})
    return Table(
        source=source, text=False, columns=columns, rows=tuple(enumerate(rows, start=1)), nested=True, header=None
    )


def _leaves(node: Record, path: tuple[str, ...], source: str) -> Iterator[tuple[tuple[str, ...], Cell]]:
    for key, value in node.items():
        here = (*path, key)
        if isinstance(value, dict):
            if len(here) == len(NESTED):
                raise InputError(f"must be nested at most {len(NESTED)} deep", file=source, field=".".join(here))
            yield from _leaves(cast("Record", value), here, source)
        else:
            yield here, _without_nan(value)


def _without_nan(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and cell != cell else cell


def _names(rows: Sequence[tuple[int, Record]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, record in rows for name in record))


def write_json_lines(columns: Columns) -> bytes:
    """One object a line; the same columns give the same bytes."""
    return "".join(line + "\n" for line in _objects(columns)).encode()


def write_json_records(columns: Columns) -> bytes:
    """A list of objects, one a line."""
    return ("[\n" + ",\n".join(_objects(columns)) + "\n]\n").encode()


def _objects(columns: Columns) -> Iterator[str]:
    for record in zip(*columns.values(), strict=True):
        cells = dict(zip(columns, map(plain, record), strict=True))
        yield json.dumps(cells, ensure_ascii=False, allow_nan=False)


JSON_LINES = TableFormat(name="JSON lines", read=read_json_lines, write=write_json_lines)
JSON = TableFormat(name="JSON", read=read_json_table, write=write_json_records)
