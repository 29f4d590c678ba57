"""The only place where the state of a submission changes: checked against the table of states, and into the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from headstart.board.server import quotas, tables
from headstart.board.server.errors import conflict, not_found
from headstart.board.server.store import Transaction
from headstart.board.states import STATES, Actor, allowed, refunds
from headstart.io.atomic import JsonValue

MAX_REASON = 2000
_WITHOUT_SCORES = ("failed", "cancelled", "rejected")
"""Ends at which weights were not measured, so that somebody may still have them measured."""


def locked(write: Transaction, submission_id: str) -> Row[Any]:
    """A submission, locked until the transaction ends.

    Raises:
        BoardError: If there is none.
    """
    row = write.connection.execute(
        select(tables.submission).where(tables.submission.c.id == submission_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise not_found(f"there is no submission {submission_id!r}")
    return row


def move(
    write: Transaction,
    submission: Row[Any],
    after: str,
    actor: Actor,
    *,
    code: str | None = None,
    reason: str | None = None,
    set_values: dict[str, Any] | None = None,
    **details: JsonValue,
) -> Row[Any]:
    """Take a submission to another state; returns it as it is then.

    Args:
        submission: As it was read in this transaction.
        after: The new state.
        actor: Who does it.
        code: Why, as a word of the board's own, which goes into the ledger.
        reason: Why, as text; it may hold what users wrote, so it stays out of the ledger.
        set_values: Further columns to set.
        details: Digests and numbers for the ledger.

    Raises:
        BoardError: If the table of states has no such edge, or the submission has moved meanwhile.
    """
    before = submission.state
    if not allowed(before, after, actor):
        raise conflict(f"a submission that is {before} cannot become {after}", code="wrong_state")
    table, state = tables.submission, STATES[after]
    deadline = None if state.deadline_seconds is None else write.now + state.deadline_seconds
    refund = refunds(after, actor) and not submission.refunded
    values: dict[str, Any] = {"state": after, "state_since": write.now, "deadline": deadline, **(set_values or {})}
    if after == "withheld":
        values["deadline"] = submission.withhold_until
    if reason is not None:
        values["reason"] = reason[:MAX_REASON]
    if refund:
        values["refunded"] = True
        quotas.give_back(write, submission.quota_id)
    if after in _WITHOUT_SCORES and submission.weights_sha256 is not None:
        subject = weights_subject(submission.weights_sha256)
        quotas.give_back_subject(write, protocol_id=submission.protocol_id, subject=subject)
    done = write.connection.execute(
        update(table).where(table.c.id == submission.id, table.c.state == before).values(**values)
    )
    if done.rowcount != 1:
        raise conflict(f"the submission is no longer {before}", code="wrong_state")
    facts: dict[str, JsonValue] = {
        **details,
        **({"code": code} if code else {}),
        **({"refunded": True} if refund else {}),
    }
    write.append(
        "state",
        submission=submission.id,
        **{"from": before, "to": after, "actor": actor, "team": submission.team_id, "details": facts},
    )
    return locked(write, submission.id)


def team_subject(team_id: str) -> str:
    """Whose attempts a team's quota counts."""
    return f"team:{team_id}"


def weights_subject(weights_sha256: str) -> str:
    """What the quota of weights counts."""
    return f"weights:{weights_sha256}"
