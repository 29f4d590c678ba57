"""The upper median of the scores."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.suite.aggregations.base import Aggregation


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Upper median of each model's scores: the middle one, and of an even number the better of the two in the middle.

    So it is always one of the scores: the largest m such that the model scores at least m on half of the tasks or more.

    >>> values(np.array([[0.1, 0.4, 0.6, 0.9], [0.2, 0.2, 0.3, 0.8]])).tolist()
    [0.6, 0.3]

    Source: Gordienko, Schollmeyer, Kreuter and Jansen (2026), How Hard is it to Rig a Benchmark?, arXiv 2605.23628,
    whose counts rest on the upper median.
    """
    middle = scores.shape[1] // 2
    return np.partition(scores, middle, axis=1)[:, middle].copy()


MEDIAN = Aggregation(
    name="median",
    values=values,
    when="A few odd tasks should decide nothing; half of the tasks never count (for an even number: the upper median).",
)
