"""The mean of the scores."""

from __future__ import annotations

from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.suite.aggregations.base import Aggregation, rounded


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Mean score of each model.

    >>> import numpy as np
    >>> values(np.array([[0.5, 0.7], [0.9, 0.1]])).tolist()
    [0.6, 0.5]
    """
    return rounded(scores.mean(axis=1))


MEAN = Aggregation(
    name="mean",
    values=values,
    when="A point is worth the same on every task; tasks with wide spreads decide. Other models do not count.",
)
