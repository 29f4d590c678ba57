"""What a typical field does: n developers who know only their own model's quality.

Qualities theta are independent draws from a known distribution F. A developer that spends effort e scores
``theta + curve(level + e)``: quality is a head start. In a symmetric equilibrium that never falls with quality,
type theta earns the mean reward A(theta) of its quality's rank among n draws, and the cost k(theta) it bears solves

    k'(theta) = A'(theta) - m(k(theta)),   k >= 0,   k(lowest) = 0,

where m(k) is the marginal cost of one more unit of score for a developer that already bears the cost k; where the
right side is negative at k = 0, k stays 0. The equation is derived, and shown to give an equilibrium whenever m never
falls (convex cost, concave curve), in docs/private-information.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.stats import beta as beta_distribution
from scipy.stats import binom

from headstart.contest.arrays import FloatArray, frozen, require, require_finite
from headstart.contest.costs import PowerCost
from headstart.contest.curves import Curve
from headstart.contest.rewards import explicit

_TABLE = 20_000  # efforts at which the marginal cost of score is tabulated
_TYPES = 201  # types checked for a better deviation


class Quality(Protocol):
    """A distribution of model quality, continuous on a bounded interval, in score units."""

    def cumulative(self, quality: FloatArray) -> FloatArray:
        """Probability that a draw is at most ``quality``."""
        ...

    def quantile(self, share: FloatArray) -> FloatArray:
        """Quality below which the given share of draws lies."""
        ...


@dataclass(frozen=True, kw_only=True)
class UniformQuality:
    """Quality uniform on ``[low, high]``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        require_finite("low", np.asarray(self.low))
        require(bool(np.isfinite(self.high)) and self.high > self.low, "high", "finite and > low", self.high)

    def cumulative(self, quality: FloatArray) -> FloatArray:
        return np.clip((quality - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, share: FloatArray) -> FloatArray:
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True, kw_only=True)
class BetaQuality:
    """Quality with a beta distribution stretched to ``[low, high]``; shapes ``a`` and ``b`` at least 1."""

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            value = getattr(self, name)
            require(bool(np.isfinite(value)) and value >= 1, name, "finite and >= 1 (a bounded density)", value)
        require_finite("low", np.asarray(self.low))
        require(bool(np.isfinite(self.high)) and self.high > self.low, "high", "finite and > low", self.high)

    def cumulative(self, quality: FloatArray) -> FloatArray:
        share = (quality - self.low) / (self.high - self.low)
        return np.asarray(beta_distribution.cdf(share, self.a, self.b), dtype=np.float64)

    def quantile(self, share: FloatArray) -> FloatArray:
        return self.low + (self.high - self.low) * np.asarray(
            beta_distribution.ppf(share, self.a, self.b), dtype=np.float64
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class EmpiricalQuality:
    """Quality as in a sample: its distribution function joined by straight lines between the distinct values.

    Args:
        sample: Observed qualities, shape (sample,), with at least two distinct values. Repeated values weigh more.
    """

    sample: Float[FloatArray, " sample"]

    def __init__(self, *, sample: ArrayLike) -> None:
        object.__setattr__(self, "sample", frozen(np.sort(np.asarray(sample, dtype=np.float64).ravel())))
        require_finite("sample", self.sample)
        require(np.unique(self.sample).size > 1, "sample", "two or more distinct values", self.sample)

    def _points(self) -> tuple[FloatArray, FloatArray]:
        values, counts = np.unique(self.sample, return_counts=True)
        middle = np.cumsum(counts) - counts / 2  # mid-ranks
        return values, (middle - middle[0]) / (middle[-1] - middle[0])

    def cumulative(self, quality: FloatArray) -> FloatArray:
        values, shares = self._points()
        return np.interp(quality, values, shares)

    def quantile(self, share: FloatArray) -> FloatArray:
        values, shares = self._points()
        return np.interp(share, shares, values)


@dataclass(frozen=True, kw_only=True, eq=False)
class TypicalField:
    """n developers with private qualities, one score gain from effort and one cost for all.

    Args:
        n: Number of developers.
        quality: Distribution each quality is drawn from, in score units.
        curve: Score added by effort: ``score = quality + curve(level + effort)``.
        cost: Cost of the own effort.
        rewards: By rank, best first, any sequence of shape (n,), in cost units.
        level: Tune-before-test level, ``>= 0`` (steps).

    Raises:
        InputError: If a number is out of range, or one more unit of score gets cheaper as effort grows: then the
            equilibrium computed here need not be one.
    """

    n: int
    quality: Quality
    curve: Curve
    cost: PowerCost
    rewards: Float[FloatArray, " models"]
    level: float

    def __init__(
        self, *, n: int, quality: Quality, curve: Curve, cost: PowerCost, rewards: ArrayLike, level: float = 0.0
    ) -> None:
        require(n >= 2, "n", ">= 2", n)
        given = {"n": n, "quality": quality, "curve": curve, "cost": cost, "rewards": explicit(rewards), "level": level}
        for name, value in given.items():
            object.__setattr__(self, name, value)
        require(self.rewards.size == self.n, "rewards", f"{self.n} long, one per rank", self.rewards.size)
        require(bool(np.isfinite(self.level)) and self.level >= 0, "level", "a finite number >= 0", self.level)
        _, marginal = self.marginal_cost()
        rising = bool((np.diff(marginal) >= -1e-9 * marginal[1:]).all())
        require(rising, "curve", "concave from the level on: more score must not get cheaper", self.curve.kind)

    def mean_reward(self, quality: FloatArray) -> FloatArray:
        """A(theta): mean reward of a model of this quality when ranks follow quality."""
        above = 1.0 - self.quality.cumulative(quality)
        ranks = np.arange(self.n)
        return np.asarray(binom.pmf(ranks, self.n - 1, above[:, None]), dtype=np.float64) @ self.rewards

    def marginal_cost(self) -> tuple[FloatArray, FloatArray]:
        """Costs borne, rising from 0, and the marginal cost of one more unit of score there (both in cost units)."""
        free = float(self.cost.free)
        room = float(self.cost.effort_at(self.rewards[0] - self.rewards[-1])) - free
        # fine near 0, where a power cost starts flat
        paid = np.unique(np.r_[0.0, np.geomspace(1e-9, 1.0, _TABLE // 2), np.linspace(0.0, 1.0, _TABLE // 2)]) * room
        slope = self.curve.gradient(self.level + free + paid)
        exponent = float(self.cost.exponent)
        rise = float(self.cost.scale) * exponent * paid ** (exponent - 1.0)
        with np.errstate(divide="ignore"):
            marginal = np.where(slope > 0, rise / np.where(slope > 0, slope, 1.0), np.inf)
        useful = np.isfinite(marginal)
        return self.cost.cost(free + paid[useful]), marginal[useful]


@dataclass(frozen=True, kw_only=True, eq=False)
class PrivateEquilibrium:
    """The symmetric equilibrium in which better models score higher.

    Args:
        quality: Qualities, rising, shape (types,), in score units.
        effort: Effort of each, shape (types,), in steps.
        cost: Its cost, shape (types,), in cost units.
        score: Score of each, shape (types,), never falling.
        payoff: Mean reward minus cost, shape (types,), in cost units.
        expected_effort: Mean effort of one developer, in steps.
        expected_cost: Mean cost of one developer, in cost units.
        idle_probability: Probability that a developer pays for no effort.
        exploitability: Largest gain found for any type by any other score, by direct search, in cost units.
    """

    quality: Float[FloatArray, " types"]
    effort: Float[FloatArray, " types"]
    cost: Float[FloatArray, " types"]
    score: Float[FloatArray, " types"]
    payoff: Float[FloatArray, " types"]
    expected_effort: float
    expected_cost: float
    idle_probability: float
    exploitability: float


def solve_private(field: TypicalField, *, points: int = 2000) -> PrivateEquilibrium:
    """Solve the typical field for any reward schedule.

    Args:
        field: The developers, as they see each other.
        points: Number of qualities in the result, at least 10; the error falls with its square.

    Raises:
        InputError: If ``points`` is too small.

    Source: docs/private-information; with quality as a factor of the cost instead of a head start the problem is that
        of Moldovanu and Sela (2001).

    >>> from headstart.contest.curves import Linear
    >>> field = TypicalField(
    ...     n=2, quality=UniformQuality(low=0.0, high=1.0), curve=Linear(intercept=0.0, slope=1.0),
    ...     cost=PowerCost(scale=1.0), rewards=[3.0, 0.0])
    >>> round(solve_private(field).expected_cost, 6)
    1.0
    """
    require(points >= 10, "points", ">= 10", points)
    ends = field.quality.quantile(np.array([0.0, 1.0]))
    # dense at the bottom: effort can start like a square root there
    spaced = ends[0] + (ends[1] - ends[0]) * np.linspace(0.0, 1.0, points - points // 2 + 1) ** 2
    quality = np.unique(np.r_[field.quality.quantile(np.linspace(0.0, 1.0, points // 2)), spaced])
    reward = field.mean_reward(quality)
    cost = _costs(field, quality, reward)
    effort = field.cost.effort_at(cost)
    score = quality + field.curve.score(field.level + effort)
    mass = np.diff(field.quality.cumulative(quality))
    idle = (cost[:-1] == 0) & (cost[1:] == 0)
    return PrivateEquilibrium(
        quality=quality, effort=effort, cost=cost, score=score, payoff=reward - cost,
        expected_effort=float(mass @ (effort[1:] + effort[:-1]) / 2),
        expected_cost=float(mass @ (cost[1:] + cost[:-1]) / 2),
        idle_probability=float(mass[idle].sum()),
        exploitability=_exploitability(field, quality, reward, cost, score),
    )  # fmt: skip


def _costs(field: TypicalField, quality: FloatArray, reward: FloatArray) -> FloatArray:
    """Cost by type: the equation of the module's docstring by the implicit trapezoidal rule, held at or above 0.

    Where that rule would let the score fall, which the solution never does, the implicit Euler rule is used: its cost
    falls by at most ``step * m(new cost)``, which no rise in quality by ``step`` is outweighed by.
    """
    borne, marginal = field.marginal_cost()
    step, gained = np.diff(quality), np.diff(reward)
    cost = np.zeros(quality.size)
    for at in range(step.size):
        now, half = float(cost[at]), float(step[at]) / 2
        known = now + float(gained[at]) - half * _at(now, borne, marginal)
        new = _at(known, borne + half * marginal, borne)  # 0 where even that is too much
        if now - new > 2 * half * _at(new, borne, marginal):
            new = _at(now + float(gained[at]), borne + 2 * half * marginal, borne)
        cost[at + 1] = new
    return cost


def _at(x: float, points: FloatArray, values: FloatArray) -> float:
    return float(np.interp(x, points, values))


def _exploitability(
    field: TypicalField, quality: FloatArray, reward: FloatArray, cost: FloatArray, score: FloatArray
) -> float:
    """Try every score between and beyond the equilibrium's on types between the solved ones."""
    between = (quality[1:] + quality[:-1]) / 2
    types = between[np.linspace(0, between.size - 1, _TYPES).astype(np.int64)]
    aims = np.unique(np.r_[score, (score[1:] + score[:-1]) / 2])
    won = np.interp(aims, score, reward)
    needed = np.maximum(field.curve.effort_to_reach(aims - types[:, None]) - field.level, 0.0)
    gain = won - field.cost.cost(needed)
    own = field.mean_reward(types) - np.interp(types, quality, cost)
    return float(max(np.max(gain.max(axis=1) - own), 0.0))
