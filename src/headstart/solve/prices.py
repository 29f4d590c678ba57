"""What every rank costs to take: the table that needs no rewards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.contest.compare import effort_to_beat
from headstart.contest.contest import Contest
from headstart.contest.curves import LogitPower

PRICES_AT_ONCE = 100_000
"""Prices per batch of posterior draws, few enough to stay in the processor's cache: changes no answer."""


@dataclass(frozen=True, kw_only=True)
class RankPrice:
    """What it takes one model to pass another when nobody else tunes.

    Args:
        model: The lower model.
        overtakes: The model above it.
        effort: Catch-up effort, in steps; None when no effort is enough.
        cost: The price, in cost units; None when no effort is enough.
        reachable: Whether some effort within the developer's cap is enough.
        reason: Why a number is missing or the place is out of reach; None otherwise.
    """

    model: str
    overtakes: str
    effort: float | None
    cost: float | None
    reachable: bool
    reason: str | None


def price_table(contest: Contest, *, all_pairs: bool = False) -> tuple[RankPrice, ...]:
    """Prices of the neighbouring pairs of the ranking, from the top, or of every pair.

    Source: docs/theory, catch-up effort and the price of a rank.
    """
    order = contest.order()
    if all_pairs:
        lower, upper = np.tril_indices(contest.n, -1)
        i, k = order[lower], order[upper]
    else:
        i, k = order[1:], order[:-1]
    if not i.size:
        return ()
    effort = contest.catch_up_effort(i, k)
    affordable = contest.affordable(i, k, effort)
    cost = contest.costs.take(i).cost(effort)
    return tuple(_row(contest, *row) for row in zip(i, k, effort, cost, affordable, strict=True))


def price_matrix(contest: Contest) -> Float[FloatArray, "ranks ranks"]:
    """Prices between the ranks of the untuned ranking, in cost units.

    Returns:
        Entry (i, k): what the model at rank i + 1 pays to take rank k + 1 above it; ``inf`` where that is out of reach
        or k is not above i.
    """
    order = contest.order()
    lower, upper = np.tril_indices(contest.n, -1)
    prices = np.full((contest.n, contest.n), np.inf)
    prices[lower, upper] = contest.price(order[lower], order[upper])
    return prices


def _row(contest: Contest, i: int, k: int, effort: float, cost: float, affordable: bool) -> RankPrice:
    reason = None
    if np.isinf(effort):
        reason = "the score to beat is at or above this model's ceiling"
    elif not affordable:
        reason = f"needs more than max_effort = {contest.max_effort[i]:g}"
    elif np.isinf(cost):
        reason = "the cost is too large for floating point"
    return RankPrice(
        model=contest.names[i],
        overtakes=contest.names[k],
        effort=float(effort) if np.isfinite(effort) else None,
        cost=float(cost) if np.isfinite(cost) else None,
        reachable=bool(affordable),
        reason=reason,
    )


def catch_up_efforts(
    curves: LogitPower, i: IntArray, k: IntArray, level: ArrayLike
) -> Float[FloatArray, "draws pairs"]:
    """Catch-up efforts of chosen pairs in many posterior draws at once.

    Args:
        curves: Fields of shape (draws, models).
        i: Climbing models, shape (pairs,).
        k: Their rivals, shape (pairs,).
        level: Tune-before-test level, in steps; a number or shape (draws, 1).

    Returns:
        Steps, shape (draws, pairs); 0 where i is ahead anyway, ``inf`` where no effort is enough.
    """
    own, rival = curves.map(lambda values: values[:, i]), curves.map(lambda values: values[:, k])
    total = effort_to_beat(own, rival, level)
    return np.maximum(total - np.asarray(level), 0.0)


def critical_stakes(
    curves: LogitPower,
    cost_per_step: Float[FloatArray, " models"],
    level: ArrayLike,
    shape: Float[FloatArray, " models"],
    *,
    most_total_effort: Float[FloatArray, " models"] | None = None,
) -> Float[FloatArray, " draws"]:
    """Largest value of first place under which nobody tuning is an equilibrium, in many posterior draws.

    With rewards ``value * shape`` and linear costs, stability is ``value * (shape[k] - shape[i]) <= price(i, k)`` for
    every pair, so the edge is the least ``price / (shape[k] - shape[i])``; per climber only the lowest holder of
    each reward level matters (Prop. C').

    Args:
        curves: Fields of shape (draws, models).
        cost_per_step: Cost units per step of each model.
        level: Tune-before-test level, in steps: one number, one per draw, or each model's own (draws, models).
        shape: Rewards for a first place worth 1, best rank first.
        most_total_effort: Effort, level included, beyond which nobody goes, in steps; None for no such bound.

    Returns:
        Cost units, shape (draws,); ``inf`` where no place can be bought.
    """
    require(bool((np.diff(shape) <= 0).all()), "shape", "non-increasing", shape)
    draws, n = int(curves.L.shape[0]), int(curves.L.shape[1])
    level = np.asarray(level, dtype=np.float64)
    level = np.broadcast_to(level[:, None] if level.ndim == 1 else level, curves.L.shape)
    batch = max(1, PRICES_AT_ONCE // n**2)
    parts = [slice(start, start + batch) for start in range(0, draws, batch)]
    edges = [
        _critical_stakes(curves.map(lambda v, p=part: v[p]), cost_per_step, level[part], shape, most_total_effort)
        for part in parts
    ]
    return np.concatenate(edges)


def _critical_stakes(
    curves: LogitPower,
    cost_per_step: FloatArray,
    level: Float[FloatArray, "draws models"],
    shape: FloatArray,
    most_total_effort: FloatArray | None,
) -> Float[FloatArray, " draws"]:
    order: IntArray = np.argsort(-curves.score(level), axis=1, kind="stable")
    ranked = curves.map(lambda values: np.take_along_axis(values, order, axis=1))
    holders = np.flatnonzero(np.diff(shape) < 0)  # the lowest-ranked holder of each level that is above another
    if not holders.size:
        return np.full(len(order), np.inf)
    own = ranked.map(lambda values: values[:, 1:, None])
    rival = ranked.map(lambda values: values[:, None, holders])
    start = np.take_along_axis(level, order, axis=1)
    own_start, rival_start = start[:, 1:, None], start[:, None, holders]
    effort = np.maximum(effort_to_beat(own, rival, rival_start) - own_start, 0.0)
    price = effort * cost_per_step[order][:, 1:, None]
    if most_total_effort is not None:
        price = np.where(own_start + effort > most_total_effort[order][:, 1:, None], np.inf, price)
    gap = shape[holders][None, :] - shape[1:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(gap > 0, price / gap, np.inf)
    return np.min(value, axis=(1, 2), initial=np.inf)
