"""The upper median: half of the tasks, the cheapest ones, must pass the rival's median."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.contest.compare import Standing, effort_to_pass
from headstart.suite.price.rule import OUT_OF_REACH, Field, Found


@dataclass(frozen=True, kw_only=True)
class MedianRule:
    """Models are ranked by the upper median of their scores: the better of the two in the middle of an even number.

    It is the largest score m that the model has, or exceeds, on at least half of the tasks.
    """

    name: str = "median"

    def standing(self, field: Field) -> Float[FloatArray, " models"]:
        """Upper medians."""
        middle = field.scores.shape[1] // 2
        return np.partition(field.scores, middle, axis=1)[:, middle]

    def pairs(self, field: Field, lower: Sequence[int], upper: Sequence[int]) -> list[Found]:
        """Exact: the sum of the least costs of passing the rival's median on half of the tasks, rounded up.

        Source: docs/suites-prices, "The median".
        """
        return [self._pass(field, i, k) for i, k in zip(lower, upper, strict=True)]

    def first(self, field: Field, climbers: Sequence[int], above: Sequence[Sequence[int]]) -> list[Found]:
        """The leader's price: nobody else's median changes."""
        standing = self.standing(field)
        return self.pairs(field, climbers, [max(rivals, key=lambda k: float(standing[k])) for rivals in above])

    def _pass(self, field: Field, i: int, k: int) -> Found:
        tasks = field.scores.shape[1]
        half = tasks - tasks // 2
        # the task whose score is the rival's median, with its shortfall: digits near a ceiling
        middle = np.argsort(field.scores[k], kind="stable")[tasks // 2]
        suite = field.suite
        target = Standing.of(suite.table, field.level).take(k * tasks + np.repeat(middle, tasks))
        total = effort_to_pass(suite.rows(np.array([i])), target)
        effort = np.where(field.scores[i] > field.scores[k, middle], 0.0, np.maximum(total - field.level, 0.0))
        cost = suite.cost_per_step[i] * effort
        chosen = np.argsort(cost, kind="stable")[:half]
        if np.isinf(cost[chosen]).any():
            return OUT_OF_REACH
        spent = np.zeros(tasks)
        spent[chosen] = effort[chosen]
        bill = float(cost[chosen].sum())
        return Found(lower=bill, upper=bill, effort=spent)


MEDIAN = MedianRule()
