"""How often a team may try, and how often the same weights are measured: counted in rows that are locked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, insert, select, update

from headstart.board.server import tables
from headstart.board.server.store import Transaction

_LOCK = (
    select(tables.quota)
    .where(
        tables.quota.c.protocol_id == bindparam("protocol_id"),
        tables.quota.c.subject == bindparam("subject"),
        tables.quota.c.period == bindparam("period"),
    )
    .with_for_update()
)
_COUNT = update(tables.quota).where(tables.quota.c.id == bindparam("quota_id")).values(used=tables.quota.c.used + 1)


def take(write: Transaction, *, protocol_id: str, subject: str, limit: int, period: int) -> str | None:
    """Take one attempt; the name of the row it was taken from, or None when all are used.

    The row is locked until the transaction ends, so that requests which arrive together are counted one by one.

    Args:
        limit: For a row that is made now; one that is there keeps its own, which an administrator may have changed.
    """
    key: dict[str, Any] = {"protocol_id": protocol_id, "subject": subject, "period": period}
    row = write.connection.execute(_LOCK, key).one_or_none()
    if row is None:
        name = tables.new_id("q")
        write.connection.execute(insert(tables.quota), {"id": name, **key, "limit": limit, "used": 1})
        return name
    if row.used >= row.limit:
        return None
    write.connection.execute(_COUNT, {"quota_id": row.id})
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
