"""How good a forecast was: continuous ranked probability score and coverage of intervals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from headstart.contest.arrays import BoolArray, FloatArray

INTERVAL = (0.025, 0.975)


def crps(draws: Float[FloatArray, "draws cases"], measured: Float[FloatArray, " cases"]) -> Float[FloatArray, " cases"]:
    """Continuous ranked probability score of each case, in the units of the scores; smaller is better.

    The mean distance of a draw from what was measured less half the mean distance of two draws, unbiased for any
    number of draws (2 or more). For a forecast without spread it is the absolute error.

    Source: Gneiting and Raftery (2007), Sec. 4.2; Ferro (2014) for the unbiased form.

    >>> crps(np.array([[0.2], [0.4]]), np.array([0.3])).round(6).tolist()
    [0.0]
    """
    count = len(draws)
    rank = 2 * np.arange(1, count + 1, dtype=np.float64) - count - 1
    apart = rank @ np.sort(draws, axis=0) / (count * (count - 1))  # half the mean distance of two draws
    return np.abs(draws - measured).mean(axis=0) - apart


def inside(draws: Float[FloatArray, "draws cases"], measured: Float[FloatArray, " cases"]) -> Bool[BoolArray, " cases"]:
    """Whether what was measured lies in the central 95 % interval of the draws."""
    low, high = np.quantile(draws, INTERVAL, axis=0)
    return (low <= measured) & (measured <= high)
