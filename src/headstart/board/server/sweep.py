"""The sweep: looks at every submission that has not ended, and at every job, so that nothing waits for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, exists, or_, select, update

from headstart.board.server import tables
from headstart.board.server.jobs import lost
from headstart.board.server.moves import move
from headstart.board.server.settings import Settings
from headstart.board.server.store import Transaction
from headstart.board.server.submissions import add_job, stop_jobs
from headstart.board.states import STATES

_AT_ONCE = 200
_WAITS_FOR = {"received": "prepare", "queued": "run", "running": "run"}
"""States whose owner is a worker, with the job that must be there."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep did.

    Args:
        retaken: Jobs taken back from workers.
        late: Submissions past their deadline.
        released: Withheld submissions whose date has come.
        mended: Submissions whose job was missing, and times that lay further ahead than they can.
    """

    retaken: int
    late: int
    released: int
    mended: int


def sweep(write: Transaction, settings: Settings) -> Swept:
    """Take back expired leases, act on every deadline that has passed, and mend what a crash or a clock left behind."""
    mended = _cut_far_times(write, settings) + _mend_jobs(write)
    retaken = 0
    for job in _expired(write):
        lost(write, job, settings)
        retaken += 1
    late = released = 0
    for submission in _late(write):
        state = STATES[submission.state]
        if state.at_deadline == "failed":
            move(
                write,
                submission,
                "failed",
                "server",
                code="deadline",
                reason=f"stayed {submission.state} beyond its deadline; the attempt was given back",
            )
            stop_jobs(write, submission.id)
            late += 1
        elif state.at_deadline is not None:
            move(write, submission, state.at_deadline, "server", code="date")
            released += 1
    return Swept(retaken=retaken, late=late, released=released, mended=mended)


def _expired(write: Transaction) -> list[Row[Any]]:
    table = tables.cell_job
    statement = (
        select(table)
        .where(table.c.state == "leased", or_(table.c.lease_until.is_(None), table.c.lease_until < write.now))
        .order_by(table.c.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(write.connection.execute(statement).all())


def _late(write: Transaction) -> list[Row[Any]]:
    table = tables.submission
    waiting = [name for name, state in STATES.items() if not state.terminal]
    statement = (
        select(table)
        .where(table.c.state.in_(waiting), table.c.deadline < write.now)
        .order_by(table.c.number)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(write.connection.execute(statement).all())


def _cut_far_times(write: Transaction, settings: Settings) -> int:
    """Leases and deadlines that lie further ahead than any can were written under a clock that ran ahead."""
    job, submission, mended = tables.cell_job, tables.submission, 0
    far = write.now + settings.lease_seconds
    mended += write.connection.execute(
        update(job).where(job.c.state == "leased", job.c.lease_until > far).values(lease_until=far)
    ).rowcount
    for name, state in STATES.items():
        if state.deadline_seconds is None:
            continue
        latest = write.now + state.deadline_seconds
        mended += write.connection.execute(
            update(submission)
            .where(submission.c.state == name, or_(submission.c.deadline > latest, submission.c.deadline.is_(None)))
            .values(deadline=latest)
        ).rowcount
    return mended


def _mend_jobs(write: Transaction) -> int:
    """Give a submission that waits for a worker the job it waits for, should it have none."""
    submission, job, mended = tables.submission, tables.cell_job, 0
    for state, kind in _WAITS_FOR.items():
        its = and_(job.c.submission_id == submission.c.id, job.c.kind == kind)
        alive = exists().where(its, job.c.state.in_(("open", "leased")))
        rows = write.connection.execute(
            select(submission).where(submission.c.state == state, ~alive).limit(_AT_ONCE)
        ).all()
        for row in rows:
            done = write.connection.execute(
                update(job)
                .where(job.c.submission_id == row.id, job.c.kind == kind)
                .values(state="open", worker=None, lease_until=None, finished_at=None)
            )
            if done.rowcount == 0:
                add_job(write, row.id, kind)
            if state == "running":
                move(write, row, "queued", "server", code="job_missing")
            mended += 1
    return mended
