"""The largest studentised difference over all pairs of models, in each of many draws."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from headstart.contest.arrays import BoolArray, FloatArray

# float32 where the caller knows that it is safe, float64 otherwise
Real = TypeVar("Real", np.float32, np.float64)

BLOCK = 64
"""Models in a block: 64 x 64 differences of a few draws stay in the second-level cache."""

CHUNK = 64
"""Draws worked on at a time."""


def largest_difference(
    deviations: Float[NDArray[Real], "draws models"], precision: Float[NDArray[Real], "models models"]
) -> Float[FloatArray, " draws"]:
    """Maximum over ordered pairs (j, k) of ``(deviations[:, j] - deviations[:, k]) * precision[j, k]``, at least 0.

    The models are cut into blocks. In one draw, no pair of blocks J and K can exceed (max of J - min of K) * (largest
    precision between them); pairs of blocks whose bound does not exceed the maximum found so far are skipped. The
    result is exact. Neighbours in the order of the models should be alike, so that few pairs of blocks are left.

    Args:
        deviations: Centred draws of the estimates.
        precision: 1 / standard error of the difference; 0 leaves the pair out.
    """
    n_draws, n = deviations.shape
    largest = np.zeros(n_draws, dtype=deviations.dtype)
    if n < 2:
        return largest.astype(np.float64)
    starts = np.arange(0, n, BLOCK, dtype=np.int64)
    high = np.maximum.reduceat(deviations, starts, axis=1)
    low = np.minimum.reduceat(deviations, starts, axis=1)
    finest = np.maximum.reduceat(np.maximum.reduceat(precision, starts, axis=0), starts, axis=1)
    bound = (high[:, :, None] - low[:, None, :]) * finest
    # promising pairs of blocks first: the others are then skipped in most draws
    for pair in np.argsort(-np.median(bound, axis=0), axis=None, kind="stable").tolist():
        a, b = divmod(pair, len(starts))
        rows, columns = slice(a * BLOCK, (a + 1) * BLOCK), slice(b * BLOCK, (b + 1) * BLOCK)
        open_draws = np.flatnonzero(bound[:, a, b] > largest)
        for first in range(0, len(open_draws), CHUNK):
            draws = open_draws[first : first + CHUNK]
            differences = deviations[draws, rows, None] - deviations[draws, None, columns]
            differences *= precision[rows, columns]
            largest[draws] = np.maximum(largest[draws], differences.reshape(len(draws), -1).max(axis=1))
    return largest.astype(np.float64)


def exceeding(
    estimates: Float[FloatArray, " models"], precision: Float[NDArray[Real], "models models"], critical_value: float
) -> Bool[BoolArray, "models models"]:
    """Which ordered pairs (j, k) have ``(estimates[j] - estimates[k]) * precision[j, k] > critical_value``."""
    found = np.empty(precision.shape, dtype=np.bool_)
    for first in range(0, len(estimates), BLOCK):
        rows = slice(first, first + BLOCK)
        found[rows] = (estimates[rows, None] - estimates) * precision[rows] > critical_value
    return found
