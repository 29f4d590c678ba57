"""Tokens: random, kept as SHA-256 alone, each with one scope and an end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal, cast, get_args

from sqlalchemy import Connection, bindparam, insert, select, update

from headstart.board.server import tables
from headstart.board.server.errors import BoardError, bad_request, not_found
from headstart.board.server.store import Transaction

Scope = Literal["read", "submit", "worker", "admin"]

PREFIX = "hsb_"
# Statements of the hot path are built once: putting one together takes longer than SQLite takes to answer it.
_BY_DIGEST = select(tables.token).where(tables.token.c.sha256 == bindparam("digest"))

MAX_DAYS = 400
DEFAULT_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whoever a valid token belongs to.

    Args:
        token_id: The token's public name.
        scope: What it may do.
        team_id: For ``submit`` and ``read``; None for the others.
        person_id: Who it was made for; None where nobody said.
    """

    token_id: str
    scope: Scope
    team_id: str | None
    person_id: str | None

    def require(self, *scopes: Scope) -> None:
        """Raise unless the token has one of ``scopes``.

        Raises:
            BoardError: 403.
        """
        if self.scope not in scopes:
            raise BoardError(
                f"the token must have the scope {' or '.join(scopes)}, got {self.scope}", status=403, code="forbidden"
            )

    @property
    def team(self) -> str:
        """The team the token belongs to.

        Raises:
            BoardError: 403 if it belongs to none.
        """
        if self.team_id is None:
            raise BoardError("the token must belong to a team", status=403, code="forbidden")
        return self.team_id


def digest(token: str) -> str:
    """What of a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(
    write: Transaction,
    scope: str,
    *,
    team_id: str | None = None,
    person_id: str | None = None,
    days: float = DEFAULT_DAYS,
) -> tuple[str, str]:
    """Make a token; returns the token, which nobody can find out again, and its public name.

    Raises:
        BoardError: If there is no such scope or team, or it would last too long.
    """
    if scope not in get_args(Scope):
        raise bad_request(f"scope must be one of {', '.join(get_args(Scope))}, got {scope!r}", field="scope")
    if not 0 < days <= MAX_DAYS:
        raise bad_request(f"days must be in (0, {MAX_DAYS}], got {days!r}", field="days")
    if (team_id is None) == (scope in ("submit", "read")):
        raise bad_request("team must be given for the scopes submit and read, and for no other", field="team")
    if team_id is not None:
        found = write.connection.execute(select(tables.team.c.id).where(tables.team.c.id == team_id)).first()
        if found is None:
            raise not_found(f"there is no team {team_id!r}")
    token, name = PREFIX + secrets.token_urlsafe(32), tables.new_id("k")
    write.connection.execute(
        insert(tables.token).values(
            id=name,
            sha256=digest(token),
            scope=scope,
            team_id=team_id,
            person_id=person_id,
            created_at=write.now,
            expires_at=write.now + days * 86400,
        )
    )
    return token, name


def revoke_token(write: Transaction, name: str, *, team_id: str | None = None) -> None:
    """End a token now; with ``team_id`` only one of that team.

    Raises:
        BoardError: 404 if there is no such token.
    """
    where = [tables.token.c.id == name] + ([tables.token.c.team_id == team_id] if team_id else [])
    done = write.connection.execute(update(tables.token).where(*where).values(revoked_at=write.now))
    if done.rowcount == 0:
        raise not_found(f"there is no token {name!r}")


def caller_of(connection: Connection, token: str | None, *, now: float) -> Caller:
    """Whoever a token belongs to.

    Raises:
        BoardError: 401 if there is no such token, or its time is over.
    """
    refused = BoardError(
        "a valid token must be given as Authorization: Bearer TOKEN", status=401, code="unauthenticated"
    )
    if not token or len(token) > 100:
        raise refused
    row = connection.execute(_BY_DIGEST, {"digest": digest(token)}).one_or_none()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise refused
    return Caller(token_id=row.id, scope=cast("Scope", row.scope), team_id=row.team_id, person_id=row.person_id)
