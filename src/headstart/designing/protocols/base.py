"""What a protocol is: a rule that turns the scenario into the contest the developers then face, at a price."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from headstart.contest.advanced import advanced
from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.contest.contest import Contest
from headstart.designing.scenario import Scenario


@dataclass(frozen=True, kw_only=True, eq=False)
class Rules:
    """What a protocol lays down, before the developers move.

    Protocols combine by adding to one another's rules.

    Args:
        levels: Steps of tuning the designer gives each model, shape (models,).
        tier_of_rank: Tier of each rank, rising from 0 for the first; None: every rank is its own tier.
        items: Test items that every score is measured on; None: scores without noise.
    """

    levels: Float[FloatArray, " models"]
    tier_of_rank: IntArray | None = None
    items: int | None = None


class Protocol(ABC):
    """One lever of the designer: a frozen dataclass with one number as its field, or none."""

    stage: ClassVar[int] = 2
    """When its rules apply in a combination: 0 levels, 1 who is tuned, 2 who shares a rank, 3 how it is measured."""

    needs_level: ClassVar[bool] = False
    """Whether it means anything only together with a level above 0."""

    shares_ranks: ClassVar[bool] = False
    """Whether models may share a rank and its reward."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How it is written: its word in the registry, then ``:`` and the number, if it has one."""

    @abstractmethod
    def extend(self, rules: Rules, scenario: Scenario) -> Rules:
        """The rules with this lever pulled too."""


def direct_rules(scenario: Scenario) -> Rules:
    """Nothing is done: the rules every protocol starts from."""
    return Rules(levels=np.zeros(scenario.contest.n))


def rules_of(protocols: tuple[Protocol, ...], scenario: Scenario) -> Rules:
    """The rules of a combination, applied in order."""
    rules = direct_rules(scenario)
    for protocol in protocols:
        rules = protocol.extend(rules, scenario)
    return rules


def contest_under(rules: Rules, scenario: Scenario) -> Contest:
    """The contest the developers face under the rules.

    Models given the same tuning stay at one level; otherwise each curve is advanced by its own. Ranks of
    one tier share the mean of their rewards.
    """
    contest = scenario.contest.with_rewards(rewards_under(rules, scenario))
    if np.ptp(rules.levels) == 0:
        return contest.at_level(float(rules.levels[0]))
    return replace(contest, curves=advanced(contest.curves, rules.levels))


def rewards_under(rules: Rules, scenario: Scenario) -> Float[FloatArray, " models"]:
    """What each rank is worth under the rules, best first, in cost units."""
    if rules.tier_of_rank is None:
        return scenario.contest.rewards
    return shared_rewards(scenario.contest.rewards, rules.tier_of_rank)


def shared_rewards(rewards: Float[FloatArray, " models"], tier_of_rank: IntArray) -> Float[FloatArray, " models"]:
    """Every rank of a tier gets the mean reward of the tier's ranks: what is paid out stays the same."""
    require(tier_of_rank.shape == rewards.shape, "tier_of_rank", f"{rewards.size} long", tier_of_rank)
    total = np.bincount(tier_of_rank, weights=rewards)
    return (total / np.bincount(tier_of_rank))[tier_of_rank]


def tuning_bill(rules: Rules, scenario: Scenario) -> float:
    """What the designer spends on tuning under the rules, in cost units."""
    return float(rules.levels @ scenario.cost_per_step)
