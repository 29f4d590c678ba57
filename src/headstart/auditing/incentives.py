"""What gaming gains at each level, over the posterior draws: the audit's main figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from headstart.auditing.level_values import DeveloperGain, Estimate, Incentive
from headstart.auditing.paths import FurtherTuning, GamingPaths
from headstart.auditing.values import IncentiveCurve
from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.rank import quantile_interval
from headstart.solve.incentive import ScoreNoise, incentive_of_paths

SIGNIFICANCE = 0.05
"""Chance of calling a level enough although the share of all draws in which it is lies below the confidence."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LevelIncentives:
    """Upper ends of the enclosed gains at one level, as shares of first reward minus last.

    Args:
        level: In steps.
        models: Models in the game there, shape (models,): indices into the paths.
        share: Shape (draws, models).
        reached: Largest lower end of any developer, shape (draws,): an interval of the gain begins there.
        least: Lower end of each developer's interval: the quantile of its lower ends, shape (models,).
        effort: Best further steps, shape (draws, models).
        burnt: Total cost of the best deviations, shape (draws,), in cost units.
        stake: First reward minus last, in cost units.
    """

    level: float
    models: IntArray
    share: Float[FloatArray, "draws models"]
    reached: Float[FloatArray, " draws"]
    least: Float[FloatArray, " models"]
    effort: Float[FloatArray, "draws models"]
    burnt: Float[FloatArray, " draws"]
    stake: float

    @property
    def largest(self) -> Float[FloatArray, " draws"]:
        """Largest share of any developer."""
        return self.share.max(axis=1)


def incentives_at(
    paths: GamingPaths, level: float, rewards: Float[FloatArray, " models"], difference_sd: float
) -> LevelIncentives:
    """Incentives of all developers at one level.

    Args:
        paths: What they can score.
        level: In steps, on the paths' grid.
        rewards: By rank, for all models of the paths; the places of models that are beyond their horizon at the level
            fall away from the end.
        difference_sd: Standard deviation of the difference of two measured scores, in score units.
    """
    models = paths.within_horizon(level)
    further = paths.beyond(level, models)
    return incentives_of(further, level, models, rewards[: models.size], difference_sd)


def incentives_of(
    further: FurtherTuning, level: float, models: IntArray, rewards: Float[FloatArray, " models"], difference_sd: float
) -> LevelIncentives:
    """Incentives among given models with given further tuning; see ``incentives_at``."""
    found = incentive_of_paths(
        further.score,
        further.cost,
        further.effort,
        rewards=rewards,
        noise=ScoreNoise.common(difference_sd),
        last_is_cap=True,
    )
    return LevelIncentives(
        level=level,
        models=models,
        share=found.upper_share,
        reached=found.share.max(axis=1),
        least=quantile_interval(found.share)[0],
        effort=found.best_effort,
        burnt=found.burnt,
        stake=found.stake,
    )


def suffice(found: Sequence[LevelIncentives], tolerance: float) -> Float[FloatArray, "draws levels"]:
    """Whether each level is enough in each draw: at it and every later one nobody gains more than the tolerance."""
    enough = np.stack([one.largest <= tolerance for one in found], axis=1)
    return np.logical_and.accumulate(enough[:, ::-1], axis=1)[:, ::-1].astype(np.float64)


def summarise(found: LevelIncentives, names: Sequence[str], suffices: float) -> Incentive:
    """The figures shown of one level."""
    gainer, effort = _gainer(found)
    return Incentive(
        share=estimate(found.largest, found.reached),
        gain=estimate(found.largest * found.stake, found.reached * found.stake),
        model=None if gainer is None else names[int(found.models[gainer])],
        effort=effort,
        burnt=estimate(found.burnt),
        suffices=suffices,
        developers=_developers(found, names),
    )


def _developers(found: LevelIncentives, names: Sequence[str]) -> tuple[DeveloperGain, ...]:
    """The figures of each developer."""
    value, high = np.median(found.share, axis=0), quantile_interval(found.share)[1]
    low, high = np.minimum(found.least, value), np.maximum(high, value)
    effort = _median_where(found.effort, (found.effort > 0) & (found.share > 0))
    return tuple(
        DeveloperGain(
            model=names[int(model)],
            share=Estimate(value=float(value[m]), low=float(low[m]), high=float(high[m])),
            effort=float(effort[m]) if np.isfinite(effort[m]) else None,
        )
        for m, model in enumerate(found.models)
    )


def _median_where(
    values: Float[FloatArray, "draws models"], kept: Bool[BoolArray, "draws models"]
) -> Float[FloatArray, " models"]:
    """Median of each column over the values kept; infinite where none is."""
    ordered = np.sort(np.where(kept, values, np.inf), axis=0)
    count = np.maximum(kept.sum(axis=0), 1)
    middle = np.take_along_axis(ordered, np.stack([(count - 1) // 2, count // 2]), axis=0)
    return middle.mean(axis=0)


def _gainer(found: LevelIncentives) -> tuple[int | None, float | None]:
    """The developer that gains most in most draws, and its median best effort there."""
    gains = np.flatnonzero((found.effort > 0).any(axis=1) & (found.largest > 0))
    most: list[int] = found.share[gains].argmax(axis=1).tolist()
    if not most:
        return None, None
    gainer = Counter(most).most_common(1)[0][0]
    own = gains[np.array(most) == gainer]
    return gainer, float(np.quantile(found.effort[own, gainer], 0.5, method="inverted_cdf"))


def estimate(draws: Float[FloatArray, " draws"], least: Float[FloatArray, " draws"] | None = None) -> Estimate:
    """Median and central 95 % of finite draws.

    Args:
        draws: The figure in each draw, or the upper end of what encloses it.
        least: The lower ends; the interval then runs from their quantile to that of the upper ends.
    """
    low, high = quantile_interval(draws)
    if least is not None:
        low, _ = quantile_interval(least)
    value = float(np.median(draws))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def incentive_curve(found: Sequence[LevelIncentives], tolerance: float) -> IncentiveCurve:
    """The figures of many levels as columns."""
    shares = [estimate(one.largest, one.reached) for one in found]
    return IncentiveCurve(
        levels=tuple(one.level for one in found),
        share=tuple(one.value for one in shares),
        low=tuple(one.low for one in shares),
        high=tuple(one.high for one in shares),
        burnt=tuple(estimate(one.burnt).value for one in found),
        suffices=tuple(suffice(found, tolerance).mean(axis=0).tolist()),
    )


def needed_share(draws: int, confidence: float) -> float:
    """Share of a sample of draws that shows, at 95 %, that a condition holds with probability ``confidence``.

    The least order statistic of the draws that does (binomial).

    >>> needed_share(400, 0.95) * 400
    388.0
    """
    from scipy.stats import binom  # imported where used: it takes longer to load than most commands run

    needed = int(binom.ppf(1 - SIGNIFICANCE, draws, confidence)) + 1  # pyright: ignore[reportUnknownMemberType]
    return min(needed, draws) / draws
