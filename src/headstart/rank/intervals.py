"""Intervals from posterior draws: of any figure, of ranks, and which of two models is ahead."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray

CONFIDENCE = 0.95
"""Coverage aimed at by every interval."""


def quantile_interval(worlds: Float[FloatArray, "worlds *shape"]) -> tuple[FloatArray, FloatArray]:
    """Central 95 % of a figure over posterior draws; infinite values are allowed and never interpolated.

    Args:
        worlds: The figure in each world.

    Returns:
        Lower and upper end, each of ``shape``.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(worlds, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return np.asarray(low), np.asarray(high)


def rank_intervals(scores: Float[FloatArray, "draws models"]) -> Int[IntArray, "models 2"]:
    """Best and worst rank of each model in the central 95 % of posterior draws; 1 is best."""
    order: IntArray = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty(order.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, scores.shape[1] + 1)[None, :], axis=1)
    return np.stack(quantile_interval(ranks), axis=1).astype(np.int64)


def share_ahead(a: Float[FloatArray, "worlds *shape"], b: Float[FloatArray, "worlds *shape"]) -> FloatArray:
    """Share of posterior draws in which ``a`` exceeds ``b``, draws counted half."""
    return np.asarray(((a > b) + 0.5 * (a == b)).mean(axis=0))
