"""Tiers: models that the measurements cannot separate share a rank and its reward."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray
from headstart.designing.protocols.base import Rules, contest_under
from headstart.designing.scenario import Scenario
from headstart.rank.intervals import CONFIDENCE


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """Draw tiers at the rules' level from the posterior draws, once, with simultaneous confidence.

    A tier reaches down from its best model to the first that is separated from it. The boundaries are positions in
    the ranking and stay where they are when a developer tunes: overtaking within a tier pays nothing, overtaking the
    last model of a better tier pays the difference between the tiers. Where the curves are known, as in a contest file,
    only exactly equal scores share a tier.
    """

    @property
    def name(self) -> str:
        return "tiers"

    def extend(self, rules: Rules, scenario: Scenario) -> Rules:
        if scenario.draws is None:  # known curves leave no doubt: only exactly equal scores share a tier
            scores = np.tile(contest_under(replace(rules, tier_of_rank=None), scenario).scores(), (2, 1))
        else:
            scores = scenario.draws.score(rules.levels)
        order = contest_under(replace(rules, tier_of_rank=None), scenario).order()
        return replace(rules, tier_of_rank=simultaneous_tiers(scores[:, order]))


def simultaneous_tiers(scores: Float[FloatArray, "worlds ranks"]) -> IntArray:
    """Tier of every rank, such that with 95 % confidence *all* separations between tiers' best and next tiers are real.

    Args:
        scores: Plausible scores, columns from first to last rank.

    Returns:
        Rising from 0, shape (ranks,).

    Source: the studentised maximum over all pairs, its quantile read off the posterior draws (max-t; Romano and Wolf
    2005 for the idea).
    """
    n = scores.shape[1]
    first, second = np.triu_indices(n, 1)
    difference = scores[:, first] - scores[:, second]
    centre, spread = difference.mean(axis=0), difference.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(spread > 0, np.abs(difference - centre) / spread, 0.0)
    critical = np.quantile(deviation.max(axis=1, initial=0.0), CONFIDENCE)
    separated = np.zeros((n, n), dtype=bool)
    separated[first, second] = centre > critical * spread
    tier = np.zeros(n, dtype=np.int64)
    head = 0
    for rank in range(1, n):
        if separated[head, rank]:
            head = rank
        tier[rank] = tier[rank - 1] + (head == rank)
    return tier
