"""The cheapest level: least tuning that is stable enough, and faithful enough, and what forces it up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require
from headstart.designing.deciding import deciding_pair, is_stable_under
from headstart.designing.figures import pure_figures
from headstart.designing.protocols import Protocol, TuneBeforeTest, rules_of
from headstart.designing.protocols.base import shared_rewards
from headstart.designing.scenario import Scenario
from headstart.solve.level import stabilising_level

LEVELS = 48
"""Levels tried between 0 and the farthest one, before the edge is refined."""

BISECTIONS = 20

DIGITS = 6
"""A level is rounded up to this many digits, so that what a page shows is what is stable."""


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What the designer asks for.

    Args:
        confidence: Least share of the posterior draws in which nobody tunes; in (0, 1].
        target_tau: Least expected Kendall tau to the quality order; None for no such requirements.
        budget: Most the designer's tuning may cost, in cost units; None for no bound.
        tolerance: Largest gain from gaming that counts as none, as a share of first reward minus last; used where
            scores are measured with noise.
    """

    confidence: float = 0.95
    target_tau: float | None = None
    budget: float | None = None
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        require(0 < self.confidence <= 1, "confidence", "in (0, 1]", self.confidence)
        require(self.target_tau is None or -1 <= self.target_tau <= 1, "target_tau", "in [-1, 1]", self.target_tau)
        require(0 <= self.tolerance < 1, "tolerance", "in [0, 1)", self.tolerance)
        require(self.budget is None or self.budget >= 0, "budget", ">= 0", self.budget)


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The two models that force the level up, and what doing without their rivalry would save.

    Args:
        climber: The model that would tune.
        overtaken: The model whose place it would take.
        level_without_climber: Cheapest stable level without the climber, in steps; None: still none within reach.
        level_without_overtaken: The same without the other.
        level_if_tied: The same if the ranks from one to the other shared their rewards.
    """

    climber: str
    overtaken: str
    level_without_climber: float | None
    level_without_overtaken: float | None
    level_if_tied: float | None


@dataclass(frozen=True, kw_only=True)
class CheapestLevel:
    """The least level that is stable enough.

    Args:
        level: In steps; None if there is none within reach.
        modifier: What it is combined with (``""`` or ``"+tiers"``).
        nearest: The level itself or, where there is none, the level of the largest share found, in steps.
        share: Share of the posterior draws that are stable at ``nearest``.
        kendall_tau: Expected agreement of the ranking with quality there, if nobody tunes; 0 where all share one tier.
        reach: Farthest level looked at, in steps.
        sensitivity: The pair that decides just below the level; None where none does.
    """

    level: float | None
    modifier: str
    nearest: float
    share: float
    kendall_tau: float
    reach: float
    sensitivity: Sensitivity | None


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The best agreement with quality that levels can bring.

    Args:
        tau: Largest expected Kendall tau over all levels within reach.
        level: Where it is attained, in steps.
        stable_tau: The same over the levels that are stable enough; None if none is.
        stable_level: Where that is attained, in steps.
    """

    tau: float
    level: float
    stable_tau: float | None
    stable_level: float | None


def combined(level: float, modifier: tuple[Protocol, ...]) -> tuple[Protocol, ...]:
    """Tune-before-test at a level, with whatever else is done."""
    return (TuneBeforeTest(level=level), *modifier)


def cheapest_level(
    scenario: Scenario, confidence: float, modifier: tuple[Protocol, ...], *, sensitivity: bool = True
) -> CheapestLevel:
    """The least level at which enough posterior draws are stable.

    Where the curves are known and nothing is added, the solver's stable set gives it; else a grid brackets the first
    level that is stable enough and bisection refines it. With crossing curves a still lower stable stretch between two
    grid levels can be missed.
    """
    level, nearest, share = _least_level(scenario, confidence, modifier)
    why = None
    if sensitivity and level is not None and level > 0 and scenario.contest.n > 2:
        why = _sensitivity(scenario, level, confidence, modifier)
    suffix = "".join(f"+{protocol.name}" for protocol in modifier)
    return CheapestLevel(
        level=level,
        modifier=suffix,
        nearest=nearest,
        share=share,
        kendall_tau=tau_at(scenario, nearest, modifier),
        reach=scenario.reach,
        sensitivity=why,
    )


def faithful_level(
    scenario: Scenario, requirements: Requirements, modifier: tuple[Protocol, ...], *, above: float
) -> float | None:
    """The least level from ``above`` on that is stable enough and as faithful as required; None if there is none."""
    least_tau = requirements.target_tau or -1.0

    def enough(level: float) -> bool:
        stable = _share(scenario, level, modifier) >= requirements.confidence
        return stable and tau_at(scenario, level, modifier) >= least_tau

    return first_level(_grid(scenario, above), enough)


