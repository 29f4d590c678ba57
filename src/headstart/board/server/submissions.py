"""Submissions: received, cancelled, withdrawn, published before their date."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, insert, select, update

from headstart.board.server import quotas, tables
from headstart.board.server.clock import iso
from headstart.board.server.errors import BoardError, bad_request, conflict, not_found
from headstart.board.server.moves import locked, move, team_subject
from headstart.board.server.references import ModelReference, clean_name, reference_id
from headstart.board.server.settings import Settings
from headstart.board.server.store import Transaction
from headstart.board.states import FIRST, STATES, Actor

LIVE = tuple(name for name, state in STATES.items() if not state.terminal or name == "published")
"""States of submissions that stand in the ranking or may come to."""

_BY_KEY = select(tables.submission).where(
    tables.submission.c.team_id == bindparam("team"), tables.submission.c.idempotency_key == bindparam("key")
)
_NAMESAKE = exists().where(
    tables.submission.c.protocol_id == tables.protocol.c.id,
    tables.submission.c.name == bindparam("name"),
    tables.submission.c.state.in_(LIVE),
)
_OPEN = select(tables.protocol.c.id, _NAMESAKE.label("taken")).where(tables.protocol.c.active)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a team submits.

    Args:
        name: As the ranking shows it.
        model: What is to be measured.
        protocol: Name of the protocol; None for the only one that is open.
        withhold_until: Seconds since 1970 before which the result is not published; None to publish at once.
    """

    name: str
    model: ModelReference
    protocol: str | None = None
    withhold_until: float | None = None

    def digest(self) -> str:
        """SHA-256 of the request: whether a repeated key asks for the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def receive(
    write: Transaction, request: Request, *, team_id: str, person_id: str | None, key: str, settings: Settings
) -> tuple[Any, bool]:
    """Take a submission in: its row, its quota, its first job and its entry in the ledger, or none of them.

    The same key again gives the submission it gave the first time.

    Returns:
        The submission, and whether it was there before.

    Raises:
        BoardError: If something is not as it must be, the quota is used, or the key was used for another request.
    """
    name = clean_name(request.name, "name")
    known = write.connection.execute(_BY_KEY, {"team": team_id, "key": key}).one_or_none()
    digest = request.digest()
    if known is not None:
        if known.request_sha256 != digest:
            raise conflict("this Idempotency-Key was used for another submission", code="key_used")
        return known, True
    protocol = open_protocol(write.connection, request.protocol, name)
    _check_date(request.withhold_until, write.now, settings)
    if protocol.taken:
        raise conflict("a submission of this name is in the ranking or on its way; choose another", code="name_taken")
    if request.model.kind == "hub" and not settings.hub:
        raise bad_request("this board takes registered models only", field="model.hub")
    model = reference_id(write, request.model)
    quota = quotas.take(
        write,
        protocol_id=protocol.id,
        subject=team_subject(team_id),
        limit=settings.attempts_per_team,
        period=settings.period(write.now),
    )
    if quota is None:
        raise BoardError(
            "the team has used all its attempts of this period; the page of the team shows them",
            status=429,
            code="quota_used",
        )
    write.submissions += 1
    submission_id = tables.new_id("s")
    values: dict[str, Any] = {
        "id": submission_id,
        "number": write.submissions,
        "team_id": team_id,
        "person_id": person_id,
        "protocol_id": protocol.id,
        "model_ref_id": model,
        "name": name,
        "idempotency_key": key,
        "request_sha256": digest,
        "state": FIRST,
        "state_since": write.now,
        "deadline": write.now + (STATES[FIRST].deadline_seconds or 0),
        "withhold_until": request.withhold_until,
        "weights_sha256": None,
        "forecast_seconds": None,
        "reason": None,
        "quota_id": quota,
        "refunded": False,
        "created_at": write.now,
    }
    write.connection.execute(insert(tables.submission), values)
    add_job(write, submission_id, "prepare")
    write.append(
        "state",
        submission=submission_id,
        **{"from": None, "to": FIRST, "actor": "team", "team": team_id, "details": {"protocol": protocol.id}},
    )
    return SimpleNamespace(**values), False


def add_job(write: Transaction, submission_id: str, kind: str) -> None:
    """Add an open job for a submission."""
    row = {"submission_id": submission_id, "kind": kind, "state": "open", "fence": 0, "attempts": 0}
    write.connection.execute(insert(tables.cell_job), {**row, "created_at": write.now})


def cancel(write: Transaction, submission_id: str, actor: Actor, *, reason: str | None = None) -> Row[Any]:
    """Stop a submission that has no scores yet.

    Raises:
        BoardError: If it has.
    """
    row = move(write, locked(write, submission_id), "cancelled", actor, code=f"by_{actor}", reason=reason)
    stop_jobs(write, submission_id)
    return row


def withdraw(write: Transaction, submission_id: str, actor: Actor, *, reason: str | None = None) -> Row[Any]:
    """Take a submission back: cancelled when it has no scores yet, else out of the ranking. The ledger keeps it.

    Raises:
        BoardError: If it has ended otherwise.
    """
    row = locked(write, submission_id)
    if "cancelled" in STATES[row.state].edges:
        return cancel(write, submission_id, actor, reason=reason)
    return move(write, row, "withdrawn", actor, code=f"by_{actor}", reason=reason)


def publish_early(write: Transaction, submission_id: str, actor: Actor) -> Row[Any]:
    """Publish a withheld submission before its date.

    Raises:
        BoardError: If it is not withheld.
    """
    return move(write, locked(write, submission_id), "published", actor, code="before_its_date")


def stop_jobs(write: Transaction, submission_id: str) -> None:
    """End the jobs of a submission that are not done; a worker that holds one finds out at its next sign of life."""
    table = tables.cell_job
    write.connection.execute(
        update(table)
        .where(table.c.submission_id == submission_id, table.c.state.in_(("open", "leased")))
        .values(state="stopped", lease_until=None, finished_at=write.now)
    )


def open_protocol(connection: Connection, wanted: str | None, name: str) -> Row[Any, bool]:
    """The protocol of that id (None for the only one that is open), and whether its ranking has a model of that name.

    Raises:
        BoardError: If there is none, or several and none was named.
    """
    rows = connection.execute(_OPEN, {"name": name}).all()
    if wanted is not None:
        rows = [row for row in rows if row.id == wanted]
        if not rows:
            raise bad_request("protocol must be the id of one that is open", field="protocol")
    if not rows:
        raise conflict("the board has no open protocol yet", code="no_protocol")
    if len(rows) > 1:
        raise bad_request(f"protocol must be given: {', '.join(row.id for row in rows)}", field="protocol")
    return rows[0]


def find(connection: Connection, submission_id: str) -> Row[Any]:
    """A submission with the names of its team and its model.

    Raises:
        BoardError: If there is none.
    """
    submission, team, model = tables.submission, tables.team, tables.model_ref
    row = connection.execute(
        select(submission, team.c.name.label("team_name"), model.c.kind, model.c.source, model.c.commit)
        .join(team, team.c.id == submission.c.team_id)
        .join(model, model.c.id == submission.c.model_ref_id)
        .where(submission.c.id == submission_id)
    ).one_or_none()
    if row is None:
        raise not_found(f"there is no submission {submission_id!r}")
    return row


def submission_document(row: Any, *, private: bool) -> dict[str, Any]:
    """A submission as JSON data.

    Args:
        row: Of the table.
        private: Whether for its team or an administrator, who see its name and reason before it is published.
    """
    state = STATES[row.state]
    shown = private or row.state == "published"
    return {
        "id": row.id,
        "number": row.number,
        "team": row.team_id,
        "protocol": row.protocol_id,
        "name": row.name if shown else None,
        "state": row.state,
        "meaning": state.meaning,
        "owner": state.owner,
        "since": iso(row.state_since),
        "deadline": iso(row.deadline),
        "received_at": iso(row.created_at),
        "withhold_until": iso(row.withhold_until),
        "weights_sha256": row.weights_sha256,
        "forecast_seconds": row.forecast_seconds,
        "reason": row.reason if private or row.state == "withdrawn" else None,
        "refunded": row.refunded,
    }


def _check_date(until: float | None, now: float, settings: Settings) -> None:
    if until is not None and not now < until <= now + settings.max_withhold_days * 86400:
        raise bad_request(
            f"withhold_until must be a date within {settings.max_withhold_days} days from now, got {iso(until)}",
            field="withhold_until",
        )
