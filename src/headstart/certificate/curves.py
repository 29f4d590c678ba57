"""Score curves with exact parameters, as the verifier sees them.

A curve that is strictly rising everywhere is told apart from a constant and from points, because ties between
strictly rising curves are isolated and ties between flat stretches are not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from flint import arb, fmpq

from headstart.certificate.numbers import exact_power, sign_of


@dataclass(frozen=True)
class LogitPower:
    """``L + (U - L) * sigmoid(alpha + beta * log(1 + e))`` with ``U > L`` and ``beta > 0``."""

    L: fmpq
    U: fmpq
    alpha: fmpq
    beta: fmpq

    @property
    def floor(self) -> fmpq | None:
        return self.L

    @property
    def ceiling(self) -> fmpq | None:
        return self.U

    def exact(self, effort: fmpq) -> fmpq | None:
        """The score where it is rational: with ``alpha = 0``, for efforts whose power is."""
        power = exact_power(1 + effort, self.beta) if self.alpha == 0 else None
        return None if power is None else self.L + (self.U - self.L) * power / (1 + power)

    def log_odds(self, effort: arb) -> arb:
        return arb(self.alpha) + arb(self.beta) * (1 + effort).log()

    def ball(self, effort: arb) -> arb:
        return arb(self.L) + arb(self.U - self.L) / (1 + (-self.log_odds(effort)).exp())

    def log_shortfall(self, effort: arb) -> arb:
        """Logarithm of ceiling minus score; ``log(1 + exp(z))`` written so that neither branch overflows."""
        z = self.log_odds(effort)
        softplus = (1 + z.exp()).log() if z < 0 else z + (1 + (-z).exp()).log()
        return arb(self.U - self.L).log() - softplus


@dataclass(frozen=True)
class Exponential:
    """``top - (top - bottom) * exp(-rate * e)`` with ``top > bottom`` and ``rate > 0``."""

    bottom: fmpq
    top: fmpq
    rate: fmpq

    @property
    def floor(self) -> fmpq | None:
        return None  # the untuned score is attained, so it is no strict bound

    @property
    def ceiling(self) -> fmpq | None:
        return self.top

    def exact(self, effort: fmpq) -> fmpq | None:
        return self.bottom if effort == 0 else None

    def ball(self, effort: arb) -> arb:
        return arb(self.top) - arb(self.top - self.bottom) * (-arb(self.rate) * effort).exp()

    def log_shortfall(self, effort: arb) -> arb:
        return arb(self.top - self.bottom).log() - arb(self.rate) * effort


@dataclass(frozen=True)
class Linear:
    """``intercept + slope * e`` with ``slope > 0``."""

    intercept: fmpq
    slope: fmpq

    @property
    def floor(self) -> fmpq | None:
        return None

    @property
    def ceiling(self) -> fmpq | None:
        return None

    def exact(self, effort: fmpq) -> fmpq | None:
        return self.intercept + self.slope * effort

    def ball(self, effort: arb) -> arb:
        return arb(self.intercept) + arb(self.slope) * effort


@dataclass(frozen=True)
class Points:
    """Monotone cubic interpolation (PCHIP), constant after the last point. One point is a constant curve.

    Source: Fritsch and Carlson (1980); slopes at the nodes as in Moler, Numerical Computing with MATLAB, Sec. 3.6.
    """

    effort: tuple[fmpq, ...]
    score: tuple[fmpq, ...]

    @property
    def floor(self) -> fmpq | None:
        return None

    @property
    def ceiling(self) -> fmpq | None:
        return self.score[-1]

    @cached_property
    def slopes(self) -> tuple[fmpq, ...]:
        """Derivative at every node: rational in the data, between 0 and three times either neighbouring slope."""
        steps = [b - a for a, b in pairwise(self.effort)]
        rises = [(b - a) / h for a, b, h in zip(self.score, self.score[1:], steps, strict=False)]
        if len(rises) == 1:
            return (rises[0], rises[0])
        inner: list[fmpq] = []
        for h0, h1, m0, m1 in zip(steps, steps[1:], rises, rises[1:], strict=False):
            w0, w1 = 2 * h1 + h0, h1 + 2 * h0
            inner.append(fmpq(0) if m0 == 0 or m1 == 0 else (w0 + w1) / (w0 / m0 + w1 / m1))
        first = _end_slope(steps[0], steps[1], rises[0], rises[1])
        last = _end_slope(steps[-1], steps[-2], rises[-1], rises[-2])
        return (first, *inner, last)

    def exact(self, effort: fmpq) -> fmpq | None:
        if effort >= self.effort[-1]:
            return self.score[-1]
        at = bisect_right(self.effort, effort) - 1
        h = self.effort[at + 1] - self.effort[at]
        t = (effort - self.effort[at]) / h
        (y0, y1), (d0, d1) = self.score[at : at + 2], self.slopes[at : at + 2]
        return y0 + (y1 - y0) * t * t * (3 - 2 * t) + h * t * (1 - t) * (d0 * (1 - t) - d1 * t)

    def ball(self, effort: arb) -> arb:
        """The score at both ends of the ball; the curve never falls."""
        ends = [self.exact(max(end.fmpq(), fmpq(0))) for end in (effort.lower(), effort.upper())]
        low, high = (end for end in ends if end is not None)
        return arb(low).union(arb(high))

    def rises_after(self, effort: fmpq) -> bool:
        at = bisect_right(self.effort, effort) - 1
        return at + 1 < len(self.score) and self.score[at + 1] > self.score[at]

    def flat_before(self, effort: fmpq) -> bool:
        """Whether the score is constant just before ``effort > 0``."""
        at = bisect_left(self.effort, effort)
        return at == len(self.effort) or self.score[at] == self.score[at - 1]

    def constant_from(self, effort: fmpq) -> bool:
        return self.exact(effort) == self.score[-1]


def _end_slope(h0: fmpq, h1: fmpq, m0: fmpq, m1: fmpq) -> fmpq:
    slope = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    if sign_of(slope) != sign_of(m0):
        return fmpq(0)
    return min(slope, 3 * m0) if sign_of(m0) != sign_of(m1) else slope


Curve = LogitPower | Exponential | Linear | Points


def constant(score: fmpq) -> Points:
    """A curve that never moves."""
    return Points((fmpq(0),), (score,))


def rises_after(curve: Curve, effort: fmpq) -> bool:
    """Whether the score rises strictly just beyond ``effort``."""
    return not isinstance(curve, Points) or curve.rises_after(effort)


def flat_before(curve: Curve, effort: fmpq) -> bool:
    """Whether the score is constant just before ``effort``."""
    return isinstance(curve, Points) and effort > 0 and curve.flat_before(effort)


def constant_from(curve: Curve, effort: fmpq) -> bool:
    """Whether the score never moves from ``effort`` on."""
    return isinstance(curve, Points) and curve.constant_from(effort)
