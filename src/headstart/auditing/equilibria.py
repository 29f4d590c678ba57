"""What every equilibrium agrees on at one level: which orders always hold, and whether only honesty survives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.auditing.paths import FurtherTuning
from headstart.contest.arrays import FloatArray
from headstart.solve.dominance import iterated_dominance_of_paths
from headstart.solve.incentive import ScoreNoise
from headstart.solve.strategic_ranks import certain_pairs, strategic_ranks_of_paths

MOST_SCORES = 200_000
"""Models times draws for which rank intervals are computed at one level, about a second's work; the first draws."""

MOST_PAIRS = 5_000_000
"""Pairs of models times draws for which iterated dominance is computed at one level, about as much work: up to 500
models."""

FEWEST_DRAWS = 20
"""A share over fewer draws is not reported."""


@dataclass(frozen=True, kw_only=True)
class EveryEquilibrium:
    """See ``auditing.level_values.Level``, ``certain`` and ``unique``."""

    certain: float | None
    unique: float | None


def every_equilibrium(
    further: FurtherTuning, rewards: Float[FloatArray, " models"], difference_sd: float
) -> EveryEquilibrium:
    """What holds in every equilibrium at one level, over the posterior draws.

    Args:
        further: The developers' choices from the level on, in whole steps.
        rewards: By rank, for the models of ``further``, in cost units.
        difference_sd: Standard deviation of the difference of two measured scores, in score units.
    """
    draws, n, _ = further.score.shape
    if n < 2:
        return EveryEquilibrium(certain=None, unique=None)
    noise = ScoreNoise.common(difference_sd)
    kept = further.score[: max(min(draws, MOST_SCORES // n), 1)]
    ranks = strategic_ranks_of_paths(
        kept, further.cost, further.effort, rewards=rewards, noise=noise, least_effort=True
    )
    high, unique = ranks.high, None
    asked = min(draws, MOST_PAIRS // n**2)
    if difference_sd > 0 and asked >= min(FEWEST_DRAWS, draws):
        left = iterated_dominance_of_paths(
            further.score[:asked], further.cost, rewards=rewards, noise=noise, least_effort=True
        )
        unique = float(left.unique.mean())
        both = min(asked, len(kept))
        high = np.concatenate([np.minimum(high[:both], left.high[:both]), high[both:]])
    certain = certain_pairs(ranks.low, high, ranks.radius)
    return EveryEquilibrium(certain=float(np.median(certain)), unique=unique)
