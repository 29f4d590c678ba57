"""Comparing models by score, with every digit that floating point has.

Two models near a common ceiling differ by shortfalls whose digits the scores have lost; comparisons use the shortfalls
where there are ceilings, and call a difference 0 that rounding could have made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import IntArray, rows
from headstart.contest.curves import Efforts, Scores

ROUNDING = 1e-13
"""Relative accuracy claimed for scores and shortfalls: a few hundred units in the last place."""

UNDERFLOW = 1e-290
"""Differences below this are 0: shortfalls of that size have lost their digits."""


class Scored(Protocol):
    """A batch of curves, or a table of them: enough to compare scores."""

    @property
    def ceiling(self) -> Scores: ...
    def score(self, effort: ArrayLike) -> Scores: ...
    def shortfall(self, effort: ArrayLike) -> Scores: ...


class Invertible(Protocol):
    """A batch of curves, or a table of them: enough to ask how much effort a score takes."""

    @property
    def ceiling(self) -> Scores: ...
    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike) -> Efforts: ...
    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike) -> Efforts: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """Where models stand: what a comparison needs, with full relative accuracy near a ceiling.

    Args:
        score: Scores.
        ceiling: Suprema of the curves.
        shortfall: Ceilings minus scores.
    """

    score: Scores
    ceiling: Scores
    shortfall: Scores

    @classmethod
    def of(cls, curves: Scored, effort: ArrayLike) -> Standing:
        """Where ``curves`` stand after ``effort``, level included."""
        return cls(score=curves.score(effort), ceiling=curves.ceiling, shortfall=curves.shortfall(effort))

    def take(self, index: IntArray) -> Standing:
        """The models at ``index``."""
        return rows(self, index)


def effort_to_beat(
    own: Invertible, rival: Scored, rival_effort: ArrayLike, *, draw_is_enough: ArrayLike = False
) -> Efforts:
    """Least total effort with which ``own`` beats what ``rival`` scores at ``rival_effort``.

    Args:
        own: Curves of the climbers.
        rival: Curves of their rivals, of a shape that broadcasts with ``own``.
        rival_effort: Total effort of the rivals, level included, in steps.
        draw_is_enough: Whether the climber ranks first when the scores are equal.

    Returns:
        Total effort, level included; ``inf`` when no effort is enough.
    """
    return effort_to_pass(own, Standing.of(rival, rival_effort), draw_is_enough=draw_is_enough)


def effort_to_pass(own: Invertible, target: Standing, *, draw_is_enough: ArrayLike = False) -> Efforts:
    """``effort_to_beat`` for rivals whose standing is known."""
    ceiling = own.ceiling
    with np.errstate(invalid="ignore"):
        # near a common ceiling this keeps the digits that ceiling - score loses
        shortfall = ceiling - target.ceiling + target.shortfall
    finite = np.isfinite(shortfall)
    if not finite.all():
        shortfall = np.where(finite, shortfall, ceiling - target.score)
    total = own.effort_to_exceed(target.score, shortfall)
    if np.any(draw_is_enough):
        total = np.where(draw_is_enough, own.effort_to_reach(target.score, shortfall), total)
    return total


def lead(a: Scored, effort_a: ArrayLike, b: Scored, effort_b: ArrayLike) -> Scores:
    """``score_a(effort_a) - score_b(effort_b)``, with full relative accuracy near a common ceiling.

    Returns 0 where the difference is below what floating point can tell, so that its sign is never a rounding error.
    """
    return lead_of(Standing.of(a, effort_a), Standing.of(b, effort_b))


def lead_of(a: Standing, b: Standing) -> Scores:
    """``lead`` for models whose standing is known."""
    with np.errstate(invalid="ignore"):
        ceilings = a.ceiling - b.ceiling
        by_shortfall = ceilings + (b.shortfall - a.shortfall)
    saturating = np.isfinite(by_shortfall)
    difference = np.where(saturating, by_shortfall, a.score - b.score)
    size = np.where(saturating, np.abs(ceilings) + a.shortfall + b.shortfall, np.abs(a.score) + np.abs(b.score))
    return np.where(np.abs(difference) <= ROUNDING * size + UNDERFLOW, 0.0, difference)
