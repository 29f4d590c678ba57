"""Routes for administrators: teams, members, quotas, workers, submissions of others."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from headstart.board.server import submissions, tables, tokens
from headstart.board.server.clock import iso
from headstart.board.server.context import bearer, context_of, require
from headstart.board.server.errors import conflict, not_found
from headstart.board.server.moves import team_subject
from headstart.board.server.references import clean_name
from headstart.board.server.schemas import PersonBody, QuotaBody, ReasonBody, TeamBody
from headstart.board.server.store import Transaction

router = APIRouter(prefix="/v1/admin", tags=["administration"])

_PAGE = 1000


@router.get("/overview", summary="What is going on")
def overview(request: Request) -> dict[str, Any]:
    """Jobs that are held and by whom, submissions by state, and where every member of the queue is stuck, if so."""
    require(request, "admin")
    board, job, submission = context_of(request), tables.cell_job, tables.submission
    with board.store.read() as connection:
        held = connection.execute(select(job).where(job.c.state == "leased").order_by(job.c.id).limit(_PAGE)).all()
        states = connection.execute(select(submission.c.state, func.count()).group_by(submission.c.state)).all()
    return {
        "now": iso(board.now),
        "states": {name: number for name, number in states},
        "held": [
            {
                "job": row.id,
                "submission": row.submission_id,
                "kind": row.kind,
                "worker": row.worker,
                "attempts": row.attempts,
                "lease_until": iso(row.lease_until),
                "progress": row.progress,
            }
            for row in held
        ],
    }


@router.get("/teams", summary="The teams")
def teams(request: Request) -> dict[str, Any]:
    """All teams by name, with their members."""
    require(request, "admin")
    member, person = tables.membership, tables.person
    with context_of(request).store.read() as connection:
        rows = connection.execute(select(tables.team).order_by(tables.team.c.name)).all()
        members = connection.execute(
            select(member.c.team_id, person.c.id, person.c.name).join(person, person.c.id == member.c.person_id)
        ).all()
    return {
        "teams": [
            {
                "id": row.id,
                "name": row.name,
                "since": iso(row.created_at),
                "members": [{"id": one.id, "name": one.name} for one in members if one.team_id == row.id],
            }
            for row in rows
        ]
    }


@router.post("/teams", status_code=201, summary="Add a team")
async def add_team(request: Request, body: TeamBody) -> dict[str, Any]:
    """A team with a name of its own."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        _admin(write, token)
        return {"id": make_team(write, body.name), "name": body.name}

    return await board.write(change)


@router.post("/teams/{team_id}/members", status_code=201, summary="Add a member to a team")
async def add_member(request: Request, team_id: str, body: PersonBody) -> dict[str, Any]:
    """A person, whose tokens say whose they are."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        _admin(write, token)
        if write.connection.execute(select(tables.team.c.id).where(tables.team.c.id == team_id)).first() is None:
            raise not_found("there is no such team")
        person = {"id": tables.new_id("u"), "name": clean_name(body.name, "name")}
        write.connection.execute(insert(tables.person).values(**person, created_at=write.now))
        write.connection.execute(
            insert(tables.membership).values(team_id=team_id, person_id=person["id"], created_at=write.now)
        )
        return person

    return await board.write(change)


@router.post("/quotas", summary="Change a team's attempts of the running period")
async def set_quota(request: Request, body: QuotaBody) -> dict[str, Any]:
    """Set how many attempts it has; those it has used stay used."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        _admin(write, token)
        table, period = tables.quota, board.settings.period(write.now)
        subject = team_subject(body.team)
        key = (table.c.protocol_id == body.protocol, table.c.subject == subject, table.c.period == period)
        for kind, wanted in ((tables.team, body.team), (tables.protocol, body.protocol)):
            if write.connection.execute(select(kind.c.id).where(kind.c.id == wanted)).first() is None:
                raise not_found(f"there is no {kind.name} {wanted!r}")
        if write.connection.execute(update(table).where(*key).values(limit=body.limit)).rowcount == 0:
            write.connection.execute(
                insert(table).values(
                    id=tables.new_id("q"),
                    protocol_id=body.protocol,
                    subject=subject,
                    period=period,
                    limit=body.limit,
                    used=0,
                )
            )
        row = write.connection.execute(select(table).where(*key)).one()
        return {"team": body.team, "protocol": body.protocol, "limit": row.limit, "used": row.used}

    return await board.write(change)


@router.post("/submissions/{submission_id}/stop", summary="Stop or take out a submission")
async def stop(request: Request, submission_id: str, body: ReasonBody) -> dict[str, Any]:
    """Cancelled, and the attempt given back, where it has no scores yet; else withdrawn. The ledger says who did it."""
    board, token = context_of(request), bearer(request)

    def change(write: Transaction) -> dict[str, Any]:
        _admin(write, token)
        row = submissions.withdraw(write, submission_id, "administrator", reason=body.reason)
        return submissions.submission_document(row, private=True)

    return await board.write(change)


def make_team(write: Transaction, name: str) -> str:
    """Add a team.

    Raises:
        BoardError: If the name cannot be one, or is taken.
    """
    clean, team_id = clean_name(name, "name"), tables.new_id("t")
    try:
        with write.connection.begin_nested():
            write.connection.execute(insert(tables.team).values(id=team_id, name=clean, created_at=write.now))
    except IntegrityError:
        raise conflict("a team of this name is there", code="name_taken") from None
    return team_id


def _admin(write: Transaction, token: str | None) -> None:
    tokens.caller_of(write.connection, token, now=write.now).require("admin")
