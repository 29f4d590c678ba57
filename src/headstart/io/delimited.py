"""Tables of text with a separator between the cells: CSV and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial

from headstart.errors import InputError
from headstart.io.table import Cell, Columns, Table, TableFormat, plain
from headstart.io.text import decode

SEPARATORS = (",", "\t", ";", "|")


def read_delimited(data: bytes, source: str, *, separator: str | None) -> Table:
    """Read a table whose first row names the columns; blank lines do not count.

    Args:
        data: UTF-8 text.
        source: What to call it in messages.
        separator: What stands between the cells; None to take the most frequent of ``SEPARATORS`` in the header.

    Raises:
        InputError: If it is no such table. Rows of another length than the header are problems of the table.
    """
    text = decode(data, source)
    if text.lstrip()[:1] in ("{", "[", "<"):
        begins = repr(text.lstrip()[:12])
        raise InputError(
            f"is not what its name says: it must be a table with a header, got a text that begins {begins}", file=source
        )
    mark = separator or _most_frequent(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    header: list[str] | None = None
    named_in = 1
    rows: list[tuple[int, Mapping[str, Cell]]] = []
    problems: list[InputError] = []
    try:
        for cells in reader:
            line = reader.line_num
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue  # a blank line
            if header is None:
                header, named_in = [cell.strip() for cell in cells], line
                _check_separator(header, mark, source)
            elif len(cells) != len(header):
                must = f"must have {len(header)} cells as the header has, got {len(cells)}"
                problems.append(InputError(must, file=source, row=line))
            else:
                rows.append((line, {name: cell or None for name, cell in zip(header, cells, strict=True)}))
    except csv.Error as error:
        problems.append(InputError(f"is not a well-formed table: {error}", file=source, row=reader.line_num))
    return Table(
        source=source,
        text=True,
        columns=tuple(header or ()),
        rows=tuple(rows),
        header=named_in,
        problems=tuple(problems),
    )


def write_delimited(columns: Columns, *, separator: str) -> bytes:
    """The columns as text; the same columns give the same bytes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n")
    writer.writerow(list(columns))
    for record in zip(*columns.values(), strict=True):
        writer.writerow(["" if cell is None else plain(cell) for cell in record])
    return buffer.getvalue().encode()


def _most_frequent(text: str) -> str:
    """The separator of the first line that is not blank, a comma where it has none."""
    first = next(line for line in text.splitlines() if line.strip())
    return max(SEPARATORS, key=first.count)  # the first of equals, so a comma


def _check_separator(header: Sequence[str], separator: str, source: str) -> None:
    if len(header) != 1:
        return
    for other in SEPARATORS:
        if other != separator and other in header[0]:
            raise InputError(
                f"cells must be separated by {separator!r}, got a header separated by {other!r}", file=source, row=1
            )


ANY_SEPARATOR = TableFormat(name="text", read=partial(read_delimited, separator=None))
"""For standard input, which has no name."""

CSV = TableFormat(
    name="CSV",
    read=partial(read_delimited, separator=","),
    write=partial(write_delimited, separator=","),
)
TSV = TableFormat(
    name="TSV",
    read=partial(read_delimited, separator="\t"),
    write=partial(write_delimited, separator="\t"),
)
