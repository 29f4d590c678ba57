"""The mean share of the models that score at most as much."""

from __future__ import annotations

from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.suite.aggregations.base import Aggregation, below_and_tied


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Mean over the tasks of (models scoring at most as much, itself included) / models.

    >>> import numpy as np
    >>> values(np.array([[0.5], [0.7], [0.5], [0.4]])).tolist()
    [0.75, 1.0, 0.75, 0.25]
    """
    models, tasks = scores.shape
    below, tied = below_and_tied(scores)
    return (below + tied + 1).sum(axis=1) / float(models * tasks)


WIN_SHARE = Aggregation(
    name="win-share",
    values=values,
    when="As win-rate, but a tie is a win for both: the share of models scoring at most as much, self included.",
)
