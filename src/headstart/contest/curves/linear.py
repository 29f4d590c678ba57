"""Straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, require
from headstart.contest.curves.curve import Curve, Efforts, Scores, peaked


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Curve):
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
        self._set(intercept=intercept, slope=slope)
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

    def gradient(self, effort: ArrayLike) -> Scores:
        return np.broadcast_to(self.slope, np.broadcast_shapes(np.shape(effort), self.slope.shape))

    def inflection(self) -> Efforts:
        return np.zeros(np.shape(self.slope))

    def effort_at_gradient(self, gradient: ArrayLike) -> Efforts:
        return np.where(self.slope > np.asarray(gradient), np.inf, 0.0)

    def steepness(self, low: ArrayLike, high: ArrayLike) -> tuple[Scores, Scores]:
        at_low, at_high = ((1.0 + np.asarray(e, dtype=np.float64)) * self.slope for e in (low, high))
        return peaked(at_low, at_high, at_high, np.zeros(np.shape(at_low), dtype=np.bool_))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return (self.slope > 0) & (np.asarray(effort) >= 0)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return (self.slope == 0) | (np.asarray(effort) == 0)

    def ordering_parameter(self) -> tuple[str, FloatArray] | None:
        return ("slope", self.slope) if (self.slope > 0).all() else None

    def concave_and_saturating(self, level: float) -> tuple[bool | None, str]:
        return (False, "a line does not saturate") if (self.slope > 0).any() else (True, "every line is flat")

    def settled(self, i: IntArray, k: IntArray, spend: FloatArray) -> Efforts:
        a, b = self.take(i), self.take(k)
        return lines_settled(a.intercept, a.slope, b.intercept, b.slope, spend)


def lines_settled(
    intercept_a: FloatArray, slope_a: FloatArray, intercept_b: FloatArray, slope_b: FloatArray, spend: FloatArray
) -> Efforts:
    """From where the steeper line leads by more than the other can make up; parallel lines never change."""
    steeper = slope_a > slope_b
    slope, start = np.where(steeper, slope_a, slope_b), np.where(steeper, intercept_a, intercept_b)
    flatter, other = np.where(steeper, slope_b, slope_a), np.where(steeper, intercept_b, intercept_a)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = (other + flatter * spend - start) / (slope - flatter)
    return np.where(slope == flatter, 0.0, np.maximum(level, 0.0))
