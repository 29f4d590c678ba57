"""The saturating exponential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require, require_finite
from headstart.contest.curves.curve import Curve, Efforts, Scores, peaked
from headstart.contest.curves.linear import lines_settled


@dataclass(frozen=True, kw_only=True, eq=False)
class Exponential(Curve):
    """Saturating exponential: ``ceiling - (ceiling - floor) * exp(-rate * effort)``.

    Args:
        floor: Score of the untuned model.
        ceiling: Limit of the score, ``>= floor``.
        rate: Approach per unit of effort, ``> 0``.

    Raises:
        InputError: If a field is not finite, ``ceiling < floor`` or ``rate <= 0``.
    """

    floor: FloatArray
    top: FloatArray
    rate: FloatArray
    kind: ClassVar[str] = "exponential"

    def __init__(self, *, floor: ArrayLike, ceiling: ArrayLike, rate: ArrayLike) -> None:
        self._set(floor=floor, rate=rate)
        object.__setattr__(self, "top", frozen(ceiling))
        require_finite("ceiling", self.top)
        require((self.rate > 0).all(), "rate", "> 0", self.rate)
        require((self.top >= self.floor).all(), "ceiling", ">= floor", self.top)

    def parameters(self) -> dict[str, FloatArray]:
        return {"floor": self.floor, "ceiling": self.top, "rate": self.rate}

    @property
    def ceiling(self) -> Scores:
        return self.top

    def score(self, effort: ArrayLike) -> Scores:
        with np.errstate(over="ignore"):
            x = self.rate * np.asarray(effort, dtype=np.float64)
        rise = self.top - self.floor
        # from the nearer end, so that scores that round to the ceiling are the ceiling
        return np.where(x > 1, self.top - rise * np.exp(-x), self.floor - rise * np.expm1(-x))

    def shortfall(self, effort: ArrayLike) -> Scores:
        with np.errstate(over="ignore"):
            return (self.top - self.floor) * np.exp(-self.rate * np.asarray(effort, dtype=np.float64))

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        below, rise = self.below_ceiling(score, shortfall), self.top - self.floor
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            effort = (np.log(rise) - np.log(below)) / self.rate
        effort = np.where(below >= rise, 0.0, np.maximum(effort, 0.0))
        return np.where((below <= 0) & (np.asarray(score) > self.floor), np.inf, effort)

    def gradient(self, effort: ArrayLike) -> Scores:
        return self.rate * self.shortfall(effort)

    def inflection(self) -> Efforts:
        return np.zeros(np.shape(self.ceiling))

    def effort_at_gradient(self, gradient: ArrayLike) -> Efforts:
        with np.errstate(divide="ignore"):
            steps = np.log(self.rate * (self.top - self.floor) / np.asarray(gradient)) / self.rate
        return np.maximum(steps, 0.0)

    def steepness(self, low: ArrayLike, high: ArrayLike) -> tuple[Scores, Scores]:
        """``(1 + e) rate (ceiling - score)``, which peaks where ``1 + e`` is ``1/rate``."""
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        top = np.maximum(1.0 / self.rate - 1.0, 0.0)
        at_low, at_high, peak = ((1.0 + e) * self.gradient(e) for e in (low, high, top))
        return peaked(at_low, at_high, peak, (low <= top) & (high >= top))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return (self.top > self.floor) & (np.asarray(effort) >= 0)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return (self.top == self.floor) | (np.asarray(effort) == 0)

    def ordering_parameter(self) -> tuple[str, FloatArray] | None:
        """With one ceiling: the logarithms of the shortfalls are lines in effort."""
        common = np.ptp(self.top) == 0 and bool((self.top > self.floor).all())
        return ("rate", self.rate) if common else None

    def concave_and_saturating(self, level: float) -> tuple[bool | None, str]:
        return True, "every exponential is concave and has a ceiling"

    def settled(self, i: IntArray, k: IntArray, spend: FloatArray) -> Efforts:
        """Log-shortfalls are lines in the level: the argument for lines."""
        a, b = self.take(i), self.take(k)
        return lines_settled(-np.log(a.top - a.floor), a.rate, -np.log(b.top - b.floor), b.rate, spend)
