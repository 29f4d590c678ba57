"""Score curves: the benchmark score of a model as a function of tuning effort.

Every family is a *batch*: its fields are floats or arrays of one common (broadcastable) shape, and scores
and inverses broadcast over them. A curve is continuous and non-decreasing on ``effort >= 0``.

Near a ceiling ``ceiling - score`` loses every digit in floating point, and two models that approach the same
ceiling would look tied. Families with a ceiling therefore also give their ``shortfall`` (ceiling minus score)
with full relative accuracy, and their inverses accept it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, Self

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.special import expit

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require, require_finite, rows

Efforts = Float[FloatArray, "*batch"]
Scores = Float[FloatArray, "*batch"]


class Curve(Protocol):
    """What every family of score curves can do; shapes broadcast against the family's fields."""

    kind: ClassVar[str]

    @property
    def ceiling(self) -> Scores:
        """Supremum of the score over all efforts (``inf`` for a rising line)."""
        ...

    def score(self, effort: ArrayLike) -> Scores:
        """Score after ``effort >= 0`` units (training steps) of tuning."""
        ...

    def shortfall(self, effort: ArrayLike) -> Scores:
        """``ceiling - score(effort)``, accurate near the ceiling; ``inf`` where there is none."""
        ...

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        """``inf{e >= 0 : score(e) >= s}``; ``inf`` when never. ``shortfall`` is this ceiling minus ``s``."""
        ...

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        """``inf{e >= 0 : score(e) > s}``; ``inf`` when never. Differs from reaching on plateaus."""
        ...

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        """Whether the score rises strictly just beyond ``effort``."""
        ...

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        """Whether the score at ``effort`` is one of the curve's own numbers, free of rounding."""
        ...

    def take(self, index: IntArray) -> Self:
        """The curves at ``index`` of a one-dimensional batch."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitPower:
    """Generalized logit power law: ``L + (U - L) * sigmoid(alpha + beta * log(1 + effort))``.

    Args:
        L: Floor, in score units.
        U: Ceiling, ``>= L``; never reached at a finite effort unless ``U == L``.
        alpha: Log-odds of the untuned model between floor and ceiling.
        beta: Learning exponent, ``> 0``.

    Raises:
        InputError: If a field is not finite, ``U < L`` or ``beta <= 0``.

    Source: Chen, Zhang, Hardt (arXiv 2603.08371), Sec. 5.4.

    >>> round(float(LogitPower(L=0.0, U=1.0, alpha=0.0, beta=1.0).effort_to_reach(0.75)), 9)
    2.0
    """

    L: FloatArray
    U: FloatArray
    alpha: FloatArray
    beta: FloatArray
    kind: ClassVar[str] = "logit_power"

    def __init__(self, *, L: ArrayLike, U: ArrayLike, alpha: ArrayLike, beta: ArrayLike) -> None:
        for name, value in (("L", L), ("U", U), ("alpha", alpha), ("beta", beta)):
            object.__setattr__(self, name, frozen(value))
            require_finite(name, getattr(self, name))
        require((self.beta > 0).all(), "beta", "> 0", self.beta)
        require((self.U >= self.L).all(), "U", ">= L", self.U)

    @property
    def ceiling(self) -> Scores:
        return self.U

    def _log_odds(self, effort: ArrayLike) -> FloatArray:
        return self.alpha + self.beta * np.log1p(effort)

    def score(self, effort: ArrayLike) -> Scores:
        z = self._log_odds(effort)
        # from the nearer end, so that scores that round to the ceiling are the ceiling
        from_end = (self.U - self.L) * expit(-np.abs(z))
        return np.where(z > 0, self.U - from_end, self.L + from_end)

    def shortfall(self, effort: ArrayLike) -> Scores:
        return (self.U - self.L) * expit(-self._log_odds(effort))

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        s = np.asarray(score, dtype=np.float64)
        below = self.U - s if shortfall is None else np.asarray(shortfall, dtype=np.float64)
        rise = self.U - self.L
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # log((s - L)/(U - s)); s - L is taken as (U - L) - (U - s), which is as accurate as the shortfall
            log_odds = np.log(rise - below) - np.log(below)
            effort = np.maximum(np.expm1((log_odds - self.alpha) / self.beta), 0.0)
        return np.where(below >= rise, 0.0, np.where(below <= 0, np.inf, effort))

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        s = np.asarray(score, dtype=np.float64)
        below = self.U - s if shortfall is None else np.asarray(shortfall, dtype=np.float64)
        return np.where(below <= 0, np.inf, self.effort_to_reach(score, shortfall))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return (self.U > self.L) & (np.asarray(effort) >= 0)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return (self.U == self.L) & (np.asarray(effort) >= 0)

    def take(self, index: IntArray) -> LogitPower:
        return rows(self, index)


@dataclass(frozen=True, kw_only=True, eq=False)
class Exponential:
    """Saturating exponential: ``ceiling - (ceiling - floor) * exp(-rate * effort)``.

    Args:
        floor: Score of the untuned model.
        ceiling: Limit of the score, ``>= floor``; stored as ``ceiling``.
        rate: Approach per unit of effort, ``> 0``.

    Raises:
        InputError: If a field is not finite, ``ceiling < floor`` or ``rate <= 0``.
    """

    floor: FloatArray
    ceiling: FloatArray  # pyright: ignore[reportIncompatibleVariableOverride]
    rate: FloatArray
    kind: ClassVar[str] = "exponential"

    def __init__(self, *, floor: ArrayLike, ceiling: ArrayLike, rate: ArrayLike) -> None:
        for name, value in (("floor", floor), ("ceiling", ceiling), ("rate", rate)):
            object.__setattr__(self, name, frozen(value))
            require_finite(name, getattr(self, name))
        require((self.rate > 0).all(), "rate", "> 0", self.rate)
        require((self.ceiling >= self.floor).all(), "ceiling", ">= floor", self.ceiling)

    def score(self, effort: ArrayLike) -> Scores:
        with np.errstate(over="ignore"):
            x = self.rate * np.asarray(effort, dtype=np.float64)
        rise = self.ceiling - self.floor
        # from the nearer end, so that scores that round to the ceiling are the ceiling
        return np.where(x > 1, self.ceiling - rise * np.exp(-x), self.floor - rise * np.expm1(-x))

    def shortfall(self, effort: ArrayLike) -> Scores:
        with np.errstate(over="ignore"):
            return (self.ceiling - self.floor) * np.exp(-self.rate * np.asarray(effort, dtype=np.float64))

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        s = np.asarray(score, dtype=np.float64)
        below = self.ceiling - s if shortfall is None else np.asarray(shortfall, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            effort = (np.log(self.ceiling - self.floor) - np.log(below)) / self.rate
        effort = np.where(below >= self.ceiling - self.floor, 0.0, np.maximum(effort, 0.0))
        return np.where((below <= 0) & (s > self.floor), np.inf, effort)

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        s = np.asarray(score, dtype=np.float64)
        below = self.ceiling - s if shortfall is None else np.asarray(shortfall, dtype=np.float64)
        return np.where(below <= 0, np.inf, self.effort_to_reach(score, shortfall))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return (self.ceiling > self.floor) & (np.asarray(effort) >= 0)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return (self.ceiling == self.floor) | (np.asarray(effort) == 0)

    def take(self, index: IntArray) -> Exponential:
        return rows(self, index)


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear:
    """A line, ``intercept + slope * effort``: the textbook all-pay contest; it never saturates.

    Args:
        intercept: Score of the untuned model.
        slope: Score per unit of effort, ``>= 0``.

    Raises:
        InputError: If a field is not finite or ``slope < 0``.
    """

    intercept: FloatArray
    slope: FloatArray
    kind: ClassVar[str] = "linear"

    def __init__(self, *, intercept: ArrayLike, slope: ArrayLike) -> None:
        for name, value in (("intercept", intercept), ("slope", slope)):
            object.__setattr__(self, name, frozen(value))
            require_finite(name, getattr(self, name))
        require((self.slope >= 0).all(), "slope", ">= 0", self.slope)

    @property
    def ceiling(self) -> Scores:
        return np.where(self.slope > 0, np.inf, self.intercept)

    def score(self, effort: ArrayLike) -> Scores:
        with np.errstate(invalid="ignore"):
            gain = self.slope * np.asarray(effort, dtype=np.float64)
        return self.intercept + np.where(self.slope > 0, gain, 0.0)

    def shortfall(self, effort: ArrayLike) -> Scores:
        return np.where(self.slope > 0, np.inf, 0.0) + np.zeros(np.shape(effort))

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        above = np.asarray(score, dtype=np.float64) - self.intercept
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(above <= 0, 0.0, above / self.slope)

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        flat_at_or_above = (self.slope == 0) & (np.asarray(score) >= self.intercept)
        return np.where(flat_at_or_above, np.inf, self.effort_to_reach(score))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return (self.slope > 0) & (np.asarray(effort) >= 0)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return (self.slope == 0) | (np.asarray(effort) == 0)

    def take(self, index: IntArray) -> Linear:
        return rows(self, index)


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
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

    def __init__(self, *, effort: ArrayLike, score: ArrayLike) -> None:
        object.__setattr__(self, "effort", frozen(effort))
        object.__setattr__(self, "values", frozen(score))
        require(self.effort.ndim == 1 and self.effort.size > 0, "effort", "a non-empty list", self.effort)
        require(self.effort.shape == self.values.shape, "score", f"{self.effort.size} numbers long", self.values)
        require_finite("effort", self.effort)
        require_finite("score", self.values)
        require(self.effort[0] == 0 and (np.diff(self.effort) > 0).all(), "effort", "rising from 0", self.effort)
        require((np.diff(self.values) >= 0).all(), "score", "non-decreasing", self.values)

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

    def take(self, index: IntArray) -> Points:
        return self  # a batch of one, which broadcasts
