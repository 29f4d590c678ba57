"""What readers of tables share: their own names of columns, and cells of metrics of which less is better."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.data.metrics import check_more_is_better
from headstart.data.readers.reader import Given, ReadOptions
from headstart.data.readers.scores import points_down
from headstart.errors import InputError
from headstart.io.table import Cell, Table


def table_of(givens: Sequence[Given]) -> Table:
    """The table that a reader was given.

    Raises:
        InputError: If it is none.
    """
    (given,) = givens
    if given.table is None:
        raise given.table_error or InputError("must be a table of results", file=given.source)
    return given.table


def own_name(header: Sequence[str], words: Sequence[str]) -> str | None:
    """The file's own name of the first of ``words`` that is a column, in any case."""
    lower = {name.strip().lower(): name for name in reversed(header)}
    return next((lower[word] for word in words if word in lower), None)


def is_empty(cell: Cell) -> bool:
    """Whether a cell holds nothing."""
    return cell is None or cell == "" or (isinstance(cell, float) and cell != cell)


def turned_cell(cell: Cell, options: ReadOptions, as_text: bool) -> Cell:
    """A cell of which less is better turned round; what is no number stays as it is."""
    try:
        turned = options.turned(float(str(cell)))
    except ValueError:
        return cell  # the row complains
    return repr(turned) if as_text else turned


def turns_round(metric: str, options: ReadOptions, table: Table, column: str) -> bool:
    """Whether a metric is to be turned round.

    Raises:
        InputError: If less of it is better and that was not asked for.
    """
    if not points_down(metric):
        return False
    if not options.flip:
        check_more_is_better(metric, "metric", source=table.source, line=table.header, field=column)
    return True
