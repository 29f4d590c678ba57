"""How often a team has tried, and what the best of several tries owes to luck."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from headstart.board.server import tables
from headstart.board.server.clock import iso
from headstart.board.server.errors import not_found


def expected_best(k: int) -> float:
    """Expectation of the largest of ``k`` independent standard normal values, ``k >= 1``, by numerical integration.

    The score of the best of ``k`` equally good variants is expected to lie so many standard errors above their common
    true score if their errors are independent, and less where they answer the same items and err alike.

    Source: order statistics of the normal distribution; for k = 2 it is 1/sqrt(pi), for k = 3 it is 3/(2 sqrt(pi)).

    >>> abs(expected_best(2) - math.pi**-0.5) < 1e-9 and expected_best(1) == 0.0
    True
    """
    if k <= 1:
        return 0.0
    # E max = integral of x k phi(x) Phi(x)^(k-1); the trapezoid rule is exact to machine precision for it.
    step, total = 0.01, 0.0
    for number in range(-1000, 1001):
        x = number * step
        below = 0.5 * math.erfc(-x / math.sqrt(2))
        total += x * math.exp(-0.5 * x * x) * below ** (k - 1)
    return k * total * step / math.sqrt(2 * math.pi)


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
        Per benchmark, the correction at the last step: ``expected_best(variants)`` standard errors; None where the
        standard error is unknown.
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
            "expected_luck": None if error is None else expected_best(variants) * error,
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
