"""How often a team may try, and how often the same weights are measured: counted in rows that are locked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, insert, select, update

from headstart.board.server import tables
from headstart.board.server.store import Transaction

_KEY = (
    tables.quota.c.protocol_id == bindparam("of_protocol"),
    tables.quota.c.subject == bindparam("of_subject"),
    tables.quota.c.period == bindparam("of_period"),
)
_THERE = select(tables.quota.c.id).where(*_KEY)
_TAKE = (
    update(tables.quota)
    .where(*_KEY, tables.quota.c.used < tables.quota.c.limit)
    .values(used=tables.quota.c.used + 1)
    .returning(tables.quota.c.id)
)


def take(write: Transaction, *, protocol_id: str, subject: str, limit: int, period: int) -> str | None:
    """Take one attempt; the name of the row it was taken from, or None when all are used.

    Compared and counted in one statement, which locks the row until the transaction ends, so that requests which arrive
    together are counted one by one.

    Args:
        limit: For a row that is made now; one that is there keeps its own, which an administrator may have changed.
    """
    key: dict[str, Any] = {"of_protocol": protocol_id, "of_subject": subject, "of_period": period}
    taken = write.connection.execute(_TAKE, key).scalar_one_or_none()
    if taken is not None:
        return taken
    if limit < 1 or write.connection.execute(_THERE, key).first() is not None:
        return None
    name = tables.new_id("q")
    row = {"id": name, "protocol_id": protocol_id, "subject": subject, "period": period, "limit": limit, "used": 1}
    write.connection.execute(insert(tables.quota), row)
    return name


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
