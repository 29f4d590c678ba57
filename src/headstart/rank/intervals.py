"""Intervals from posterior draws: of any figure, of ranks, and which of two models is ahead."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Num
from scipy.stats import rankdata

from headstart.contest.arrays import FloatArray, IntArray

CONFIDENCE = 0.95
"""Coverage aimed at by every interval."""


def quantile_interval(draws: Num[FloatArray, "draws *shape"]) -> tuple[FloatArray, FloatArray]:
    """Central 95 % of a figure over posterior draws; infinite values are allowed and never interpolated.

    Args:
        draws: The figure in each draw.

    Returns:
        Lower and upper end, each of ``shape``.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return np.asarray(low), np.asarray(high)


def rank_intervals(scores: Float[FloatArray, "draws models"]) -> Int[IntArray, "models 2"]:
    """Best and worst rank of each model in the central 95 % of posterior draws; 1 is best.

    In a draw where models have exactly the same score they share their places: each has 1 + the number of models
    strictly above it as its best rank and n - the number strictly below it as its worst. The order of the columns does
    not matter.

    This is an interval for each model on its own. For sets that hold all ranks at once see
    `headstart.rank.rank_sets`.

    Args:
        scores: Score of each model in each draw; higher is better.

    >>> rank_intervals(np.array([[0.7, 0.7, 0.5]])).tolist()
    [[1, 2], [1, 2], [3, 3]]
    """
    best = np.asarray(rankdata(-scores, method="min", axis=1))
    worst = np.asarray(rankdata(-scores, method="max", axis=1))
    return np.stack([quantile_interval(best)[0], quantile_interval(worst)[1]], axis=1).astype(np.int64)


def share_ahead(a: Float[FloatArray, "draws *shape"], b: Float[FloatArray, "draws *other"]) -> FloatArray:
    """Share of posterior draws in which ``a`` exceeds ``b``, equal values counted half; shapes are broadcast."""
    return np.asarray(((a > b) + 0.5 * (a == b)).mean(axis=0))
