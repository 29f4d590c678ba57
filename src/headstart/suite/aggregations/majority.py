"""Pairwise majority: in how many duels a model is ahead on more tasks than it is behind."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.suite.aggregations.base import Aggregation

BLOCK_CELLS = 4_000_000
"""Pairs of models held at once."""


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Copeland score of each model: (duels won + half of the duels drawn) / (models - 1).

    Of two models the one that scores more on more tasks wins the duel; equal scores on a task count for neither, and
    as many tasks ahead as behind is a draw. A model alone has the score 1/2. Memory grows as the number of models.

    >>> values(np.array([[0.5, 0.5, 0.5], [0.7, 0.7, 0.1], [0.5, 0.5, 0.5]])).tolist()
    [0.25, 1.0, 0.25]

    Source: Copeland (1951), A Reasonable Social Welfare Function; draws count half (alpha = 1/2).
    """
    models = len(scores)
    if models < 2:
        return np.full(models, 0.5)
    points = np.empty(models)
    size = max(1, BLOCK_CELLS // models)
    for first in range(0, models, size):
        balance = margins(scores[first : first + size], scores)
        points[first : first + size] = np.sign(balance).sum(axis=1)
    return (points + (models - 1)) / (2.0 * (models - 1))


def margins(
    ours: Float[FloatArray, "some tasks"], theirs: Float[FloatArray, "models tasks"]
) -> Int[IntArray, "some models"]:
    """Tasks on which each of ours is ahead of each of theirs, minus the tasks on which it is behind.

    >>> margins(np.array([[0.5, 0.6]]), np.array([[0.4, 0.7], [0.5, 0.1]])).tolist()
    [[0, 1]]
    """
    balance = np.zeros((len(ours), len(theirs)), dtype=np.int32)
    for k in range(ours.shape[1]):
        mine, other = ours[:, k, None], theirs[None, :, k]
        balance += mine > other
        balance -= mine < other
    return balance.astype(np.int64)


MAJORITY = Aggregation(
    name="majority",
    values=values,
    when="Each task is a voter and the winner of most duels leads; margins and scales do not count.",
)
