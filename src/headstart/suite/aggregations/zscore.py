"""The mean of the scores standardised by task."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.suite.aggregations.base import Aggregation, rounded


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Mean z-score of each model: (score - mean of the task) / standard deviation of the task, over the models.

    A task on which all models score the same says nothing and gives 0 to all.

    >>> values(np.array([[0.5, 0.3], [0.7, 0.3]])).tolist()
    [-0.5, 0.5]
    """
    spread = spreads(scores)
    standard = (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return rounded(np.where(spread > 0, standard, 0.0).mean(axis=1))


def spreads(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " tasks"]:
    """Standard deviation of each task over its models (divided by their number); exactly 0 where all are equal."""
    return np.where(scores.max(axis=0) > scores.min(axis=0), scores.std(axis=0), 0.0)


ZSCORE = Aggregation(
    name="zscore",
    values=values,
    when="Tasks differ in unit or spread and should weigh the same; adding or removing models changes the weights.",
)
