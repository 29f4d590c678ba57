"""One axis on which every model's position and the cost of reaching it are measured.

Strategies are compared by score. Near a ceiling that all models share a score has lost its digits, so
there positions count from the ceiling (minus the shortfall), which keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray
from headstart.contest.contest import Contest

Positions = Float[FloatArray, "*points"]


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
        total = curve.inverse(score, shortfall, exceed=exceed)
        return np.maximum(total - self.contest.level, 0.0)

    def cost(self, i: int, position: ArrayLike, *, exceed: bool = False) -> FloatArray:
        """Cost of reaching (or exceeding) a position, in cost units; ``inf`` when never."""
        return np.asarray(self.contest.costs[i].cost(self.effort(i, position, exceed=exceed)))
