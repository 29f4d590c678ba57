"""How often a team has tried, and what the best of several tries owes to luck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from headstart.board.server import tables
from headstart.board.server.clock import iso
from headstart.board.server.errors import not_found
from headstart.rank.variants import expected_largest


def team_exposure(connection: Connection, team_id: str) -> dict[str, Any]:
    """What is counted of a team, per protocol.

    Raises:
        BoardError: 404 if there is no such team.
    """
    team = connection.execute(select(tables.team).where(tables.team.c.id == team_id)).one_or_none()
    if team is None:
        raise not_found(f"there is no team {team_id!r}")
    protocols = connection.execute(select(tables.protocol.c.id).order_by(tables.protocol.c.created_at)).scalars().all()
    return {
        "team": team.id,
        "name": team.name,
        "since": iso(team.created_at),
        "protocols": [_of_protocol(connection, team_id, protocol) for protocol in protocols],
    }


def luck_of_best(rows: Sequence[Any], variants: int) -> dict[str, Any]:
    """What the best of a team's variants is expected to owe to luck, in units of the score.

    Args:
        rows: Trajectories of the best one.
        variants: Different weights the team has had measured.

    Returns:
        Per benchmark, the correction at the last step: ``expected_largest(variants)`` standard errors, an upper bound
        where variants err alike; None where the standard error is unknown.
    """
    last: dict[str, tuple[int, list[float | None]]] = {}
    for row in rows:
        step, seen = last.get(row["benchmark"], (-1, []))
        if row["step"] > step:
            last[row["benchmark"]] = (row["step"], [row["stderr"]])
        elif row["step"] == step:
            seen.append(row["stderr"])
    found: dict[str, Any] = {}
    for benchmark, (step, errors) in sorted(last.items()):
        known = [error for error in errors if error is not None]
        # Replicates by seed are averaged; their test items are the same, so their errors do not shrink.
        error = sum(known) / len(known) if known else None
        found[benchmark] = {
            "step": step,
            "stderr": error,
            "expected_luck": None if error is None else float(expected_largest(variants)) * error,
        }
    return found


def _of_protocol(connection: Connection, team_id: str, protocol_id: str) -> dict[str, Any]:
    submission, exposure, result = tables.submission, tables.exposure, tables.result
    mine = (submission.c.team_id == team_id, submission.c.protocol_id == protocol_id)
    states = Counter(connection.execute(select(submission.c.state).where(*mine)).scalars())
    variants = len(
        connection.execute(
            select(exposure.c.weights_sha256).where(
                exposure.c.team_id == team_id, exposure.c.protocol_id == protocol_id
            )
        ).all()
    )
    scored = connection.execute(
        select(submission.c.id, submission.c.state, result.c.trajectories)
        .join(result, result.c.submission_id == submission.c.id)
        .where(*mine)
        .order_by(submission.c.number)
    ).all()
    quota = connection.execute(
        select(tables.quota)
        .where(tables.quota.c.protocol_id == protocol_id, tables.quota.c.subject == f"team:{team_id}")
        .order_by(tables.quota.c.period.desc())
        .limit(1)
    ).one_or_none()
    return {
        "protocol": protocol_id,
        "attempts": sum(states.values()),
        "states": dict(sorted(states.items())),
        "variants": variants,
        "measured": len(scored),
        "withdrawn_after_scores": states.get("withdrawn", 0),
        "attempts_used": 0 if quota is None else quota.used,
        "attempts_limit": None if quota is None else quota.limit,
        "best_of": {
            row.id: luck_of_best(row.trajectories, max(len(scored), 1)) for row in scored if row.state == "published"
        },
        "correction": "expected_luck: by how much at most the best of the team's measured variants is expected to "
        "exceed its true score if all were equally good; subtract it before comparing with a team that tried once",
    }
