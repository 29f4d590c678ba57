"""Published scores as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from headstart.board.server import tables

COLUMNS = ("benchmark", "model", "step", "score", "stderr", "n_items", "seed", "cost_per_step", "outcome", "plan_hash")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def published_rows(connection: Connection, protocol_id: str | None = None) -> list[dict[str, Any]]:
    """Rows of the trajectories of every model in the ranking (of one protocol, if given), by number and step.

    ``model`` is the name in the ranking and ``plan_hash`` the protocol's, since scores can be compared under one
    protocol only.
    """
    submission, result = tables.submission, tables.result
    statement = (
        select(submission.c.name, result.c.trajectories, result.c.protocol_hash)
        .join(result, result.c.submission_id == submission.c.id)
        .where(submission.c.state == "published")
        .order_by(submission.c.number)
    )
    if protocol_id is not None:
        statement = statement.where(submission.c.protocol_id == protocol_id)
    return [
        {**{column: row.get(column) for column in COLUMNS}, "model": name, "plan_hash": protocol_hash}
        for name, rows, protocol_hash in connection.execute(statement).all()
        for row in rows
    ]


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: text that starts like one gets an apostrophe in front.

    >>> csv_cell("=1+1"), csv_cell("model"), csv_cell(-0.5), csv_cell(None)
    ("'=1+1", 'model', -0.5, '')
    """
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def rows_as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(row.get(column)) for column in COLUMNS] for row in rows)
    return buffer.getvalue()