def ceiling_of(scenario: Scenario, confidence: float) -> Ceiling:
    """The largest expected tau over the levels within reach, and over the stable ones."""
    levels = np.unique(np.r_[_grid(scenario, 0.0), min(scenario.reference, scenario.reach)])
    taus = np.array([tau_at(scenario, float(level), ()) for level in levels])
    stable = np.array([_share(scenario, float(level), ()) >= confidence for level in levels])
    best = int(np.argmax(taus))
    top = int(np.argmax(np.where(stable, taus, -np.inf)))
    return Ceiling(
        tau=float(taus[best]),
        level=float(levels[best]),
        stable_tau=float(taus[top]) if stable.any() else None,
        stable_level=float(levels[top]) if stable.any() else None,
    )


def tau_at(scenario: Scenario, level: float, modifier: tuple[Protocol, ...]) -> float:
    """Expected Kendall tau to quality when nobody tunes at a level."""
    return pure_figures(scenario, rules_of(combined(level, modifier), scenario)).tau


def first_level(levels: Float[FloatArray, " levels"], meets: Callable[[float], bool]) -> float | None:
    """The first of the rising levels that meets a condition, refined by bisection towards the one before it."""
    low: float | None = None
    for level in levels.tolist():
        if meets(level):
            return level if low is None else _refined(low, level, meets)
        low = level
    return None


def _refined(low: float, high: float, meets: Callable[[float], bool]) -> float:
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    rounded = rounded_up(high)
    return rounded if meets(rounded) else high


def rounded_up(level: float) -> float:
    """The least number of ``DIGITS`` digits that is not below ``level``.

    >>> rounded_up(9440.963054), rounded_up(0.0)
    (9440.97, 0.0)
    """
    if level == 0:
        return 0.0
    unit = DIGITS - 1 - math.floor(math.log10(level))
    return float(f"{math.ceil(level * (1 - 1e-12) * 10.0**unit) / 10.0**unit:.{DIGITS}g}")


def _least_level(
    scenario: Scenario, confidence: float, modifier: tuple[Protocol, ...]
) -> tuple[float | None, float, float]:
    """The cheapest stable level, if any, the level nearest to being stable enough, and the share there."""
    shares: dict[float, float] = {}

    def enough(level: float) -> bool:
        shares[level] = _share(scenario, level, modifier)
        return shares[level] >= confidence

    level = first_level(_grid(scenario, 0.0), enough) if modifier else _known_level(scenario, enough)
    nearest = max(shares, key=lambda tried: (shares[tried], -tried), default=0.0) if level is None else level
    return level, nearest, shares.get(nearest, 0.0)


def _known_level(scenario: Scenario, enough: Callable[[float], bool]) -> float | None:
    """The lower end of the first stable interval, or the next number above it that is decided to be stable."""
    for low, high in stabilising_level(scenario.contest).intervals:
        nearest = rounded_up(low)
        steps = (nearest, *(nearest + 10.0**power * max(nearest, 1.0) for power in range(-9, -3)))
        for level in steps:
            if (high is None or level <= high) and enough(level):
                return level
    return None


def _share(scenario: Scenario, level: float, modifier: tuple[Protocol, ...]) -> float:
    return float(is_stable_under(scenario, rules_of(combined(level, modifier), scenario)))


def _grid(scenario: Scenario, start: float) -> Float[FloatArray, " levels"]:
    """Levels from ``start`` to the farthest one, evenly spaced in log(1 + level)."""
    if start >= scenario.reach:
        return np.array([start])
    even = np.linspace(math.log1p(start), math.log1p(scenario.reach), LEVELS + 1)
    return np.array([start, *np.expm1(even[1:-1]), scenario.reach])


def _sensitivity(
    scenario: Scenario, level: float, confidence: float, modifier: tuple[Protocol, ...]
) -> Sensitivity | None:
    """Which pair decides just below the level, and the level without either, or with both tied."""
    rules = rules_of(combined(level * (1 - 1e-3), modifier), scenario)
    pair = deciding_pair(scenario, rules)
    if pair is None:
        return None
    climber, overtaken = pair
    names = scenario.contest.names
    return Sensitivity(
        climber=names[climber],
        overtaken=names[overtaken],
        level_without_climber=_least_level(scenario.without(climber), confidence, modifier)[0],
        level_without_overtaken=_least_level(scenario.without(overtaken), confidence, modifier)[0],
        level_if_tied=_least_level(_tied(scenario, climber, overtaken, level), confidence, modifier)[0],
    )


def _tied(scenario: Scenario, climber: int, overtaken: int, level: float) -> Scenario:
    """The scenario with the rewards of the ranks from one model to the other shared, ranks as of a level."""
    ranks = scenario.contest.at_level(level).ranks()
    first, last = sorted((int(ranks[climber]), int(ranks[overtaken])))
    at = np.arange(1, scenario.contest.n + 1)
    tier = np.where(at < first, at, np.where(at <= last, first, at - (last - first))) - 1
    return replace(scenario, contest=scenario.contest.with_rewards(shared_rewards(scenario.contest.rewards, tier)))
