"""Tiers: models whose scores are exactly equal share a rank and its reward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from headstart.contest.arrays import IntArray
from headstart.designing.protocols.base import Protocol, Rules, contest_under
from headstart.designing.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Tiers(Protocol):
    """Draw tiers at the rules' level, once: exactly equal scores share one.

    The boundaries are positions in the ranking and stay where they are when a developer tunes: overtaking within a
    tier pays nothing, overtaking the last model of a better tier pays the difference between the tiers. Tiers drawn
    by a significance threshold do not stabilise a measured field (docs/negative-results), so they are not offered.
    """

    shares_ranks: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "tiers"

    def extend(self, rules: Rules, scenario: Scenario) -> Rules:
        contest = contest_under(replace(rules, tier_of_rank=None), scenario)
        ranked = contest.scores()[contest.order()]
        tier: IntArray = np.r_[0, np.cumsum(np.diff(ranked) != 0)].astype(np.int64)
        return replace(rules, tier_of_rank=tier)
