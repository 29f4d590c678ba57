"""Jobs as workers see them: claimed with a lease, kept by signs of life, finished under the fence they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from headstart.board.server import quotas, tables
from headstart.board.server.errors import conflict
from headstart.board.server.moves import locked, move, weights_subject
from headstart.board.server.settings import Settings
from headstart.board.server.store import Transaction
from headstart.board.server.submissions import add_job
from headstart.tune.seal import differences

Kind = Literal["prepare", "run"]

_WAITS_IN = {"prepare": "received", "run": "queued"}
"""The state in which a submission waits for a job of each kind."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What a worker found out about the weights of a submission.

    Args:
        weights_sha256: Digest of everything of the model that decides numbers.
        commit: Of the hub; None for a registered folder.
        forecast_seconds: How long the run will take on its device; None when that could not be measured.
        protocol_hash: Of the protocol's seal as this worker resolved it.
        resolution: What was hashed for it.
    """

    weights_sha256: str
    commit: str | None
    forecast_seconds: float | None
    protocol_hash: str
    resolution: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a run has come to.

    Args:
        seal_hash, protocol_hash: Of the run's seal, and of the protocol's part of it.
        weights_sha256: As when it was prepared.
        trajectories: Rows of the run's table.
        report: Of the run.
        files: SHA-256 of the files that were handed in, by name.
    """

    seal_hash: str
    protocol_hash: str
    weights_sha256: str
    resolution: Mapping[str, Any]
    trajectories: list[dict[str, Any]]
    report: Mapping[str, Any]
    files: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A job that did not succeed.

    Args:
        reason: In one line.
        bad_input: Whether the team can mend it.
    """

    reason: str
    bad_input: bool


Outcome = Resolved | Scored | Broken


def latest(connection: Connection, submission_id: str) -> Row[Any] | None:
    """The job of a submission that was written last; None before the first."""
    return connection.execute(
        select(tables.cell_job)
        .where(tables.cell_job.c.submission_id == submission_id)
        .order_by(tables.cell_job.c.id.desc())
        .limit(1)
    ).one_or_none()


def claim(write: Transaction, worker: str, *, kinds: tuple[Kind, ...], settings: Settings) -> dict[str, Any] | None:
    """The oldest open job, leased to a worker; None when there is none.

    A job that another process is claiming is passed over (``SKIP LOCKED``), where the database can. One whose
    submission does not wait for it is stopped, so that no mistake in the data holds up those behind it.
    """
    table = tables.cell_job
    wanted = (
        select(table)
        .where(table.c.state == "open", table.c.kind.in_(kinds))
        .order_by(table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    while (job := write.connection.execute(wanted).one_or_none()) is not None:
        submission = locked(write, job.submission_id)
        if submission.state == _WAITS_IN[job.kind]:
            return _lease(write, worker, job, submission, settings)
        _end(write, job, "stopped")
    return None


def _lease(write: Transaction, worker: str, job: Row[Any], submission: Row[Any], settings: Settings) -> dict[str, Any]:
    table = tables.cell_job
    until = write.now + settings.lease_seconds
    write.connection.execute(
        update(table)
        .where(table.c.id == job.id)
        .values(
            state="leased",
            fence=job.fence + 1,
            attempts=job.attempts + 1,
            worker=worker,
            lease_until=until,
            progress=None,
        )
    )
    if job.kind == "run":
        submission = move(write, submission, "running", "worker", attempt=job.attempts + 1, fence=job.fence + 1)
    model = write.connection.execute(
        select(tables.model_ref).where(tables.model_ref.c.id == submission.model_ref_id)
    ).one()
    return {
        "job": job.id,
        "kind": job.kind,
        "fence": job.fence + 1,
        "attempt": job.attempts + 1,
        "lease_seconds": settings.lease_seconds,
        "submission": submission.id,
        "protocol": submission.protocol_id,
        "weights_sha256": submission.weights_sha256,
        "model": {"kind": model.kind, "source": model.source, "commit": model.commit, "folder": model.folder},
        "limits": {
            "run_seconds": settings.run_hours * 3600,
            "file_bytes": int(settings.run_file_gib * 2**30),
            "memory_bytes": int(settings.run_memory_gib * 2**30),
            "hub_endpoint": settings.hub_endpoint,
        },
    }


def heartbeat(
    write: Transaction, job_id: int, *, worker: str, fence: int, progress: Mapping[str, Any] | None, settings: Settings
) -> None:
    """Lengthen the lease of a job.

    Raises:
        BoardError: 409 ``fenced`` if the job is another's by now, or was stopped: the worker must let go of it.
    """
    job = held(write, job_id, worker=worker, fence=fence)
    values: dict[str, Any] = {"lease_until": write.now + settings.lease_seconds}
    if progress is not None:
        values["progress"] = dict(progress)
    write.connection.execute(update(tables.cell_job).where(tables.cell_job.c.id == job.id).values(**values))


def held(write: Transaction, job_id: int, *, worker: str, fence: int) -> Row[Any]:
    """A job that a worker holds.

    Raises:
        BoardError: 409 ``fenced`` if it does not.
    """
    job = _job(write, job_id)
    if job is None or job.state != "leased" or job.fence != fence or job.worker != worker:
        raise conflict("the job is no longer this worker's", code="fenced")
    return job


def finish(
    write: Transaction, job_id: int, *, worker: str, fence: int, outcome: Outcome, settings: Settings
) -> dict[str, Any]:
    """End a job with what came of it; the same again is answered as the first time.

    Returns:
        Whether it was taken, and if not why: the worker's machine is not what the protocol was sealed for.

    Raises:
        BoardError: 409 ``fenced`` if the job is another's by now: nothing of the outcome is kept.
    """
    job = _job(write, job_id)
    if job is not None and job.state == "done" and job.fence == fence and job.worker == worker:
        return {"accepted": True, "reason": None}
    job = held(write, job_id, worker=worker, fence=fence)
    submission = locked(write, job.submission_id)
    if isinstance(outcome, Broken):
        _broken(write, job, submission, outcome, settings)
        return {"accepted": True, "reason": None}
    other = _other_protocol(write, submission.protocol_id, outcome)
    if other is not None:
        _reopen(write, job, submission, code="other_machine", attempts=job.attempts - 1)
        return {"accepted": False, "reason": other}
    if isinstance(outcome, Resolved):
        _prepared(write, submission, outcome, settings)
    else:
        _scored(write, job, submission, outcome)
    _end(write, job)
    return {"accepted": True, "reason": None}


def lost(write: Transaction, job: Row[Any], settings: Settings) -> None:
    """Take a job back from a worker that gave no sign of life: open again, or given up after too many."""
    submission = locked(write, job.submission_id)
    if job.attempts >= settings.attempts_per_job:
        _give_up(write, job, submission, reason=f"{job.attempts} workers gave no sign of life", code="workers_lost")
    else:
        _reopen(write, job, submission, code="worker_lost", actor="server")


def _job(write: Transaction, job_id: int) -> Row[Any] | None:
    table = tables.cell_job
    return write.connection.execute(select(table).where(table.c.id == job_id).with_for_update()).one_or_none()


def _prepared(write: Transaction, submission: Row[Any], outcome: Resolved, settings: Settings) -> None:
    taken = quotas.take(
        write,
        protocol_id=submission.protocol_id,
        subject=weights_subject(outcome.weights_sha256),
        limit=settings.attempts_per_weights,
        period=0,
    )
    _expose(write, submission, outcome.weights_sha256)
    if taken is None:
        move(
            write,
            submission,
            "rejected",
            "worker",
            code="weights_known",
            reason="these weights were submitted before, by this or another team; they are measured "
            f"{settings.attempts_per_weights} time(s)",
        )
        return
    resolved = {"weights_sha256": outcome.weights_sha256}
    details: dict[str, Any] = {**resolved, **({"commit": outcome.commit} if outcome.commit else {})}
    submission = move(write, submission, "resolved", "worker", set_values=dict(resolved), **details)
    seconds = outcome.forecast_seconds
    submission = move(
        write, submission, "forecast", "worker", set_values={"forecast_seconds": seconds}, device_seconds=seconds
    )
    move(write, submission, "queued", "worker")
    add_job(write, submission.id, "run")


def _expose(write: Transaction, submission: Row[Any], weights_sha256: str) -> None:
    """Count that a team has tried these weights."""
    table = tables.exposure
    key = (
        table.c.team_id == submission.team_id,
        table.c.protocol_id == submission.protocol_id,
        table.c.weights_sha256 == weights_sha256,
    )
    done = write.connection.execute(update(table).where(*key).values(attempts=table.c.attempts + 1))
    if done.rowcount == 0:
        write.connection.execute(
            insert(table).values(
                team_id=submission.team_id,
                protocol_id=submission.protocol_id,
                weights_sha256=weights_sha256,
                attempts=1,
                first_at=write.now,
            )
        )


def _scored(write: Transaction, job: Row[Any], submission: Row[Any], outcome: Scored) -> None:
    if outcome.weights_sha256 != submission.weights_sha256:
        move(
            write,
            submission,
            "failed",
            "worker",
            code="weights_changed",
            reason="the weights were changed between the look at them and the run",
        )
        return
    write.connection.execute(
        insert(tables.result).values(
            submission_id=submission.id,
            fence=job.fence,
            protocol_hash=outcome.protocol_hash,
            seal_hash=outcome.seal_hash,
            trajectories=outcome.trajectories,
            report=dict(outcome.report),
            files=dict(outcome.files),
            created_at=write.now,
        )
    )
    submission = move(
        write,
        submission,
        "scored",
        "worker",
        seal=outcome.seal_hash,
        protocol_seal=outcome.protocol_hash,
        files=dict(outcome.files),
    )
    later = submission.withhold_until is not None and submission.withhold_until > write.now
    move(write, submission, "withheld" if later else "published", "worker")


def _other_protocol(write: Transaction, protocol_id: str, outcome: Resolved | Scored) -> str | None:
    """Why an outcome does not belong to the protocol; the first one seals it."""
    table = tables.protocol
    row = write.connection.execute(select(table).where(table.c.id == protocol_id).with_for_update()).one()
    if row.protocol_hash is None:
        write.connection.execute(
            update(table)
            .where(table.c.id == protocol_id)
            .values(protocol_hash=outcome.protocol_hash, resolution=dict(outcome.resolution))
        )
        write.append("protocol", protocol=protocol_id, seal=outcome.protocol_hash)
        return None
    if row.protocol_hash == outcome.protocol_hash:
        return None
    lines = differences(row.resolution, outcome.resolution)
    return "this worker is not what the protocol was sealed for: " + "; ".join(lines[:10])


def _broken(write: Transaction, job: Row[Any], submission: Row[Any], outcome: Broken, settings: Settings) -> None:
    if outcome.bad_input:
        move(write, submission, "rejected", "worker", code="bad_model", reason=outcome.reason)
        _end(write, job)
    elif job.attempts >= settings.attempts_per_job:
        _give_up(write, job, submission, reason=outcome.reason, code="run_failed")
    else:
        _reopen(write, job, submission, code="run_failed")


def _give_up(write: Transaction, job: Row[Any], submission: Row[Any], *, reason: str, code: str) -> None:
    move(write, submission, "failed", "server", code=code, reason=reason)
    _end(write, job)


def _reopen(
    write: Transaction,
    job: Row[Any],
    submission: Row[Any],
    *,
    code: str,
    actor: Literal["worker", "server"] = "worker",
    attempts: int | None = None,
) -> None:
    values: dict[str, Any] = {"state": "open", "worker": None, "lease_until": None}
    if attempts is not None:
        values["attempts"] = attempts
    write.connection.execute(update(tables.cell_job).where(tables.cell_job.c.id == job.id).values(**values))
    if submission.state == "running":
        move(write, submission, "queued", actor, code=code, fence=job.fence)


def _end(write: Transaction, job: Row[Any], state: str = "done") -> None:
    table = tables.cell_job
    write.connection.execute(
        update(table).where(table.c.id == job.id).values(state=state, lease_until=None, finished_at=write.now)
    )
