"""Routes that anybody may ask: health, metrics, queue, protocols, ledger, releases, exposure, results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from sqlalchemy import func, select

from headstart.board.ledger import ledger_lines
from headstart.board.server import tables
from headstart.board.server.clock import iso
from headstart.board.server.context import context_of
from headstart.board.server.errors import not_found
from headstart.board.server.exposure import team_exposure
from headstart.board.server.metrics import metrics_text
from headstart.board.server.results import published_rows, rows_as_csv
from headstart.board.states import STATES

router = APIRouter()

_PAGE = 1000
_CHUNK = 2000


@router.get("/health", tags=["operation"], summary="Whether the server and its database answer")
def health(request: Request) -> dict[str, str]:
    """200 when the database answers, 503 when it does not."""
    with context_of(request).store.read() as connection:
        connection.execute(select(tables.ledger_head.c.sequence)).one()
    return {"status": "ok"}


@router.get("/metrics", tags=["operation"], summary="Numbers for Prometheus", response_class=PlainTextResponse)
def metrics(request: Request) -> PlainTextResponse:
    """Requests, submissions and jobs by state, the age of the queue, and when the sweep last ran."""
    board = context_of(request)
    with board.store.read() as connection:
        text = metrics_text(connection, board.counters, now=board.now)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


@router.get("/v1/states", tags=["board"], summary="The states of a submission")
def states() -> dict[str, Any]:
    """Who must act in each state, by when, and where each may lead."""
    return {
        name: {
            "meaning": state.meaning,
            "owner": state.owner,
            "deadline_seconds": state.deadline_seconds,
            "at_deadline": state.at_deadline,
            "edges": {after: list(actors) for after, actors in state.edges.items()},
        }
        for name, state in STATES.items()
    }


@router.get("/v1/protocols", tags=["board"], summary="What is measured, and how")
def protocols(request: Request) -> dict[str, Any]:
    """The plan of every protocol and, once a worker has sealed it, its hash and everything it fixes."""
    with context_of(request).store.read() as connection:
        rows = connection.execute(select(tables.protocol).order_by(tables.protocol.c.created_at)).all()
    return {
        "protocols": [
            {
                "id": row.id,
                "name": row.name,
                "open": row.active,
                "bundle_sha256": row.bundle_sha256,
                "plan": row.bundle.get("plan"),
                "protocol_hash": row.protocol_hash,
                "resolution": row.resolution,
                "created_at": iso(row.created_at),
            }
            for row in rows
        ]
    }


@router.get("/v1/queue", tags=["board"], summary="Submissions that have not ended, in their order")
def queue(request: Request, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
    """Up to 1,000 of them behind the number ``after``; names are shown once they are published."""
    table = tables.submission
    waiting = [name for name, state in STATES.items() if not state.terminal]
    with context_of(request).store.read() as connection:
        total = connection.execute(
            select(func.count()).select_from(table).where(table.c.state.in_(waiting))
        ).scalar_one()
        rows = connection.execute(
            select(table)
            .where(table.c.state.in_(waiting), table.c.number > after)
            .order_by(table.c.number)
            .limit(_PAGE)
        ).all()
    return {
        "total": total,
        "submissions": [
            {
                "id": row.id,
                "number": row.number,
                "team": row.team_id,
                "state": row.state,
                "meaning": STATES[row.state].meaning,
                "owner": STATES[row.state].owner,
                "since": iso(row.state_since),
                "deadline": iso(row.deadline),
                "forecast_seconds": row.forecast_seconds,
            }
            for row in rows
        ],
    }


@router.get("/v1/ledger", tags=["board"], summary="The ledger as a file", response_class=StreamingResponse)
def ledger(request: Request, after: Annotated[int, Query(ge=0)] = 0) -> StreamingResponse:
    """JSON lines, which ``headstart board verify-ledger`` checks; all of them, or those behind the number ``after``."""
    store = context_of(request).store

    def lines() -> Iterator[str]:
        last, table = after, tables.ledger
        while True:
            with store.read() as connection:
                rows = connection.execute(
                    select(table).where(table.c.sequence > last).order_by(table.c.sequence).limit(_CHUNK)
                ).all()
            yield from ledger_lines((json.loads(row.entry), row.hash) for row in rows)
            if len(rows) < _CHUNK:
                return
            last = rows[-1].sequence

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/v1/ledger/head", tags=["board"], summary="The end of the ledger")
def ledger_head(request: Request) -> dict[str, Any]:
    """Its length and last hash: note it down, and check later copies against it."""
    with context_of(request).store.read() as connection:
        row = connection.execute(select(tables.ledger_head)).one()
    return {"sequence": row.sequence, "hash": row.hash}


@router.get("/v1/teams/{team_id}/exposure", tags=["board"], summary="How often a team has tried")
def exposure(request: Request, team_id: str) -> dict[str, Any]:
    """Attempts, different weights, withdrawals, and what choosing the best of several adds to a score by luck."""
    with context_of(request).store.read() as connection:
        return team_exposure(connection, team_id)


@router.get("/v1/releases", tags=["board"], summary="The releases of the ranking")
def releases(request: Request) -> dict[str, Any]:
    """The newest first; each names the end of the ledger it was built from."""
    table = tables.release
    with context_of(request).store.read() as connection:
        rows = connection.execute(select(table).order_by(table.c.number.desc()).limit(_PAGE)).all()
    return {
        "releases": [
            {
                "number": row.number,
                "published": row.published,
                "ledger_sequence": row.ledger_sequence,
                "ledger_hash": row.ledger_hash,
                "created_at": iso(row.created_at),
            }
            for row in rows
        ]
    }


@router.get("/v1/releases/{number}", tags=["board"], summary="One release")
def release(request: Request, number: int) -> dict[str, Any]:
    """What it was built from."""
    for found in releases(request)["releases"]:
        if found["number"] == number:
            return found
    raise not_found(f"there is no release {number}")


@router.get("/v1/results", tags=["board"], summary="Every published score")
def results(request: Request) -> dict[str, Any]:
    """The trajectories of the models in the ranking, as ``headstart audit`` reads them."""
    with context_of(request).store.read() as connection:
        return {"rows": published_rows(connection)}


@router.get("/v1/results.csv", tags=["board"], summary="Every published score as CSV", response_class=PlainTextResponse)
def results_csv(request: Request) -> PlainTextResponse:
    """The same as a table; cells that a spreadsheet would take for a formula are quoted."""
    with context_of(request).store.read() as connection:
        text = rows_as_csv(published_rows(connection))
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8")
