"""Routes for those who submit: submissions, their events and results, tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from headstart.board.server import jobs, submissions, tables, tokens
from headstart.board.server.clock import iso
from headstart.board.server.context import Context, bearer, caller_or_none, context_of, require
from headstart.board.server.errors import BoardError, bad_request, not_found
from headstart.board.server.references import idempotency_key
from headstart.board.server.schemas import ReasonBody, SubmissionBody, TokenBody
from headstart.board.server.store import Transaction
from headstart.board.server.tokens import Caller

router = APIRouter(prefix="/v1")

_PAGE = 200
_POLL_SECONDS = 1.0
_STREAM_SECONDS = 900.0
_MAX_STREAMS = 200


@router.post("/submissions", status_code=202, tags=["submissions"], summary="Submit a model")
async def submit(
    request: Request,
    response: Response,
    body: SubmissionBody,
    idempotency: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
) -> dict[str, Any]:
    """Take a model in. 202 means that it is on the disk: it is never lost, and the same key never counts twice."""
    board = context_of(request)
    key, asked, token = idempotency_key(idempotency), body.request(), bearer(request)

    def change(write: Transaction) -> tuple[dict[str, Any], bool]:
        caller = tokens.caller_of(write.connection, token, now=write.now)
        caller.require("submit")
        row, known = submissions.receive(
            write, asked, team_id=caller.team, person_id=caller.person_id, key=key, settings=board.settings
        )
        return submissions.submission_document(row, private=True), known

    document, known = await board.write(change)
    response.headers["Location"] = f"/v1/submissions/{document['id']}"
    response.headers["Idempotent-Replay"] = "true" if known else "false"
    return document


@router.get("/submissions", tags=["submissions"], summary="The submissions of the token's team")
def list_submissions(request: Request, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
    """Up to 200 of them behind the number ``after``; an administrator sees those of all teams."""
    caller = require(request, "read", "submit", "admin")
    table = tables.submission
    where = [table.c.number > after] + ([table.c.team_id == caller.team] if caller.scope != "admin" else [])
    with context_of(request).store.read() as connection:
        rows = connection.execute(select(table).where(*where).order_by(table.c.number).limit(_PAGE)).all()
    return {"submissions": [submissions.submission_document(row, private=True) for row in rows]}


@router.get("/submissions/{submission_id}", tags=["submissions"], summary="One submission")
def one_submission(request: Request, submission_id: str) -> dict[str, Any]:
    """Its state, who must act next and by when; its name and reason for its team, or once it is published."""
    caller = caller_or_none(request)
    with context_of(request).store.read() as connection:
        row = submissions.find(connection, submission_id)
        job = jobs.latest(connection, submission_id)
    private = may_see(caller, row.team_id)
    document = submissions.submission_document(row, private=private)
    document["team_name"] = row.team_name
    if private:
        document["model"] = {"kind": row.kind, "source": row.source, "commit": row.commit or None}
        if job is not None:
            document["job"] = {
                "kind": job.kind,
                "state": job.state,
                "attempts": job.attempts,
                "progress": job.progress,
                "lease_until": iso(job.lease_until),
            }
    return document


@router.get("/submissions/{submission_id}/result", tags=["submissions"], summary="The scores of one submission")
def one_result(request: Request, submission_id: str) -> dict[str, Any]:
    """Trajectories, seal and report; before they are published, for the team alone."""
    caller = caller_or_none(request)
    with context_of(request).store.read() as connection:
        row = submissions.find(connection, submission_id)
        if row.state != "published" and not may_see(caller, row.team_id):
            raise not_found("the submission has no published result")
        found = connection.execute(
            select(tables.result).where(tables.result.c.submission_id == submission_id)
        ).one_or_none()
    if found is None:
        raise not_found("the submission has no result yet")
    return {
        "submission": submission_id,
        "seal_hash": found.seal_hash,
        "protocol_hash": found.protocol_hash,
        "trajectories": found.trajectories,
        "report": found.report,
        "files": found.files,
        "created_at": iso(found.created_at),
    }


@router.post("/submissions/{submission_id}/withdraw", tags=["submissions"], summary="Take a submission back")
async def withdraw(request: Request, submission_id: str, body: ReasonBody) -> dict[str, Any]:
    """Cancelled where it has no scores yet, else withdrawn from the ranking; the ledger keeps that it was there."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        owner_of(write, token, submission_id)
        return submissions.submission_document(
            submissions.withdraw(write, submission_id, "team", reason=body.reason), private=True
        )

    return await board.write(change)


