"""Which reward schedules a level can carry: a system of difference constraints, and members of it.

Nobody tuning is an equilibrium exactly when ``R[k] - R[i] <= price(i, k)`` for every k above i (Prop. B). Together
with ``R[k] >= R[i]`` these are difference constraints: with the last place worth 0, the shortest
distances from the last place are the largest solution, and they are largest in every place at once. So
there is one steepest schedule, and it is found exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog
from scipy.sparse.csgraph import csgraph_from_dense, shortest_path

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.contest.contest_file import contest_document
from headstart.contest.rewards import explicit
from headstart.errors import ComputationError
from headstart.io.documents import Document, parse_json
from headstart.solve.prices import price_matrix
from headstart.solve.prove import CertifiedDecision, certified_decision

MARGIN = 1e-8
"""Prices are shrunk by this share, so that a schedule found in floating point is stable in exact arithmetic."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardDesign:
    """A reward schedule under which nobody tunes at the contest's level.

    Args:
        rewards: Best rank first, the last worth 0; shape (models,), in cost units.
        status: ``steepest``: no stable schedule pays any rank more. ``capped``: the same, up to the largest value.
            ``fitted``: the nearest to a wanted shape. ``flat``: every stable schedule pays all ranks the same.
        limiting: The pairs (model, overtakes) whose price binds, from the top.
        proof: Why nothing steeper is stable, in one sentence.
    """

    rewards: Float[FloatArray, " models"]
    status: Literal["steepest", "capped", "fitted", "flat"]
    limiting: tuple[tuple[str, str], ...]
    proof: str


def steepest_rewards(contest: Contest, *, largest: float) -> RewardDesign:
    """The stable schedule that pays every rank the most, none more than ``largest``.

    Args:
        contest: The contest; its own rewards are not used.
        largest: Most that first place may be worth, in cost units, ``> 0``. Where nobody can overtake nothing else
            bounds the rewards.

    Raises:
        InputError: If ``largest`` is not a positive number.

    Source: docs/theory, Prop. B; difference constraints by shortest paths.

    >>> from headstart.contest import *
    >>> curves = CurveTable.of([Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=1.0)])
    >>> costs = CostTable.batch(PowerCost(), 2)
    >>> contest = Contest(names=("strong", "weak"), curves=curves, costs=costs, rewards=[1.0, 0.0])
    >>> steepest_rewards(contest, largest=10.0).rewards.round(6).tolist()
    [0.5, 0.0]
    """
    require(bool(np.isfinite(largest)) and largest > 0, "largest", "a finite number > 0", largest)
    prices = _constraints(contest)
    n = contest.n
    rewards = explicit(np.minimum(_distances(_edges(prices), source=n - 1), largest))
    if rewards[0] == 0:
        return RewardDesign(
            rewards=rewards, status="flat", limiting=_limiting(contest, rewards, prices),
            proof="overtaking costs nothing along a chain of pairs from the last rank to the first",
        )  # fmt: skip
    capped = bool(rewards[0] >= largest)
    return RewardDesign(
        rewards=rewards,
        status="capped" if capped else "steepest",
        limiting=_limiting(contest, rewards, prices),
        proof="every rank is paid the shortest sum of prices that leads to it from the last",
    )


