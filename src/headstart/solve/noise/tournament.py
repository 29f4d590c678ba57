"""Rank-order tournaments: what a true score earns when every observed score carries independent normal noise.

Against rivals with fixed true scores, a developer whose *observed* score is x is beaten by a Poisson-binomial number
of them. Averaging over its own noise is one integral in x. Only stretches where some rival's probability is neither
0 nor 1 need quadrature points; between them the number of rivals above is certain and the integral is a normal
probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.errors import ComputationError

_REACH = 8.5  # standard deviations; the tail beyond is below 1e-16
_POINTS = 12  # Gauss-Legendre points per panel
_PANEL = 1.25  # panel width in units of the smallest standard deviation: errors stay near 1e-15 (docs/noise)
_LEGENDRE = np.polynomial.legendre.leggauss(_POINTS)
_MOST_POINTS = 400_000
_CHUNK = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class RivalField:
    """The rivals of one developer as it sees them: how many are above an observed score x.

    Args:
        points: Quadrature points, shape (points,), in score units.
        weights: Their weights, shape (points,).
        above: Probability of exactly k rivals above, shape (models, points), k = 0 .. models - 1.
        edges: Ends of the stretches without points, shape (gaps + 1, 2) as (from, to); the first starts at -inf.
        certain: Number of rivals above in each such stretch, shape (gaps + 1,).
        own_sd: Standard deviation of the developer's own noise, ``> 0``.
    """

    points: Float[FloatArray, " points"]
    weights: Float[FloatArray, " points"]
    above: Float[FloatArray, "models points"]
    edges: FloatArray
    certain: IntArray
    own_sd: float

    def expected_reward(self, rewards: Float[FloatArray, " models"]) -> ExpectedReward:
        """Expected reward as a function of the true score."""
        return ExpectedReward(
            points=self.points, mass=self.weights * (rewards @ self.above), edges=self.edges,
            level=rewards[self.certain], own_sd=self.own_sd,
        )  # fmt: skip

    def rank_probabilities(self, score: float) -> Float[FloatArray, " models"]:
        """Probability of every rank, best first, at one true score."""
        z = (self.points - score) / self.own_sd
        probability = self.above @ (self.weights * _density(z) / self.own_sd)
        between = ndtr((self.edges - score) / self.own_sd)
        np.add.at(probability, self.certain, between[:, 1] - between[:, 0])
        return probability


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedReward:
    """Expected reward of one developer by its own true score, rivals held fixed: smooth and non-decreasing.

    Args:
        points: Quadrature points, in score units.
        mass: Weight times mean reward at each point.
        edges: Stretches where the rank is certain, shape (gaps + 1, 2).
        level: The reward there, shape (gaps + 1,).
        own_sd: Standard deviation of the own noise.
    """

    points: FloatArray
    mass: FloatArray
    edges: FloatArray
    level: FloatArray
    own_sd: float

    def value(self, score: FloatArray) -> FloatArray:
        """Expected reward at true scores of shape (scores,), in cost units."""
        result = np.empty(score.size)
        for part in self._parts(score.size):
            z = (self.points - score[part, None]) / self.own_sd
            ends = ndtr((self.edges - score[part, None, None]) / self.own_sd)
            result[part] = _density(z) @ self.mass / self.own_sd + (ends[..., 1] - ends[..., 0]) @ self.level
        return result

    def slope(self, score: FloatArray) -> FloatArray:
        """Derivative of ``value``, in cost units per score unit."""
        result = np.empty(score.size)
        for part in self._parts(score.size):
            z = (self.points - score[part, None]) / self.own_sd
            ends = _density((self.edges - score[part, None, None]) / self.own_sd)
            result[part] = (z * _density(z)) @ self.mass / self.own_sd - (ends[..., 1] - ends[..., 0]) @ self.level
        return result / self.own_sd

    def _parts(self, size: int) -> list[slice]:
        step = max(_CHUNK // max(self.points.size, 1), 1)
        return [slice(at, at + step) for at in range(0, size, step)]


def rival_field(
    rival_scores: Float[FloatArray, " rivals"], rival_sd: Float[FloatArray, " rivals"], own_sd: float
) -> RivalField:
    """Build the field a developer faces.

    Args:
        rival_scores: True scores of the rivals.
        rival_sd: Standard deviations of their observed scores, ``> 0``.
        own_sd: Standard deviation of the own observed score, ``> 0``.

    Raises:
        InputError: If a standard deviation is not positive.
        ComputationError: If the standard deviations differ so much that the integral needs too many points.

    Source: Lazear and Rosen (1981) for the tournament; the count of rivals above is Poisson-binomial (docs/noise).
    """
    require(bool((rival_sd > 0).all()) and own_sd > 0, "noise_sd", "> 0 for every model", (own_sd, rival_sd))
    runs = _merged(rival_scores - _REACH * rival_sd, rival_scores + _REACH * rival_sd)
    finest = min(own_sd, float(rival_sd.min())) if rival_sd.size else own_sd
    # a rank is an order statistic of many observed scores: its features are narrower than one standard deviation
    panel = _PANEL * finest / max(np.sqrt(rival_sd.size) / 4, 1.0)
    points, weights = _panels(runs, panel)
    edges = np.column_stack((np.r_[-np.inf, runs[:, 1]], np.r_[runs[:, 0], np.inf]))
    return RivalField(
        points=points, weights=weights, own_sd=own_sd, edges=edges,
        above=_count_probabilities(ndtr((rival_scores[:, None] - points) / rival_sd[:, None])),
        certain=(rival_scores[None, :] > edges[:, :1]).sum(axis=1),
    )  # fmt: skip


def _density(z: FloatArray) -> FloatArray:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _merged(low: FloatArray, high: FloatArray) -> FloatArray:
    """Union of intervals as disjoint ones in rising order, shape (runs, 2)."""
    order = np.argsort(low)
    low, high = low[order], np.maximum.accumulate(high[order])
    starts = np.flatnonzero(np.r_[True, low[1:] > high[:-1]]) if low.size else np.empty(0, dtype=np.int64)
    stops = np.r_[starts[1:], low.size] - 1 if low.size else starts
    return np.column_stack((low[starts], high[stops]))


def _panels(runs: FloatArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Composite Gauss-Legendre points and weights over the runs."""
    lengths = runs[:, 1] - runs[:, 0]
    counts = np.ceil(lengths / width)
    if counts.sum() * _POINTS > _MOST_POINTS:
        raise ComputationError("the smallest noise_sd is too small beside the largest to integrate over all scores")
    x, w = _LEGENDRE
    points: list[FloatArray] = [np.empty(0)]
    weights: list[FloatArray] = [np.empty(0)]
    for at in range(len(runs)):
        count = int(counts[at])
        half = float(lengths[at]) / count / 2
        middle = float(runs[at, 0]) + half * (2.0 * np.arange(count) + 1.0)
        points.append(np.add.outer(middle, half * x).ravel())
        weights.append(np.tile(half * w, count))
    return np.concatenate(points), np.concatenate(weights)


def _count_probabilities(above: Float[FloatArray, "rivals points"]) -> Float[FloatArray, "models points"]:
    """Poisson-binomial distribution of the number of rivals above, rival by rival."""
    counts = np.zeros((above.shape[0] + 1, above.shape[1]))
    counts[0] = 1.0
    for done, p in enumerate(above):
        top = counts[: done + 1] * p
        counts[: done + 1] -= top
        counts[1 : done + 2] += top
    return counts
