"""What a true score earns on average while all rivals stay where they are, under every kind of noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.contest.contest import TieBreak
from headstart.solve.incentive.count import ExpectedCount
from headstart.solve.incentive.noise import ScoreNoise
from headstart.solve.mixed.kernel import expected_rewards
from headstart.solve.mixed.linear_program import evenly_spaced
from headstart.solve.noise.tournament import ExpectedReward, rival_field

Models = Int[IntArray, " efforts"]
AtEfforts = Float[FloatArray, " efforts"]

_REACH = 8.5  # standard deviations; the tail beyond is below 1e-16
_CHUNK = 2_000_000
_MOST_POINTS = 60_000
_MOST_WINDOW = 20_000
_SMALLEST_NOISE = 1e-12  # as a share of the spread of scores: cells of so narrow a noise cannot be numbered


class RewardField(Protocol):
    """Expected reward above the last rank's, by model and true score, rivals untuned."""

    def value(self, model: Models, score: AtEfforts) -> AtEfforts:
        """Expected reward of ``model[e]`` at the true score ``score[e]``, less the last reward; in cost units."""
        ...


def reward_field(
    scores: Float[FloatArray, " models"],
    rewards: Float[FloatArray, " models"],
    noise: ScoreNoise,
    tie_break: TieBreak = "capability",
) -> RewardField:
    """The field of rivals with true scores ``scores``.

    Raises:
        InputError: If rewards are not evenly spaced and the noise is neither independent nor equal for all pairs, or
            only some models are measured without noise.
        ComputationError: If noises are too uneven to integrate over.
    """
    n = scores.size
    shared = noise.common_sd(n)
    if shared is not None and not shared:
        return StepField(scores=scores, rewards=rewards, tie_break=tie_break)
    if n == 1 or evenly_spaced(rewards) or rewards[0] == rewards[-1]:
        worth = float(rewards[0] - rewards[-1]) / max(n - 1, 1)
        if shared is not None and float(shared) > _SMALLEST_NOISE * float(np.ptp(scores)):
            return CommonField(scores=scores, worth=worth, count=ExpectedCount.of(scores, float(shared)))
        return PairwiseField(scores=scores, worth=worth, sd=noise.difference_sd(n), tie_break=tie_break)
    own = noise.own_sd(n)
    require(own is not None, "noise", "independent, or equal for all pairs, where rewards are uneven", noise.kind)
    assert own is not None
    require(bool((own > 0).all()), "noise sd", "> 0 for every model, or 0 for all, where rewards are uneven", own)
    grid = _Grid.of(scores, own)
    if grid is None:
        return SeparateFields(scores=scores, rewards=rewards, sd=own)
    return IntegratedField.of(scores, rewards, own, grid)


