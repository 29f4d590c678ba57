"""The generalized logit power law, the standard law of fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, require
from headstart.contest.curves.curve import MOST_EFFORT, Curve, Efforts, Scores, peaked

LARGEST_LOG_LEVEL = 600.0
"""Levels are searched up to exp(600) steps; floating point ends shortly after."""

NEWTON_STEPS = 60
"""Of the search for a gradient; a dozen are enough but for roots next to the inflection."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitPower(Curve):
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
        self._set(L=L, U=U, alpha=alpha, beta=beta)
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
        below, rise = self.below_ceiling(score, shortfall), self.U - self.L
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # log((s - L)/(U - s)); s - L is taken as (U - L) - (U - s), which is as accurate as the shortfall
            log_odds = np.log(rise - below) - np.log(below)
            effort = np.maximum(np.expm1((log_odds - self.alpha) / self.beta), 0.0)
        return np.where(below >= rise, 0.0, np.where(below <= 0, np.inf, effort))

    def gradient(self, effort: ArrayLike) -> Scores:
        risen = np.maximum(self.score(effort) - self.L, 0.0)
        width = np.where(self.U > self.L, self.U - self.L, 1.0)
        return self.beta / (1.0 + np.asarray(effort)) * risen * self.shortfall(effort) / width

    def inflection(self) -> Efforts:
        """Where ``x^beta = exp(-alpha) (beta - 1)/(beta + 1)`` with ``x = 1 + e``, or 0 where that is before 0."""
        with np.errstate(divide="ignore", over="ignore"):
            bend = np.log(np.maximum(self.beta - 1, 0.0) / (self.beta + 1))  # -inf where not steep
            effort = np.expm1(np.minimum((bend - self.alpha) / self.beta, np.log(MOST_EFFORT)))
        return np.where(self.U > self.L, np.maximum(effort, 0.0), 0.0)

    def effort_at_gradient(self, gradient: ArrayLike) -> Efforts:
        """By Newton's method on the log of the gradient, a function of u = log(1 + e) that is concave.

        It falls beyond the inflection, so from a start on the right of the root the steps go left and never past it.
        Such a start is the root of ``log(beta (U - L)) - z - u``, which is nowhere below it.
        """
        wanted = np.asarray(gradient, dtype=np.float64)
        bend = self.inflection()
        steep = self.gradient(bend) > wanted
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            target = np.log(self.beta * (self.U - self.L)) - np.log(wanted)
            u = np.where(steep, (target - self.alpha) / (1 + self.beta), 1.0)
            for _ in range(NEWTON_STEPS):
                z = self.alpha + self.beta * u
                minus, tail = np.abs(z), np.exp(-np.abs(z))
                above = target - minus - 2 * np.log1p(tail) - u  # log gradient less the log wanted
                slope = 1 + self.beta * np.where(z > 0, 1 - tail, tail - 1) / (1 + tail)
                step = np.where(steep, above / slope, 0.0)
                u = u + step
                if (step >= -1e-14 * (1 + np.abs(u))).all():  # steps go left until only rounding is left
                    break
            effort = np.expm1(np.minimum(u, np.log(MOST_EFFORT)))
        return np.where(steep, np.maximum(effort, bend), bend)

    def steepness(self, low: ArrayLike, high: ArrayLike) -> tuple[Scores, Scores]:
        """With s the sigmoid, ``(U - L) beta s (1 - s)``, which peaks at even odds."""
        start, end = self._log_odds(low), self._log_odds(high)
        size = (self.U - self.L) * self.beta

        def at(z: FloatArray) -> FloatArray:
            odds = np.exp(-np.abs(z))
            return size * odds / (1.0 + odds) ** 2

        return peaked(at(start), at(end), 0.25 * size, (start <= 0) & (end >= 0))

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return (self.U > self.L) & (np.asarray(effort) >= 0)

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return (self.U == self.L) & (np.asarray(effort) >= 0)

    def ordering_parameter(self) -> tuple[str, FloatArray] | None:
        """With one floor and ceiling: the log-odds are lines in ``log(1 + effort)``."""
        common = np.ptp(self.L) == 0 and np.ptp(self.U) == 0 and bool((self.U > self.L).all())
        return ("beta", self.beta) if common else None

    def concave_and_saturating(self, level: float) -> tuple[bool | None, str]:
        """With x = 1 + e and c = exp(-alpha), x^b/(x^b + c) is concave where x^b >= c (b - 1)/(b + 1)."""
        steep = self.beta > 1
        with np.errstate(divide="ignore"):
            bend = np.log(np.maximum(self.beta - 1, 0.0) / (self.beta + 1))  # -inf where not steep
        if (~steep | (self.alpha + self.beta * np.log1p(level) >= bend)).all():
            return True, "every logit power law is concave from the level on"
        return False, "a logit power law with beta > 1 is still convex at the level"

    def settled(self, i: IntArray, k: IntArray, spend: FloatArray) -> Efforts:
        """Bounds on the log-shortfalls whose difference grows with the level; the level where it turns positive.

        With ``w = log(U - L) - alpha`` the log-shortfall lies between ``w - beta log(1 + e) - log(1 + exp(-z))`` and
        ``w - beta log(1 + e)``. The model that is behind in the end has the smaller beta, or with equal betas the
        larger w.
        """
        a, b = self.take(i), self.take(k)
        w_a, w_b = np.log(a.U - a.L) - a.alpha, np.log(b.U - b.L) - b.alpha
        a_behind = (a.beta < b.beta) | ((a.beta == b.beta) & (w_a > w_b))
        gap_w = np.where(a_behind, w_a - w_b, w_b - w_a)
        gap_beta = np.abs(a.beta - b.beta)
        alpha, beta = np.where(a_behind, a.alpha, b.alpha), np.where(a_behind, a.beta, b.beta)

        def certain(u: FloatArray) -> BoolArray:
            overtaking = beta * np.log1p(spend * np.exp(-u))
            return gap_w + gap_beta * u - overtaking - np.logaddexp(0.0, -(alpha + beta * u)) > 0

        low, high = np.zeros(spend.size), np.full(spend.size, LARGEST_LOG_LEVEL)
        settles = certain(high)
        for _ in range(60):
            middle = (low + high) / 2
            yes = certain(middle)
            low, high = np.where(yes, low, middle), np.where(yes, middle, high)
        never_known = (gap_beta == 0) & (gap_w == 0)  # equal to first order; twins are told apart by the caller
        return np.where(never_known, np.nan, np.where(settles, np.expm1(high), np.inf))
