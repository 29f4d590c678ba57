"""One axis on which every model's position and the cost of reaching it are measured.

Strategies are compared by score. Near a ceiling that all models share a score has lost its digits, so
there positions count from the ceiling (minus the shortfall), which keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.contest.curves import Curve, Points

Positions = Float[FloatArray, "*points"]
BISECTIONS = 60
"""Halvings of a piece between two measured points: down to the last digit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreAxis:
    """Positions are ``score - origin``.

    Args:
        contest: The contest whose curves, costs and level are meant.
        origin: The ceiling common to all curves, or 0 where there is none.
        from_ceiling: Whether ``origin`` is that ceiling.
    """

    contest: Contest
    origin: float
    from_ceiling: bool

    @classmethod
    def of(cls, contest: Contest) -> ScoreAxis:
        """The axis of a contest."""
        ceiling = contest.curves.ceiling
        common = bool(np.isfinite(ceiling).all() and np.ptp(ceiling) == 0)
        return cls(contest=contest, origin=float(ceiling[0]) if common else 0.0, from_ceiling=common)

    def position(self, i: int, effort: ArrayLike) -> Positions:
        """Where developer i's own ``effort`` (steps, beyond the level) takes its model."""
        total = self.contest.level + np.asarray(effort, dtype=np.float64)
        curve = self.contest.curves[i]
        return -curve.shortfall(total) if self.from_ceiling else curve.score(total)

    def effort(self, i: int, position: ArrayLike, *, exceed: bool = False) -> FloatArray:
        """Least own effort with which i reaches (or, as an infimum, exceeds) a position; ``inf`` when never."""
        y = np.asarray(position, dtype=np.float64)
        curve = self.contest.curves[i]
        score = self.origin + y
        shortfall = -y if self.from_ceiling else curve.ceiling - score
        if isinstance(curve, Points):
            total = _effort_on_points(curve, score, exceed=exceed)
        elif exceed:
            total = curve.effort_to_exceed(score, shortfall)
        else:
            total = curve.effort_to_reach(score, shortfall)
        return np.maximum(total - self.contest.level, 0.0)

    def cost(self, i: int, position: ArrayLike, *, exceed: bool = False) -> FloatArray:
        """Cost of reaching (or exceeding) a position, in cost units; ``inf`` when never."""
        return np.asarray(self.contest.costs[i].cost(self.effort(i, position, exceed=exceed)))


def priority(contest: Contest) -> IntArray:
    """Place of each model in the order that breaks ties, 0 first."""
    if contest.tie_break == "listed":
        return np.arange(contest.n)
    place = np.empty(contest.n, dtype=np.int64)
    place[contest.order()] = np.arange(contest.n)
    return place


def _effort_on_points(curve: Curve, score: FloatArray, *, exceed: bool) -> FloatArray:
    """The inverse of a measured curve, for many scores at once (the curve's own inverse takes one at a time)."""
    assert isinstance(curve, Points)
    s = np.atleast_1d(score)
    right = np.searchsorted(curve.values, s, side="right" if exceed else "left")
    known = np.minimum(right, curve.values.size - 1)
    low, high = curve.effort[np.maximum(known - 1, 0)].copy(), curve.effort[known].copy()
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        value = curve.score(middle)
        short = value <= s if exceed else value < s
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    result = np.where(right == curve.values.size, np.inf, np.where(right == 0, 0.0, high))
    return result.reshape(score.shape)