@router.post("/submissions/{submission_id}/publish", tags=["submissions"], summary="Publish before the date")
async def publish(request: Request, submission_id: str) -> dict[str, Any]:
    """Publish a withheld result now."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        owner_of(write, token, submission_id)
        return submissions.submission_document(submissions.publish_early(write, submission_id, "team"), private=True)

    return await board.write(change)


@router.get("/submissions/{submission_id}/events", tags=["submissions"], summary="What happens to a submission, live")
async def submission_events(
    request: Request, submission_id: str, last: Annotated[str | None, Header(alias="Last-Event-ID")] = None
) -> StreamingResponse:
    """Server-sent events: the entries of the ledger about it, old ones first; ends when the submission has ended."""
    board = context_of(request)

    def exists() -> None:
        with board.store.read() as connection:
            submissions.find(connection, submission_id)

    await run_in_threadpool(exists)
    return _stream(board, last, submission_id)


@router.get("/events", tags=["board"], summary="What happens on the board, live")
async def events(
    request: Request, last: Annotated[str | None, Header(alias="Last-Event-ID")] = None
) -> StreamingResponse:
    """Server-sent events: every new entry of the ledger."""
    board = context_of(request)
    return _stream(board, last, None)


@router.post("/tokens", status_code=201, tags=["tokens"], summary="Make a token")
async def make_token(request: Request, body: TokenBody) -> dict[str, Any]:
    """The answer shows the token once; only its SHA-256 is kept. For administrators."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        tokens.caller_of(write.connection, token, now=write.now).require("admin")
        made, name = tokens.make_token(write, body.scope, team_id=body.team, person_id=body.person, days=body.days)
        return {"id": name, "token": made, "scope": body.scope, "expires_at": iso(write.now + body.days * 86400)}

    return await board.write(change)


@router.delete("/tokens/{token_id}", status_code=204, tags=["tokens"], summary="End a token")
async def revoke_token(request: Request, token_id: str) -> Response:
    """Any token for administrators, one of its own for a team."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> None:
        caller = tokens.caller_of(write.connection, token, now=write.now)
        caller.require("submit", "admin")
        tokens.revoke_token(write, token_id, team_id=None if caller.scope == "admin" else caller.team)

    await board.write(change)
    return Response(status_code=204)


def may_see(caller: Caller | None, team_id: str) -> bool:
    """Whether a caller sees what is not public of a team."""
    return caller is not None and (caller.scope == "admin" or caller.team_id == team_id)


def owner_of(write: Transaction, token: str | None, submission_id: str) -> Caller:
    """Whoever may take a submission back.

    Raises:
        BoardError: 404 if it is another team's: what others do is not told.
    """
    caller = tokens.caller_of(write.connection, token, now=write.now)
    caller.require("submit")
    if submissions.find(write.connection, submission_id).team_id != caller.team:
        raise not_found(f"there is no submission {submission_id!r} of this team")
    return caller


def _stream(board: Context, last: str | None, submission_id: str | None) -> StreamingResponse:
    if last is not None and not (last.isdecimal() and len(last) < 16):
        raise bad_request("Last-Event-ID must be a number", field="Last-Event-ID")
    if board.streams >= _MAX_STREAMS:
        raise BoardError("too many streams are open", status=503, code="unavailable", retry_after=30)
    return StreamingResponse(_events(board, last, submission_id), media_type="text/event-stream")


async def _events(board: Context, last: str | None, submission_id: str | None) -> AsyncIterator[str]:
    board.streams += 1
    loop = asyncio.get_running_loop()
    try:
        start = -1 if submission_id is not None else await run_in_threadpool(_sequence, board)
        after, until, ended = int(last) if last else start, loop.time() + _STREAM_SECONDS, False
        while not ended and loop.time() < until:
            rows, ended = await run_in_threadpool(_new_entries, board, after, submission_id)
            for row in rows:
                after = row.sequence
                yield f"id: {row.sequence}\nevent: {json.loads(row.entry)['kind']}\ndata: {row.entry}\n\n"
            if not rows:
                yield ": nothing new\n\n"
            if not ended:
                await asyncio.sleep(_POLL_SECONDS)
    finally:
        board.streams -= 1


def _sequence(board: Context) -> int:
    with board.store.read() as connection:
        return connection.execute(select(tables.ledger_head.c.sequence)).scalar_one()


def _new_entries(board: Context, after: int, submission_id: str | None) -> tuple[list[Any], bool]:
    """Entries behind a number, and whether nothing can come behind them."""
    table = tables.ledger
    statement = select(table).where(table.c.sequence > after).order_by(table.c.sequence).limit(_PAGE)
    with board.store.read() as connection:
        if submission_id is None:
            return list(connection.execute(statement).all()), False
        rows = list(connection.execute(statement.where(table.c.submission_id == submission_id)).all())
        state = submissions.find(connection, submission_id).state
    return rows, len(rows) < _PAGE and submissions.STATES[state].terminal
