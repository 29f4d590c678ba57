"""Measured curves, interpolated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from headstart.contest.arrays import BoolArray, FloatArray, frozen, require, require_finite
from headstart.contest.curves.curve import Curve, Efforts, Scores

BISECTIONS = 60
"""Halvings of a piece between two measured points: down to the last digit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Points(Curve):
    """One measured curve: monotone cubic interpolation (PCHIP), constant after the last point.

    Args:
        effort: Strictly increasing efforts, shape (points,), starting at 0.
        score: Non-decreasing scores, shape (points,).

    Raises:
        InputError: If the shapes differ, efforts do not start at 0 and rise, or scores fall.

    Source: Fritsch and Carlson (1980), as implemented by ``scipy.interpolate.PchipInterpolator``.
    """

    effort: Float[FloatArray, " points"]
    values: Float[FloatArray, " points"]
    kind: ClassVar[str] = "points"
    stacks: ClassVar[bool] = False

    def __init__(self, *, effort: ArrayLike, score: ArrayLike) -> None:
        object.__setattr__(self, "effort", frozen(effort))
        object.__setattr__(self, "values", frozen(score))
        require(self.effort.ndim == 1 and self.effort.size > 0, "effort", "a non-empty list", self.effort)
        require(self.effort.shape == self.values.shape, "score", f"{self.effort.size} numbers long", self.values)
        require_finite("effort", self.effort)
        require_finite("score", self.values)
        require(self.effort[0] == 0 and (np.diff(self.effort) > 0).all(), "effort", "rising from 0", self.effort)
        require((np.diff(self.values) >= 0).all(), "score", "non-decreasing", self.values)

    def parameters(self) -> dict[str, FloatArray]:
        return {"effort": self.effort, "score": self.values}

    @property
    def ceiling(self) -> Scores:
        return self.values[-1]

    def score(self, effort: ArrayLike) -> Scores:
        e = np.asarray(effort, dtype=np.float64)
        if self.effort.size == 1:
            return np.full(e.shape, self.values[0])
        inside = np.minimum(e, self.effort[-1])
        # the last value itself, not the last piece's rounded one: plateaus are compared for equality
        return np.where(e >= self.effort[-1], self.values[-1], self._interpolant(inside))

    @cached_property
    def _interpolant(self) -> PchipInterpolator:
        return PchipInterpolator(self.effort, self.values)

    def shortfall(self, effort: ArrayLike) -> Scores:
        e = np.asarray(effort, dtype=np.float64)
        if self.effort.size == 1:
            return np.zeros(e.shape)
        inside = np.minimum(e, self.effort[-1])
        below = np.where(e >= self.effort[-1], 0.0, np.maximum(self._from_the_end(-inside), 0.0))
        return np.where(e == 0, self.values[-1] - self.values[0], below)  # where ties are compared for equality

    @cached_property
    def _from_the_end(self) -> PchipInterpolator:
        """The same curve seen from its last point, where the shortfall starts from an exact 0."""
        return PchipInterpolator(-self.effort[::-1], (self.values[-1] - self.values)[::-1])

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        return np.vectorize(self._reach, otypes=[np.float64])(score)

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        return np.vectorize(self._exceed, otypes=[np.float64])(score)

    def inverse(self, score: ArrayLike, shortfall: ArrayLike, *, exceed: bool) -> Efforts:
        """By bisection of all scores at once; the inverses above take one score at a time."""
        s = np.atleast_1d(np.asarray(score, dtype=np.float64))
        right = np.searchsorted(self.values, s, side="right" if exceed else "left")
        known = np.minimum(right, self.values.size - 1)
        low, high = self.effort[np.maximum(known - 1, 0)].copy(), self.effort[known].copy()
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            value = self.score(middle)
            short = value <= s if exceed else value < s
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        result = np.where(right == self.values.size, np.inf, np.where(right == 0, 0.0, high))
        return result.reshape(np.shape(score))

    def _reach(self, s: float) -> float:
        right = int(np.searchsorted(self.values, s, side="left"))  # first point with a score >= s
        if right == self.values.size:
            return np.inf
        return float(self.effort[0]) if right == 0 else self._root(s, right)

    def _exceed(self, s: float) -> float:
        right = int(np.searchsorted(self.values, s, side="right"))  # first point with a score > s
        if right == self.values.size:
            return np.inf
        if right == 0:
            return float(self.effort[0])
        return float(self.effort[right - 1]) if self.values[right - 1] == s else self._root(s, right)

    def _root(self, s: float, right: int) -> float:
        """Effort at which the rising piece that ends at point ``right`` passes ``s``."""
        low, high = float(self.effort[right - 1]), float(self.effort[right])
        if self.values[right] == s:
            return high
        from scipy.optimize import brentq  # imported where used: most contests have no measured points

        curve = self._interpolant
        # within rounding of an end the interpolant may lie on the other side of s there
        if float(curve(low)) >= s:
            return low
        if float(curve(high)) <= s:
            return high
        return float(brentq(lambda e: float(curve(e)) - s, low, high, xtol=1e-13 * max(high, 1.0), rtol=1e-14))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        piece = np.searchsorted(self.effort, np.asarray(effort), side="right") - 1
        return np.append(np.diff(self.values) > 0, False)[piece]

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return ~self.rises_at(effort) | np.isin(effort, self.effort)

    def plateaus(self) -> Scores:
        return self.values[:-1][np.diff(self.values) == 0]

    def kinks(self) -> FloatArray:
        return self.effort

    def concave_and_saturating(self, level: float) -> tuple[bool | None, str]:
        return None, "concavity of interpolated points is not decided"
