"""A table as it stands in a file, and what a format of tables is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from headstart.errors import InputError

Cell = object  # str in text tables; whatever the file says in typed ones; None where the cell is empty

Columns = Mapping[str, Sequence[str | float | int | None]]
"""Columns of equal length, by name: what is written."""

NESTED = ("outermost key", "next key", "third key", "fourth key", "fifth key")
"""Names of the columns that hold the keys of a nested document; as deep as one may be nested."""

VALUE = "value"
"""Name of the column that holds the numbers of a nested document."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as they stand in a file.

    Args:
        source: What to call the file in messages.
        text: Whether every cell is text, so that numbers are still to be read from it.
        columns: Names of the columns, as the file has them; one may stand there twice.
        rows: Row number (line of the file; in Parquet and JSON the row, from 1) and the cells by column.
        header: Row in which the columns are named; None where that is no row of its own.
        nested: Whether the rows are the numbers of a nested document: columns ``NESTED``, as many as it is deep, and
            ``VALUE``.
        problems: Rows that could not be read and are not among ``rows``.
    """

    source: str
    text: bool
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Cell]], ...]
    header: int | None = None
    nested: bool = False
    problems: tuple[InputError, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """One format of result files; see ``io.tables`` for how to register another.

    Args:
        name: What messages call it.
        read: Takes the bytes of a file, which are not blank, and what to call it in messages; raises InputError.
        write: Gives the bytes for columns of equal length; None for a format that is only read.
    """

    name: str
    read: Callable[[bytes, str], Table]
    write: Callable[[Columns], bytes] | None = None


def plain(cell: str | float | int | None) -> str | float | int | None:
    """Whole numbers without ``.0``, as people write steps; exact below 2**53."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell
