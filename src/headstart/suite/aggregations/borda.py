"""The Borda count."""

from __future__ import annotations

from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.suite.aggregations.base import Aggregation, below_and_tied


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Borda points of each model: one for every rival below on every task, half a point for a tie.

    (models - 1) * tasks times the win rate: the same ranking, in points.

    >>> import numpy as np
    >>> values(np.array([[0.5], [0.7], [0.5]])).tolist()
    [0.5, 2.0, 0.5]
    """
    below, tied = below_and_tied(scores)
    return (2 * below + tied).sum(axis=1) / 2.0


BORDA = Aggregation(
    name="borda",
    values=values,
    when="The ranking of win-rate in points: one for every rival beaten on every task, half for a tie.",
)
