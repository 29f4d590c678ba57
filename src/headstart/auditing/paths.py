"""What developers could score by tuning on from each level: posterior draws of whole curves on a grid of steps.

A developer keeps its best checkpoint, so what it can show after ``e`` further steps is the running maximum of its
curve from the level on. Nothing is read beyond a model's horizon, where the measurements say too little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray
from headstart.solve.incentive.paths import in_threads

EFFORTS = 40
"""Further efforts at which gaming is tried from each level; between two of them the gain is enclosed."""


MOST_AT_ONCE = 4_000_000
"""Scores evaluated at a time: what the curves need beside them is a few times as large."""


class CurveDraws(Protocol):
    """Posterior draws of score curves, all that this package asks of a fit."""

    def score(self, step: Float[FloatArray, " steps"]) -> Float[FloatArray, "draws models steps"]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class GamingPaths:
    """Draws of every model's curve, from every level on.

    Args:
        names: Model names.
        steps: Rising grid of whole steps (and of the levels, whole or not), shape (steps,).
        scores: Draws of the scores on the grid, ``-inf`` beyond a model's horizon, shape (steps, draws, models): the
            running maximum over the first axis is fast.
        horizon: Last step of each model that a forecast is made for, shape (models,).
        cost_per_step: Of each model, shape (models,), in cost units.
    """

    names: tuple[str, ...]
    steps: Float[FloatArray, " steps"]
    scores: Float[FloatArray, "steps draws models"]
    horizon: Float[FloatArray, " models"]
    cost_per_step: Float[FloatArray, " models"]

    @classmethod
    def of(
        cls,
        curves: CurveDraws,
        *,
        names: tuple[str, ...],
        levels: tuple[float, ...],
        horizon: Float[FloatArray, " models"],
        cost_per_step: Float[FloatArray, " models"],
    ) -> GamingPaths:
        """Evaluate the curves on a grid that is fine just above each level and coarser far from it."""
        top = float(horizon.max())
        grid = np.unique(np.concatenate([further_efforts(level, top) + level for level in levels]))
        first = curves.score(grid[:1])
        scores = np.empty((grid.size, *first.shape[:2]))
        each = max(MOST_AT_ONCE // first.size, 1)
        parts = [slice(at, at + each) for at in range(0, grid.size, each)]

        def fill(begin: int, end: int) -> None:
            for part in parts[begin:end]:
                scores[part] = np.moveaxis(curves.score(grid[part]), 2, 0)
                for at, step in enumerate(grid[part].tolist(), start=part.start):
                    scores[at][:, step > horizon] = -np.inf

        in_threads(fill, len(parts), scores.size)
        return cls(names=names, steps=grid, scores=scores, horizon=horizon, cost_per_step=cost_per_step)

    @property
    def n_draws(self) -> int:
        """Number of posterior draws."""
        return int(self.scores.shape[1])

    def scores_at(self, level: float) -> Float[FloatArray, "draws models"]:
        """Scores at a level of the grid."""
        return self.scores[self._row(level)]

    def within_horizon(self, level: float) -> IntArray:
        """Models for which anything is known at a level."""
        return np.flatnonzero(self.horizon >= level)

    def beyond(self, level: float, models: IntArray) -> FurtherTuning:
        """What each of ``models`` can show after further efforts from a level; flat from its horizon on."""
        start = self._row(level)
        rows = start + np.flatnonzero(np.isin(self.steps[start:], further_efforts(level, self.steps[-1]) + level))
        effort = self.steps[rows] - level
        score = np.empty((self.n_draws, models.size, rows.size))

        def climb(begin: int, end: int) -> None:
            for draw in range(begin, end):
                # the best score up to each effort: that of the stretch since the last one, then the best stretch so far
                stretches = np.maximum.reduceat(self.scores[start:, draw], np.r_[0, rows[:-1] - start + 1], axis=0)
                score[draw] = np.maximum.accumulate(stretches[:, models], axis=0).T

        in_threads(climb, self.n_draws, self.scores[start:].size)
        return FurtherTuning(
            effort=effort,
            score=score,
            cost=self.cost_per_step[models][:, None] * effort,
        )

    def _row(self, level: float) -> int:
        row = int(np.searchsorted(self.steps, level))
        if row >= self.steps.size or self.steps[row] != level:
            raise ValueError(f"level must be on the grid, got {level:g}")
        return row


@dataclass(frozen=True, kw_only=True, eq=False)
class FurtherTuning:
    """The developers' choices from one level on.

    Args:
        effort: Further steps, 0 first, rising, shape (efforts,).
        score: Best score so far, non-decreasing along efforts, shape (draws, models, efforts).
        cost: Cost of the efforts, shape (models, efforts), in cost units.
    """

    effort: Float[FloatArray, " efforts"]
    score: Float[FloatArray, "draws models efforts"]
    cost: Float[FloatArray, "models efforts"]


def further_efforts(level: float, top: float) -> Float[FloatArray, " efforts"]:
    """Whole numbers of further steps, from 0 and 1 up to ``top - level``, evenly spaced on a log scale.

    >>> further_efforts(0.0, 4.0).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    most = np.floor(top - level)
    if most < 1:
        return np.zeros(1)
    spread: FloatArray = np.geomspace(1.0, most, EFFORTS - 1, dtype=np.float64)
    return np.unique(np.r_[0.0, np.round(spread)])
