"""What the routes share: the database, the settings, the caller."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from starlette.requests import Request

from headstart.board.server.metrics import Counters
from headstart.board.server.settings import Settings
from headstart.board.server.store import Store, Write
from headstart.board.server.tokens import Caller, Scope, caller_of

Value = TypeVar("Value")

COOKIE = "headstart_board"


@dataclass(kw_only=True)
class Context:
    """A running board.

    Args:
        folder: Where it lives.
        store: Its database.
        settings: What its operator set.
        counters: What it counts.
        streams: How many streams of events are open.
    """

    folder: Path
    store: Store
    settings: Settings
    counters: Counters = field(default_factory=Counters)
    streams: int = 0

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.store.clock.now()

    async def write(self, change: Write[Value]) -> Value:
        """Make a change without holding up other requests; returns once it is on the disk."""
        return await asyncio.wrap_future(self.store.send(change))


def context_of(request: Request) -> Context:
    """The board that a request is made to."""
    return cast("Context", request.app.state.board)


def bearer(request: Request) -> str | None:
    """The token of a request, from its header; the cookie of the pages is read by the pages alone."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def caller(request: Request) -> Caller:
    """Whoever makes a request.

    Raises:
        BoardError: 401 if the token is missing or not valid.
    """
    board = context_of(request)
    with board.store.read() as connection:
        return caller_of(connection, bearer(request), now=board.now)


def caller_or_none(request: Request) -> Caller | None:
    """Whoever makes a request; None without a token.

    Raises:
        BoardError: 401 if there is one that is not valid.
    """
    return caller(request) if bearer(request) else None


def require(request: Request, *scopes: Scope) -> Caller:
    """Whoever makes a request, who must have one of the scopes.

    Raises:
        BoardError: 401 or 403.
    """
    found = caller(request)
    found.require(*scopes)
    return found