def wins_tie(
    scores: FloatArray, model: IntArray, rival: IntArray, score: FloatArray, tie_break: TieBreak
) -> FloatArray:
    """1.0 where ``model``, tuned to ``score``, ranks above an untuned rival with the same score, else 0.0."""
    untuned = (score == scores[model]) | (tie_break == "listed")  # a tuned model meets a rival of higher capability
    return (untuned & (model < rival)).astype(np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class CommonField:
    """Evenly spaced rewards, one standard deviation for all differences: O(1) for each score."""

    scores: Float[FloatArray, " models"]
    worth: float
    count: ExpectedCount

    def value(self, model: Models, score: AtEfforts) -> AtEfforts:
        """See ``RewardField``."""
        # the count includes the model's own untuned self
        return self.worth * (self.count.at(score) - ndtr((score - self.scores[model]) / self.count.sd))


@dataclass(frozen=True, kw_only=True, eq=False)
class PairwiseField:
    """Evenly spaced rewards under any normal noise: O(models) for each score."""

    scores: Float[FloatArray, " models"]
    worth: float
    sd: Float[FloatArray, "models models"]
    tie_break: TieBreak

    def value(self, model: Models, score: AtEfforts) -> AtEfforts:
        """See ``RewardField``."""
        result = np.empty(score.size)
        step = max(_CHUNK // self.scores.size, 1)
        for at in range(0, score.size, step):
            part = slice(at, at + step)
            result[part] = self._beaten(model[part], score[part])
        return self.worth * result

    def _beaten(self, model: IntArray, score: FloatArray) -> FloatArray:
        rival = np.arange(self.scores.size)
        gap, sd = score[:, None] - self.scores, self.sd[model]
        beaten = ndtr(gap / np.where(sd > 0, sd, 1.0))
        if (sd == 0).any():
            tie = wins_tie(self.scores, model[:, None], rival[None, :], score[:, None], self.tie_break)
            beaten = np.where(sd > 0, beaten, np.where(gap == 0, tie, gap > 0))
        beaten[np.arange(model.size), model] = 0.0
        return beaten.sum(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class StepField:
    """Scores without noise: the rank is certain."""

    scores: Float[FloatArray, " models"]
    rewards: Float[FloatArray, " models"]
    tie_break: TieBreak

    @cached_property
    def _sorted(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Scores in rising order; the distinct ones; and, for each model, (place of its score, index) as one number."""
        values, place = np.unique(self.scores, return_inverse=True)
        return np.sort(self.scores), values, np.sort(place.ravel() * self.scores.size + np.arange(self.scores.size))

    def value(self, model: Models, score: AtEfforts) -> AtEfforts:
        """See ``RewardField``."""
        rising, values, keys = self._sorted
        n = self.scores.size
        above = n - np.searchsorted(rising, score, side="right")
        place = np.minimum(np.searchsorted(values, score), values.size - 1)
        first = np.searchsorted(keys, place * n)
        listed_before = np.searchsorted(keys, place * n + model) - first
        tied = np.searchsorted(keys, (place + 1) * n) - first
        own_score = score == self.scores[model]
        # a tuned model loses a tie against every rival of higher capability
        ahead = np.where(own_score | (self.tie_break == "listed"), listed_before, tied)
        above = above + np.where(values[place] == score, ahead, 0)
        return self.rewards[above] - self.rewards[-1]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grid:
    """Equally spaced points for the trapezoid rule, which converges exponentially for smooth, decaying integrands."""

    start: float
    step: float
    points: int

    @classmethod
    def of(cls, scores: FloatArray, sd: FloatArray) -> _Grid | None:
        """Fine enough for the narrowest feature; None where that takes too many points."""
        # the rank is an order statistic of up to n observed scores, narrower than one standard deviation
        step = float(sd.min()) * min(0.25, 0.8 / np.sqrt(scores.size))
        start, stop = float((scores - _REACH * sd).min()), float((scores + _REACH * sd).max())
        points, window = (stop - start) / step + 2, 2 * _REACH * float(sd.max()) / step
        if not (points <= _MOST_POINTS and window <= _MOST_WINDOW):
            return None
        return cls(start=start, step=step, points=int(points))


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegratedField:
    """Any rewards, independent noise: average over the own noise, rivals above being Poisson-binomial.

    Args:
        grid: Points of the observed score.
        mean_reward: Mean reward above the last by own observed score, shape (models, points).
        sd: Standard deviation of each model's own noise.

    Source: Lazear and Rosen (1981); docs/noise, "Expected rewards".
    """

    grid: _Grid
    mean_reward: Float[FloatArray, "models points"]
    sd: Float[FloatArray, " models"]

    @classmethod
    def of(cls, scores: FloatArray, rewards: FloatArray, sd: FloatArray, grid: _Grid) -> IntegratedField:
        """Build the mean rewards: all models at once, in stretches of points."""
        n, x = scores.size, grid.start + grid.step * np.arange(grid.points)
        paid = rewards - rewards[-1]
        paid = paid[: max(int(np.count_nonzero(paid)), 1)]
        mean = np.empty((n, grid.points))
        step = max(20_000_000 // ((n + 1) * paid.size), 1)
        for at in range(0, grid.points, step):
            part = slice(at, at + step)
            above = ndtr((scores[:, None] - x[part]) / sd[:, None])
            mean[:, part] = expected_rewards(above, np.repeat(paid[:, None], above.shape[1], axis=1))
        mean[:, 0], mean[:, -1] = 0.0, paid[0]  # everybody is above, or below: the same outside the grid
        return cls(grid=grid, mean_reward=mean, sd=sd)

    def value(self, model: Models, score: AtEfforts) -> AtEfforts:
        """See ``RewardField``."""
        grid, result = self.grid, np.empty(score.size)
        width = int(2 * _REACH * float(self.sd.max()) / grid.step) + 3
        offset = np.arange(width)
        step = max(_CHUNK // width, 1)
        for at in range(0, score.size, step):
            part = slice(at, at + step)
            own, s, sd = model[part, None], score[part, None], self.sd[model[part], None]
            first = np.floor((s - _REACH * sd - grid.start) / grid.step)
            point = first + offset
            z = (grid.start + grid.step * point - s) / sd
            weight = np.exp(-0.5 * z * z) * (grid.step / np.sqrt(2 * np.pi) / sd)
            inside = np.clip(point, 0, grid.points - 1).astype(np.int64)
            result[part] = (weight * self.mean_reward[own, inside]).sum(axis=1)
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class SeparateFields:
    """Any rewards, independent noise that is narrow beside the spread of scores: each model's own integral."""

    scores: Float[FloatArray, " models"]
    rewards: Float[FloatArray, " models"]
    sd: Float[FloatArray, " models"]
    _built: dict[int, ExpectedReward] = field(default_factory=dict[int, ExpectedReward])

    def value(self, model: Models, score: AtEfforts) -> AtEfforts:
        """See ``RewardField``."""
        result = np.empty(score.size)
        for i in np.unique(model).tolist():
            here = np.flatnonzero(model == i)
            result[here] = self._own(i).value(score[here])
        return result - self.rewards[-1]

    def _own(self, i: int) -> ExpectedReward:
        if i not in self._built:
            others = np.arange(self.scores.size) != i
            rivals = rival_field(self.scores[others], self.sd[others], float(self.sd[i]))
            self._built[i] = rivals.expected_reward(self.rewards)
        return self._built[i]
