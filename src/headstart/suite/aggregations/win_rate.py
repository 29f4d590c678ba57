"""The mean share of rivals beaten."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.suite.aggregations.base import Aggregation, below_and_tied


def values(scores: Float[FloatArray, "models tasks"]) -> Float[FloatArray, " models"]:
    """Mean over the tasks of (rivals below + half of the rivals tied) / (models - 1).

    Counted in halves of one, so that equal win rates are equal. A model alone has the win rate 1/2.

    >>> values(np.array([[0.5], [0.7], [0.5]])).tolist()
    [0.25, 1.0, 0.25]

    Source: Liang et al. (2023), Holistic Evaluation of Language Models, TMLR: mean win rate.
    """
    models, tasks = len(scores), scores.shape[1]
    if models < 2:
        return np.full(models, 0.5)
    below, tied = below_and_tied(scores)
    points = (below + 0.5 * tied).sum(axis=1)
    return points / float((models - 1) * tasks)


WIN_RATE = Aggregation(
    name="win-rate",
    values=values,
    when="Only the order on each task counts, as in HELM; which other models are in the table decides too.",
)
