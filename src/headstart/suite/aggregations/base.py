"""What an aggregation rule is, and what several of them share: counting who is ahead of whom, and rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from headstart.contest.arrays import FloatArray, IntArray

Values = Callable[[Float[FloatArray, "models tasks"]], Float[FloatArray, " models"]]

DIGITS = 12
"""Significant digits of a sum of scores: what lies below is rounding, and would order models that are tied."""


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """One way to make one number of a model's scores on several tasks.

    Args:
        name: As on the command line.
        values: From scores, more is better, to one value a model, more is better.
        when: When to use it, in one line.
    """

    name: str
    values: Values
    when: str

    def ranks(self, scores: Float[FloatArray, "models tasks"]) -> Int[IntArray, " models"]:
        """Rank of each model, 1 for the best; equal values share one."""
        return ranks_of(self.values(scores))


def ranks_of(values: Float[FloatArray, " models"]) -> Int[IntArray, " models"]:
    """Rank of each value: 1 + the number of larger ones.

    >>> ranks_of(np.array([0.5, 0.7, 0.5])).tolist()
    [2, 1, 2]
    """
    return np.asarray(rankdata(-values, method="min"), dtype=np.int64)


def rounded(values: Float[FloatArray, " models"]) -> Float[FloatArray, " models"]:
    """Values to ``DIGITS`` digits of the largest, so that equal sums of decimals are equal numbers.

    >>> bool(rounded(np.array([0.1 + 0.2]))[0] == rounded(np.array([0.3]))[0])
    True
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return values.copy()
    return np.round(values, int(DIGITS - 1 - np.floor(np.log10(largest))))


def below_and_tied(
    scores: Float[FloatArray, "models tasks"],
) -> tuple[Int[IntArray, "models tasks"], Int[IntArray, "models tasks"]]:
    """Rivals that score less, and rivals that score the same, by model and task; a sort a task.

    >>> [counts[:, 0].tolist() for counts in below_and_tied(np.array([[0.5], [0.7], [0.5]]))]
    [[0, 2, 0], [1, 0, 1]]
    """
    least = np.asarray(rankdata(scores, method="min", axis=0), dtype=np.int64)
    most = np.asarray(rankdata(scores, method="max", axis=0), dtype=np.int64)
    return least - 1, most - least
