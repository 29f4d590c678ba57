"""The table with a row for each model in a Markdown file, such as a README that holds a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headstart.errors import InputError
from headstart.io.markdown_tables import read_markdown_tables
from headstart.io.table import Cell, Table
from headstart.io.text import mixed_percentages, shown_number, suggestion

Headed = tuple[str, Table]
"""A table and the heading above it."""


def read_markdown_table(data: bytes, source: str, *, model: str = "model", heading: str | None = None) -> Table:
    r"""The one table of a Markdown file that has a column with the model.

    Numbers lose a percent sign and the error behind ``±``, of which no table says whether it is a standard error; names
    of models stay as they are. ``71.5%`` is read as 71.5: the range of the scores says that they are percentages. A
    column in which some numbers have a percent sign and others have none is a problem of the table.

    Args:
        data: UTF-8 text.
        source: What to call the file in messages.
        model: Name of the column with the model, in any case.
        heading: Above the table that is meant; needed where the file holds several with that column.

    Raises:
        InputError: If it holds no table, none under that heading, or several that may be meant.

    >>> text = b"# Scores\n\n| Model | law |\n| --- | --- |\n| **a** | 71.5 % |\n"
    >>> read_markdown_table(text, "README.md").rows
    ((5, {'Model': 'a', 'law': '71.5'}),)
    """
    tables = list(read_markdown_tables(data, source))
    if not tables:
        raise InputError("holds no table", file=source)
    with_models = [one for one in tables if any(_is_named(name, model) for name in one[1].columns)]
    found = _under(heading, tables, source) if heading is not None else with_models or tables
    if len(found) > 1:
        wanted = [one for one in found if one in with_models]
        found = wanted if len(wanted) == 1 else found
    if len(found) > 1:
        what = f'with a column "{model}"' if with_models else "of results"
        raise InputError(
            f"must hold one table {what}, got {_listed(found)}; --read heading=TEXT takes the one under that heading",
            file=source,
            row=found[1][1].header,
        )
    table = found[0][1]
    if not table.rows and not table.problems:
        raise InputError("holds a header but no rows", file=source, row=table.header)
    scores = [name for name in dict.fromkeys(table.columns) if not _is_named(name, model)]
    columns = ((name, [(number, row.get(name)) for number, row in table.rows]) for name in scores)
    mixed = [found.located(file=source) for name, cells in columns if (found := mixed_percentages(cells, name))]
    rows = tuple(
        (number, {name: cell if _is_named(name, model) else _number(cell) for name, cell in row.items()})
        for number, row in table.rows
    )
    return replace(table, rows=rows, problems=(*table.problems, *mixed))


def _is_named(name: str, wanted: str) -> bool:
    return name.strip().lower() == wanted.strip().lower()


def _under(heading: str, tables: Sequence[Headed], source: str) -> list[Headed]:
    found = [one for one in tables if one[0].casefold() == heading.strip().casefold()]
    if not found:
        near = suggestion(heading, [name for name, _ in tables])
        raise InputError(f"must hold a table under the heading {heading!r}{near}, got {_listed(tables)}", file=source)
    return found


def _listed(tables: Sequence[Headed]) -> str:
    shown = [f"{name or 'no heading'} (row {table.header})" for name, table in tables[:10]]
    return ", ".join(shown) + (f" and {len(tables) - 10} more" if len(tables) > 10 else "")


def _number(cell: Cell) -> Cell:
    return cell if not isinstance(cell, str) else shown_number(cell) or cell
