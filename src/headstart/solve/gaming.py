"""What ``headstart solve`` says about gaming: incentive, levels with a guarantee, what every equilibrium agrees on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.contest.contest import Contest
from headstart.errors import ComputationError, InputError
from headstart.solve.dominance import dominance_level, iterated_dominance, iterated_dominance_level
from headstart.solve.incentive import ScoreNoise, incentive
from headstart.solve.incentive_level import IncentiveLevel, incentive_level
from headstart.solve.mixed.linear_program import evenly_spaced
from headstart.solve.strategic_ranks import strategic_ranks

MOST_MODELS = 1500
"""Iterated dominance compares all pairs of models in every round; larger contests go without."""

MOST_MODELS_BY_LEVEL = 300
"""The same for trying it at many levels."""

MOST_MODELS_UNEVEN = 80
"""The level for a tolerance takes thousands of expected rewards, which are slow where rewards are uneven."""


@dataclass(frozen=True, kw_only=True)
class ModelIncentive:
    """What one developer gains by tuning while nobody else does.

    Args:
        name: Model name.
        gain: A gain that is reached, in cost units.
        share: The same as a share of first reward minus last.
        upper_share: No effort gains more than this share.
        effort: The effort that gains ``gain``, in steps.
        cost: Its cost, in cost units.
    """

    name: str
    gain: float
    share: float
    upper_share: float
    effort: float
    cost: float


@dataclass(frozen=True, kw_only=True)
class LevelEnd:
    """A level from which on something holds.

    Args:
        status: ``zero``, ``finite``, ``infinite`` or ``unknown``.
        level: In steps; None unless zero or finite.
        below: A level below it at which it does not hold; None where none is known.
        reason: The status in words; None where there is nothing to add.
    """

    status: str
    level: float | None
    below: float | None
    reason: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class IncentiveAnswer:
    """What gaming gains in the contest, and from which level on nobody gains more than the tolerance.

    Args:
        noise_sd: Standard deviation of each observed score; None without noise.
        tolerance: Gain that counts as none, as a share of first reward minus last.
        largest_share: Largest share that is reached by any developer; None where it was not computed.
        largest_share_upper: No developer gains more than this share.
        models: One row per developer, in the contest's order; None where it was not computed.
        level_for_tolerance: From there on nobody gains more than the tolerance.
        reason: Why it was not computed; None where it was.
    """

    noise_sd: Float[FloatArray, " models"] | None
    tolerance: float
    largest_share: float | None
    largest_share_upper: float | None
    models: tuple[ModelIncentive, ...] | None
    level_for_tolerance: LevelEnd | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class ModelLevel:
    """Level from which on not tuning is best for one developer, whatever the others do; None where there is none."""

    name: str
    level: float | None


@dataclass(frozen=True, kw_only=True)
class IteratedAnswer:
    """Whether honesty is the only equilibrium by iterated dominance, at the contest's level and from which level on.

    Args:
        unique: At the contest's level; None where it was not computed.
        reason: What that rests on.
        status: Of the level, as in ``LevelEnd``.
        level: At every level tried from there on honesty is the only equilibrium; in steps.
        below: A level tried below it at which that was not shown.
        level_reason: The status in words.
    """

    unique: bool | None
    reason: str | None
    status: str
    level: float | None
    below: float | None
    level_reason: str | None


@dataclass(frozen=True, kw_only=True)
class DominanceAnswer:
    """The dominance level, for all developers and for each, and iterated dominance."""

    status: str
    level: float | None
    reason: str | None
    models: tuple[ModelLevel, ...]
    iterated: IteratedAnswer


@dataclass(frozen=True, kw_only=True)
class StrategicModel:
    """What every equilibrium agrees on about one model; a bound that does not exist is None.

    Args:
        name: Model name.
        low: Least score in any equilibrium.
        high: Largest such score.
        best_rank: Best rank in any equilibrium, noise allowed for.
        worst_rank: Worst such rank.
        most_effort: Largest effort in any equilibrium, in steps.
    """

    name: str
    low: float
    high: float | None
    best_rank: int
    worst_rank: int
    most_effort: float | None


@dataclass(frozen=True, kw_only=True)
class StrategicAnswer:
    """Strategic rank intervals.

    Args:
        certain: Share of the pairs whose order is the same in every equilibrium and beyond noise; None without pairs.
        confidence: With which that holds for all pairs at once; 1 without noise.
        rounds: Rounds of deleting dominated efforts.
        models: One row per model, in the contest's order.
    """

    certain: float | None
    confidence: float
    rounds: int
    models: tuple[StrategicModel, ...]


def incentive_answer(contest: Contest, tolerance: float) -> IncentiveAnswer:
    """What gaming gains.

    Args:
        contest: The contest at its level, with its noise.
        tolerance: Gain that counts as none, as a share of first reward minus last.
    """
    try:
        found = incentive(contest)
        end = _level_for(contest, tolerance)
    except (InputError, ComputationError) as error:
        return IncentiveAnswer(
            noise_sd=contest.noise_sd, tolerance=tolerance, largest_share=None, largest_share_upper=None, models=None,
            level_for_tolerance=None, reason=str(error),
        )  # fmt: skip
    columns = (found.lower, found.share, found.upper_share, found.best_effort, found.best_cost)
    rows = zip(contest.names, *(column.tolist() for column in columns), strict=True)
    return IncentiveAnswer(
        noise_sd=contest.noise_sd,
        tolerance=tolerance,
        largest_share=float(found.share.max()),
        largest_share_upper=float(found.upper_share.max()),
        models=tuple(
            ModelIncentive(name=name, gain=gain, share=share, upper_share=upper, effort=effort, cost=cost)
            for name, gain, share, upper, effort, cost in rows
        ),
        level_for_tolerance=LevelEnd(status=end.status, level=end.level, below=end.below, reason=end.reason),
        reason=None,
    )


def _level_for(contest: Contest, tolerance: float) -> IncentiveLevel:
    if contest.n > MOST_MODELS_UNEVEN and not evenly_spaced(contest.rewards):
        why = f"not computed for more than {MOST_MODELS_UNEVEN} models with uneven rewards"
        return IncentiveLevel(status="unknown", level=None, below=None, tolerance=tolerance, reason=why)
    return incentive_level(contest, tolerance=tolerance)


def dominance_answer(contest: Contest) -> DominanceAnswer:
    """The dominance level and iterated dominance; unknown where a law of another package says nothing about slopes."""
    try:
        found, iterated = dominance_level(contest), _iterated(contest)
    except ComputationError as error:
        why = str(error)
        unknown = IteratedAnswer(unique=None, reason=why, status="unknown", level=None, below=None, level_reason=why)
        silent = tuple(ModelLevel(name=name, level=None) for name in contest.names)
        return DominanceAnswer(status="unknown", level=None, reason=why, models=silent, iterated=unknown)
    return DominanceAnswer(
        status=found.status,
        level=found.level,
        reason=found.reason,
        models=tuple(
            ModelLevel(name=name, level=_finite(level))
            for name, level in zip(contest.names, found.levels.tolist(), strict=True)
        ),
        iterated=iterated,
    )


def _iterated(contest: Contest) -> IteratedAnswer:
    unique, why = None, f"not computed for more than {MOST_MODELS} models"
    if contest.n <= MOST_MODELS:
        here = iterated_dominance(contest)
        unique, why = here.unique, here.reason
    if contest.n > MOST_MODELS_BY_LEVEL:
        tried = f"not tried by level for more than {MOST_MODELS_BY_LEVEL} models"
        return IteratedAnswer(unique=unique, reason=why, status="unknown", level=None, below=None, level_reason=tried)
    best = iterated_dominance_level(contest)
    return IteratedAnswer(
        unique=unique,
        reason=why,
        status=best.status,
        level=best.level,
        below=best.below,
        level_reason=best.reason,
    )


def strategic_answer(contest: Contest) -> StrategicAnswer:
    """Strategic rank intervals of the contest with its noise."""
    found = strategic_ranks(contest, noise=ScoreNoise.of(contest))
    columns = (found.low, found.high, found.best, found.worst, found.effort)
    rows = zip(contest.names, *(column.tolist() for column in columns), strict=True)
    return StrategicAnswer(
        certain=_finite(float(np.asarray(found.certain))),
        confidence=found.confidence,
        rounds=int(found.rounds),
        models=tuple(
            StrategicModel(
                name=name, low=low, high=_finite(high), best_rank=best, worst_rank=worst, most_effort=_finite(effort)
            )
            for name, low, high, best, worst, effort in rows
        ),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
