"""What every score curve can do, and what it may tell about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, require
from headstart.contest.law import Law

Efforts = Float[FloatArray, "*batch"]
Scores = Float[FloatArray, "*batch"]

MOST_EFFORT = 1e250
"""Efforts are searched up to here where a gradient is asked for; floating point ends shortly after."""

GRADIENT_BISECTIONS = 60
"""Halvings of an interval of log(1 + effort): down to the last digit."""

OUTWARDS = 1e-12
"""Relative room for rounding in bounds on a curve's steepness."""


class Curve(Law, ABC):
    """A batch of score curves of one kind, continuous and non-decreasing on ``effort >= 0``.

    Fields are floats or arrays of one common (broadcastable) shape; scores and inverses broadcast over them. A law must
    give the four abstract members. The others say what solvers can use beyond that; their defaults are those of a
    curve that rises for ever and of which nothing else is known.
    """

    @property
    @abstractmethod
    def ceiling(self) -> Scores:
        """Supremum of the score over all efforts (``inf`` for a rising line)."""

    @abstractmethod
    def score(self, effort: ArrayLike) -> Scores:
        """Score after ``effort >= 0`` units (training steps) of tuning."""

    @abstractmethod
    def shortfall(self, effort: ArrayLike) -> Scores:
        """``ceiling - score(effort)`` with full relative accuracy also near the ceiling; ``inf`` without one."""

    @abstractmethod
    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        """``inf{e >= 0 : score(e) >= s}``; ``inf`` when never. ``shortfall`` is this ceiling minus ``s``."""

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        """``inf{e >= 0 : score(e) > s}``; ``inf`` when never. Differs from reaching on plateaus and at the ceiling."""
        below = self.below_ceiling(score, shortfall)
        return np.where(below <= 0, np.inf, self.effort_to_reach(score, shortfall))

    def inverse(self, score: ArrayLike, shortfall: ArrayLike, *, exceed: bool) -> Efforts:
        """``effort_to_exceed`` or ``effort_to_reach``, for many scores at once."""
        return (self.effort_to_exceed if exceed else self.effort_to_reach)(score, shortfall)

    def below_ceiling(self, score: ArrayLike, shortfall: ArrayLike | None) -> Scores:
        """How far below the ceiling a score lies: ``shortfall`` itself where it is given."""
        return np.asarray(self.ceiling - np.asarray(score) if shortfall is None else shortfall, dtype=np.float64)

    def gradient(self, effort: ArrayLike) -> Scores:
        """Score gained per further unit of effort.

        Raises:
            InputError: If the law does not give it.
        """
        require(False, "curve", "of a kind that gives its gradient", self.kind)
        raise AssertionError  # require has raised

    def inflection(self) -> Efforts:
        """Effort up to which each curve is convex and from which on it is concave; ``nan`` where none is known."""
        return np.full(np.shape(self.ceiling), np.nan)

    def effort_at_gradient(self, gradient: ArrayLike) -> Efforts:
        """Effort at or beyond the inflection from which on a further unit gains no more than ``gradient > 0``.

        The inflection itself where the curve is never steeper; ``inf`` where it stays steeper for ever. Found by
        halving an interval on the scale log(1 + effort): beyond the inflection x the gradient is at most
        shortfall / (effort - x).
        """
        bend, wanted = self.inflection(), np.asarray(gradient, dtype=np.float64)
        low = np.log1p(np.broadcast_to(bend, np.broadcast_shapes(bend.shape, wanted.shape)))
        high = np.log1p(np.minimum(bend + self.shortfall(bend) / wanted, MOST_EFFORT))
        for _ in range(GRADIENT_BISECTIONS):
            middle = (low + high) / 2
            steep = self.gradient(np.expm1(middle)) > wanted
            low, high = np.where(steep, middle, low), np.where(steep, high, middle)
        return np.where(self.gradient(bend) > wanted, np.expm1(high), bend)

    def steepness(self, low: ArrayLike, high: ArrayLike) -> tuple[Scores, Scores]:
        """Bounds on the score gained per unit of ``log(1 + effort)`` all over ``[low, high]``: least and most.

        A law that does not know gives 0 and ``inf``; searches over levels are then slower, not wrong.
        """
        shape = np.broadcast_shapes(np.shape(low), np.shape(high), np.shape(self.ceiling))
        return np.zeros(shape), np.full(shape, np.inf)

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        """Whether the score rises strictly just beyond ``effort``."""
        return np.ones(np.broadcast_shapes(np.shape(effort), np.shape(self.ceiling)), dtype=np.bool_)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        """Whether the score at ``effort`` is one of the curve's own numbers, free of rounding."""
        return np.zeros(np.broadcast_shapes(np.shape(effort), np.shape(self.ceiling)), dtype=np.bool_)

    def plateaus(self) -> Scores:
        """Scores below the ceiling at which the curve stays for a while."""
        return np.empty(0)

    def ordering_parameter(self) -> tuple[str, FloatArray] | None:
        """Name and values of the one parameter that decides whether the curves of the batch cross, if there is one.

        There is one if the same rising transform of the score makes every curve a straight line in one common time
        scale that falls behind effort (such as ``log(1 + effort)``) or is effort; the parameter is the slope of the
        line. Curves that are ordered stay ordered exactly when slopes fall with rank (docs/theory, C1 and C3 by
        family).
        """
        return None

    def concave_and_saturating(self, level: float) -> tuple[bool | None, str]:
        """Whether all curves of the batch are concave from ``level`` on and have a ceiling (C2), or None; and why."""
        return None, f"concavity of {self.kind} curves is not decided"

    def settled(self, i: IntArray, k: IntArray, spend: FloatArray) -> Efforts:
        """Level beyond which the sign of ``score_i(D + e) - score_k(D)`` or its mirror changes for no ``e <= spend``.

        Asked only for pairs that share one ceiling, or have none.

        Args:
            i: Rows of the batch, shape (pairs,).
            k: Their rivals, shape (pairs,).
            spend: Most further effort of either, in steps, shape (pairs,).

        Returns:
            Steps, shape (pairs,); ``inf`` where it is beyond floating point, ``nan`` where no argument is known.
        """
        return np.full(spend.shape, np.nan)


def peaked(at_low: Scores, at_high: Scores, peak: Scores, inside: BoolArray) -> tuple[Scores, Scores]:
    """Least and most value on an interval of a function that rises to a peak and falls after it.

    Args:
        at_low: Its value at the lower end.
        at_high: At the upper end.
        peak: At the peak.
        inside: Whether the peak is in the interval.
    """
    most = np.where(inside, peak, np.maximum(at_low, at_high))
    return np.minimum(at_low, at_high) * (1 - OUTWARDS), most * (1 + OUTWARDS)