def nearest_rewards(contest: Contest, wanted: Float[FloatArray, " models"]) -> RewardDesign:
    """The stable schedule whose largest difference from a wanted one is least.

    Args:
        contest: The contest; its own rewards are not used.
        wanted: Schedule to come near to, best rank first, non-increasing; shape (models,), in cost units.

    Raises:
        InputError: If ``wanted`` is no reward schedule.
        ComputationError: If the linear program fails.

    Source: docs/theory, Prop. B; the least Chebyshev distance is a linear program.
    """
    wanted = explicit(wanted)
    require(wanted.size == contest.n, "wanted", f"{contest.n} long, one per rank", wanted.size)
    target = wanted - wanted[-1]
    prices = _constraints(contest)
    n = contest.n
    lower, upper = np.nonzero(np.isfinite(prices))
    rows: list[FloatArray] = []
    bounds: list[float] = []

    def at_most(positive: int, negative: int, bound: float) -> None:
        row = np.zeros(n + 1)
        row[positive] += 1.0
        row[negative] -= 1.0
        rows.append(row)
        bounds.append(bound)

    for i, k in zip(lower.tolist(), upper.tolist(), strict=True):
        at_most(k, i, float(prices[i, k]))
    for rank in range(n - 1):
        at_most(rank + 1, rank, 0.0)
    for rank in range(n):  # |R - target| <= the last variable
        for sign in (1.0, -1.0):
            row = np.zeros(n + 1)
            row[rank], row[n] = sign, -1.0
            rows.append(row)
            bounds.append(sign * float(target[rank]))
    limits = [(0.0, None)] * (n - 1) + [(0.0, 0.0), (0.0, None)]
    found = linprog(np.eye(n + 1)[n], A_ub=np.stack(rows), b_ub=bounds, bounds=limits, method="highs")
    if found.status != 0:
        raise ComputationError(f"the linear program for the rewards failed: {found.message}")
    rewards = explicit(_lowered(np.asarray(found.x, dtype=np.float64)[:n], prices))
    flat = bool(rewards[0] == 0)
    return RewardDesign(
        rewards=rewards,
        status="flat" if flat else "fitted",
        limiting=_limiting(contest, rewards, prices),
        proof="no stable schedule is nearer to the wanted one in its worst place",
    )


def certified(contest: Contest, rewards: Float[FloatArray, " models"]) -> CertifiedDecision:
    """Whether nobody tunes under the rewards, decided in exact or ball arithmetic.

    Raises:
        InputError: If a curve has no form in contest files.
    """
    document = cast("Document", parse_json(json.dumps(contest_document(contest.with_rewards(rewards))), Decimal))
    models = cast("list[Document]", document["models"])
    filled = {**document, "noise_sd": None, "models": [{"max_effort": None, **model} for model in models]}
    return certified_decision(filled)


def _constraints(contest: Contest) -> Float[FloatArray, "ranks ranks"]:
    """``prices[i, k]``: what rank i pays for rank k above it, a little less; ``inf`` elsewhere and out of reach."""
    strict = not contest.costs.free.any()
    require(strict, "costs", "strictly increasing from 0 on for a reward design", "some effort that is free")
    return price_matrix(contest) * (1.0 - MARGIN)


def bounded_value(contest: Contest) -> float | None:
    """Most that first place can be worth in any stable schedule, in cost units; None where nothing bounds it."""
    value = float(_distances(_edges(_constraints(contest)), source=contest.n - 1)[0])
    return value if np.isfinite(value) else None


def _lowered(rewards: FloatArray, prices: FloatArray) -> FloatArray:
    """The largest stable schedule nowhere above ``rewards``: what a linear program's tolerance left over is cut off."""
    n = rewards.size
    graph = np.full((n + 1, n + 1), np.inf)
    graph[:n, :n] = _edges(prices)
    graph[n, :n] = np.maximum(rewards, 0.0)  # a source from which every rank is worth what it is given
    return _distances(graph, source=n)[:n]


def _edges(prices: FloatArray) -> FloatArray:
    """An edge i -> k of length p says R[k] <= R[i] + p; a worse rank is never worth more."""
    n = prices.shape[0]
    graph = prices.copy()
    np.fill_diagonal(graph, np.inf)
    graph[np.arange(n - 1), np.arange(1, n)] = 0.0
    return graph


def _distances(graph: FloatArray, *, source: int) -> FloatArray:
    lengths = shortest_path(csgraph_from_dense(graph, null_value=np.inf), method="D", indices=source)
    return np.asarray(lengths, dtype=np.float64)


def _limiting(contest: Contest, rewards: FloatArray, prices: FloatArray) -> tuple[tuple[str, str], ...]:
    gap = rewards[None, :] - rewards[:, None]
    scale = max(float(rewards[0]), 1.0)
    binding = np.isfinite(prices) & (gap >= prices - MARGIN * scale)
    order: list[int] = contest.order().tolist()
    names = [contest.names[m] for m in order]
    rows, columns = np.nonzero(binding)
    pairs = sorted(zip(columns.tolist(), rows.tolist(), strict=True))
    return tuple((names[i], names[k]) for k, i in pairs)
