"""How often a team may try, and how often the same weights are measured: counted in rows that are locked."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from headstart.board.server import tables
from headstart.board.server.store import Transaction


def take(write: Transaction, *, protocol_id: str, subject: str, limit: int, period: int) -> str | None:
    """Take one attempt; the name of the row it was taken from, or None when all are used.

    The row is locked until the transaction ends, so that requests which arrive together are counted one by one.

    Args:
        limit: For a row that is made now; one that is there keeps its own, which an administrator may have changed.
    """
    table = tables.quota
    row = write.connection.execute(
        select(table)
        .where(table.c.protocol_id == protocol_id, table.c.subject == subject, table.c.period == period)
        .with_for_update()
    ).one_or_none()
    if row is None:
        name = tables.new_id("q")
        write.connection.execute(
            insert(table).values(id=name, protocol_id=protocol_id, subject=subject, period=period, limit=limit, used=1)
        )
        return name
    if row.used >= row.limit:
        return None
    write.connection.execute(update(table).where(table.c.id == row.id).values(used=table.c.used + 1))
    return row.id


def give_back(write: Transaction, quota_id: str) -> None:
    """Give one attempt back."""
    table = tables.quota
    write.connection.execute(
        update(table).where(table.c.id == quota_id, table.c.used > 0).values(used=table.c.used - 1)
    )


def give_back_subject(write: Transaction, *, protocol_id: str, subject: str) -> None:
    """Give back one attempt of whoever is counted in the one period that never ends."""
    table = tables.quota
    found = write.connection.execute(
        select(table.c.id).where(table.c.protocol_id == protocol_id, table.c.subject == subject, table.c.period == 0)
    ).scalar_one_or_none()
    if found is not None:
        give_back(write, found)
