"""The mean: a place costs the least total that lifts the sum of scores by the gap, spread over tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray
from headstart.suite.price.allocation import least_cost
from headstart.suite.price.branch import CLOSE, closed_by_branching
from headstart.suite.price.climb import Climb
from headstart.suite.price.grid import CELLS, least_cost_on_grid
from headstart.suite.price.rule import OUT_OF_REACH, Field, Found

ROUNDING = 1e-13
"""Sums of scores closer than this, relative to their size, are equal."""


@dataclass(frozen=True, kw_only=True)
class MeanRule:
    """Models are ranked by the mean of their scores; every task weighs the same."""

    name: str = "mean"

    def standing(self, field: Field) -> Float[FloatArray, " models"]:
        """Mean scores."""
        return field.scores.mean(axis=1)

    def pairs(self, field: Field, lower: Sequence[int], upper: Sequence[int]) -> list[Found]:
        """Exact where the form of all curves of the climber is known; bounds elsewhere.

        Source: docs/suites-prices, "The mean".
        """
        if not lower:
            return []
        i, k = np.array(lower, dtype=np.int64), np.array(upper, dtype=np.int64)
        return prices_of(Climb.of(field.suite, i, field.level), gaps(field.scores[i], field.scores[k]))

    def first(self, field: Field, climbers: Sequence[int], above: Sequence[Sequence[int]]) -> list[Found]:
        """The leader's price: passing it passes everybody, and nobody else's mean changes."""
        standing = self.standing(field)
        return self.pairs(field, climbers, [max(rivals, key=lambda k: float(standing[k])) for rivals in above])


def gaps(own: Float[FloatArray, "pairs tasks"], rival: Float[FloatArray, "pairs tasks"]) -> Float[FloatArray, " pairs"]:
    """Sums of what is missing, differences that rounding could make counted 0."""
    gap = (rival - own).sum(axis=1)
    size = (np.abs(rival) + np.abs(own)).sum(axis=1)
    return np.where(np.abs(gap) <= ROUNDING * size, 0.0, gap)


def prices_of(climb: Climb, gap: Float[FloatArray, " climbers"], *, cells: int = CELLS) -> list[Found]:
    """Least costs of gaining more than ``gap`` in total: by duality, with branching where curves have a convex start.

    Args:
        climb: The climbers.
        gap: Weighted score to gain, shape (climbers,).
        cells: Cells of the grid on which curves of unknown form are priced.
    """
    known = climb.known
    found: dict[int, Found] = {}
    rows: IntArray = np.flatnonzero(known)
    if rows.size:
        own, wanted = climb.take(rows), gap[rows]
        bounds = least_cost(own, wanted)
        with np.errstate(invalid="ignore"):
            apart = np.flatnonzero(np.isfinite(bounds.lower) & (bounds.upper - bounds.lower > CLOSE * bounds.upper))
        if apart.size:
            closer = closed_by_branching(own.take(apart), wanted[apart], bounds.take(apart))
            bounds = bounds.with_rows(apart, closer)
        for at, row in enumerate(rows.tolist()):
            effort = bounds.effort[at]
            found[row] = Found(
                lower=float(bounds.lower[at]),
                upper=float(bounds.upper[at]),
                effort=effort if np.isfinite(effort).all() else None,
            )
    for row in np.flatnonzero(~known).tolist():
        found[row] = _on_grid(climb.take(np.array([row])), float(gap[row]), cells)
    return [found[row] for row in range(len(gap))]


def _on_grid(climb: Climb, gap: float, cells: int) -> Found:
    if gap < 0:
        return Found(lower=0.0, upper=0.0, effort=np.zeros(climb.shape[1]))
    if gap >= climb.most_gain.sum():
        return OUT_OF_REACH
    if gap == 0:  # any gain at all will do: the infimum on the task that rises first
        step = 1e-12 * float(climb.most_gain[np.isfinite(climb.most_gain)].sum() or 1.0)
        return _on_grid(climb, step, 1)
    low, high, effort = least_cost_on_grid(climb, gap, cells=cells)
    return Found(lower=low, upper=high, effort=effort if np.isfinite(high) else None)


MEAN = MeanRule()
