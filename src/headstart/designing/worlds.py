"""In which posterior draws nobody tunes, and which pair decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from headstart.contest.advanced import advanced
from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.compare import Standing, effort_to_pass
from headstart.contest.curves import LogitPower
from headstart.designing.protocols.base import Rules, contest_under, rewards_under
from headstart.designing.scenario import Scenario
from headstart.solve.pure import solve_pure, tightest_pair


def stable_share(scenario: Scenario, rules: Rules) -> float:
    """Share of the posterior draws in which nobody tuning is an equilibrium; 0 or 1 where the curves are known.

    Ranks, and with them tiers' rewards, are those of each world; the boundaries of the tiers are the rules'.
    """
    if scenario.draws is None:
        return float(solve_pure(contest_under(rules, scenario)).verdict == "exists")
    assert scenario.developer_cost_per_step is not None
    stable = stable_worlds(
        scenario.draws, scenario.developer_cost_per_step, rules.levels, rewards_under(rules, scenario)
    )
    return float(stable.mean())


def stable_worlds(
    curves: LogitPower,
    cost_per_step: Float[FloatArray, " models"],
    levels: Float[FloatArray, " models"],
    rewards: Float[FloatArray, " models"],
) -> Bool[BoolArray, " draws"]:
    """Whether nobody tuning is an equilibrium in each world, for linear costs.

    The answer of ``solve.prices.critical_stakes`` at these very rewards, by the scan of Prop. C': per climber only the
    lowest holder of a reward level counts, and after a price p only rewards above ``R + p``. All worlds and climbers
    advance together, so that a thousand protocols take seconds.

    Args:
        curves: Fields of shape (draws, models).
        cost_per_step: Cost units per step of each developer.
        levels: Steps the designer gives each model.
        rewards: By rank, best first, in cost units.

    Source: docs/theory, Props. B and C'.
    """
    worlds, n = curves.L.shape
    start = np.broadcast_to(levels, (worlds, n))
    order: IntArray = np.argsort(-curves.score(start), axis=1, kind="stable")

    def ranked(values: FloatArray) -> FloatArray:
        return np.take_along_axis(values, order, axis=1).ravel()

    own = LogitPower(L=ranked(curves.L), U=ranked(curves.U), alpha=ranked(curves.alpha), beta=ranked(curves.beta))
    level, cost = ranked(start), cost_per_step[order].ravel()
    standing = Standing.of(own, level)
    stable = np.ones(worlds, dtype=bool)
    world, place = (index.ravel() for index in np.indices((worlds, n)))
    rival = _lowest_paid_more(rewards, rewards[place])
    searching = rival >= 0
    while searching.any():
        world, place, rival = world[searching], place[searching], rival[searching]
        at = world * n + place
        total = effort_to_pass(own.take(at), standing.take(world * n + rival))
        with np.errstate(invalid="ignore"):  # free steps to an unreachable place are still out of reach
            price = np.where(np.isfinite(total), np.maximum(total - level[at], 0.0) * cost[at], np.inf)
        stable[world[price < rewards[rival] - rewards[place]]] = False
        amount = np.maximum(rewards[place] + price, rewards[rival])
        searching = stable[world] & (amount < rewards[0])
        rival = _lowest_paid_more(rewards, amount)
    return stable


def _lowest_paid_more(rewards: FloatArray, amount: FloatArray) -> IntArray:
    """Largest place, from 0, whose reward exceeds ``amount``; -1 when there is none."""
    return rewards.size - 1 - np.searchsorted(rewards[::-1], amount, side="right")


def deciding_pair(scenario: Scenario, rules: Rules) -> tuple[int, int] | None:
    """The pair (climber, overtaken) that most often is the tightest in the worlds where somebody tunes.

    Where the curves are known it is the tightest of the contest; None where no place is for sale.
    """
    if scenario.draws is None:
        pair = tightest_pair(contest_under(rules, scenario))
        return None if pair is None else (pair.i, pair.k)
    assert scenario.developer_cost_per_step is not None
    rewards = rewards_under(rules, scenario)
    stable = stable_worlds(scenario.draws, scenario.developer_cost_per_step, rules.levels, rewards)
    pairs: Counter[tuple[int, int]] = Counter()
    for w in np.flatnonzero(~stable):
        world = scenario.world(int(w))
        pair = tightest_pair(replace(world, curves=advanced(world.curves, rules.levels), rewards=rewards))
        if pair is not None:
            pairs[pair.i, pair.k] += 1
    return pairs.most_common(1)[0][0] if pairs else None
