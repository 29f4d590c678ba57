"""The incentive to game in a contest with known curves, enclosed as narrowly as asked, at one level or many."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, IntArray, frozen, require
from headstart.contest.contest import Contest
from headstart.solve.incentive.field import RewardField, reward_field
from headstart.solve.incentive.noise import ScoreNoise
from headstart.solve.incentive.paths import Incentive

_FIRST_CELLS = 32
_MOST_CELLS = 2_000_000


def incentive(
    contest: Contest, *, levels: ArrayLike | None = None, noise: ScoreNoise | None = None, tolerance: float = 1e-4
) -> Incentive:
    """What each developer could gain by tuning while nobody else does.

    Args:
        contest: The contest.
        levels: Levels of tune-before-test, shape (levels,), in steps; the contest's own when None.
        noise: Measurement noise; the contest's own when None (without any, the ranks are certain).
        tolerance: Width of the enclosure ``[lower, upper]`` as a share of first reward minus last. Without noise it
            has no width: the answer is exact, and where ``lower`` is not reached efforts come arbitrarily close to it.

    Returns:
        Arrays of shape (models,), or (levels, models) where levels are given.

    Raises:
        InputError: If an argument is out of range, or rewards are uneven and the noise is neither independent nor
            equal for all pairs.
        ComputationError: If noises are too uneven to integrate over.

    Source: docs/incentive, "The incentive".

    >>> from headstart.contest import *
    >>> curves = CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=0.01), 2)
    >>> contest = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(scale=0.02), 2),
    ...                   rewards=[1.0, 0.0])
    >>> incentive(contest).lower.round(3).tolist()  # b pays .2 for the .1 that it lacks
    [0.0, 0.8]
    >>> incentive(contest, noise=ScoreNoise.common(0.05)).share.round(3).tolist()
    [0.0, 0.563]
    """
    require(0 < tolerance < 1, "tolerance", "between 0 and 1", tolerance)
    known = ScoreNoise.of(contest) if noise is None else noise
    given = np.asarray(contest.level if levels is None else levels, dtype=np.float64)
    require(given.ndim <= 1, "levels", "a number or a list", given.shape)
    kept = known.flattened(given.shape, contest.n)
    rows = [_at_level(contest.at_level(float(d)), kept.at(at), tolerance) for at, d in enumerate(given.ravel())]
    lower, upper, effort, cost = (
        np.array([row[part] for row in rows]).reshape(*given.shape, contest.n) for part in range(4)
    )
    return Incentive(
        lower=frozen(lower), upper=frozen(upper), best_effort=frozen(effort), best_cost=frozen(cost),
        stake=float(contest.rewards[0] - contest.rewards[-1]),
    )  # fmt: skip


_Row = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def _at_level(contest: Contest, noise: ScoreNoise, tolerance: float) -> _Row:
    stake = float(contest.rewards[0] - contest.rewards[-1])
    if stake == 0 or contest.n == 1:
        nothing = np.zeros(contest.n)
        return nothing, nothing, nothing, nothing
    shared = noise.common_sd(contest.n)
    if shared is not None and not shared:
        return _without_noise(contest)
    field = reward_field(contest.scores(), contest.rewards, noise, contest.tie_break)
    return Search(contest, field, tolerance * stake).result()


class Search:
    """Branch and bound over all developers' efforts at once.

    Rewards and costs never fall with effort, so on [a, b] no gain exceeds reward(b) - cost(a).

    Args:
        contest: The contest at its level.
        field: What scores earn.
        tolerance: Width of the enclosure, in cost units.
        untuned: What each developer earns without effort, less the last reward; by default as in the field.
    """

    def __init__(
        self, contest: Contest, field: RewardField, tolerance: float, untuned: FloatArray | None = None
    ) -> None:
        self.contest, self.field, self.tolerance = contest, field, tolerance
        n = contest.n
        self.untuned = field.value(np.arange(n), contest.scores()) if untuned is None else untuned
        self.best, self.effort, self.bound = np.zeros(n), np.zeros(n), np.zeros(n)

    def result(self) -> _Row:
        """Lower and upper bounds, best efforts and their costs."""
        contest = self.contest
        # an effort that costs more than the best place is worth more than the present one never pays
        room = np.maximum(contest.rewards[0] - contest.rewards[-1] - self.untuned, 0.0)
        top = np.minimum(contest.costs.effort_at(room), contest.max_effort)
        share = np.unique(np.r_[np.linspace(0.0, 1.0, _FIRST_CELLS), np.geomspace(1e-9, 1.0, _FIRST_CELLS)])
        efforts = top[:, None] * share
        model = np.repeat(np.arange(contest.n), share.size - 1)
        low, high = efforts[:, :-1].ravel(), efforts[:, 1:].ravel()
        earned_high = self._earned(model, high)
        spent_low = contest.costs.take(model).cost(low)
        self._note(model, high, earned_high - contest.costs.take(model).cost(high))
        seen = model.size
        while True:
            upper = earned_high - spent_low
            still = upper > self.best[model] + self.tolerance
            # the bound of a cell that is given up stays on record
            enough = seen > _MOST_CELLS
            np.maximum.at(self.bound, model[~still | enough], upper[~still | enough])
            if enough or not still.any():
                break
            model, low, high = model[still], low[still], high[still]
            earned_high, spent_low = earned_high[still], spent_low[still]
            middle = (low + high) / 2
            seen += middle.size
            earned, spent = self._earned(model, middle), contest.costs.take(model).cost(middle)
            self._note(model, middle, earned - spent)
            low, high = np.r_[low, middle], np.r_[middle, high]
            spent_low, earned_high = np.r_[spent_low, spent], np.r_[earned, earned_high]
            model = np.r_[model, model]
        return self.best, np.maximum(self.bound, self.best), self.effort, contest.costs.cost(self.effort)

    def _earned(self, model: IntArray, effort: FloatArray) -> FloatArray:
        score = self.contest.curves.take(model).score(self.contest.level + effort)
        return self.field.value(model, score) - self.untuned[model]

    def _note(self, model: IntArray, effort: FloatArray, gain: FloatArray) -> None:
        """Remember the best gain of each developer, at the least effort that gives it."""
        order = np.lexsort((effort, -gain, model))
        first = order[np.unique(model[order], return_index=True)[1]]
        better = first[gain[first] > self.best[model[first]]]
        self.best[model[better]], self.effort[model[better]] = gain[better], effort[better]


def _without_noise(contest: Contest) -> _Row:
    """Exact: the best place to buy is some rival's, at its price (docs/theory, Sec. 2)."""
    n, order = contest.n, contest.order()
    gain, effort = np.zeros(n), np.zeros(n)
    for place in range(1, n):
        i = int(order[place])
        rivals = order[:place]
        climber = np.full(place, i)
        catch_up = contest.catch_up_effort(climber, rivals)
        price = np.where(
            contest.affordable(climber, rivals, catch_up), contest.costs.take(climber).cost(catch_up), np.inf
        )
        worth = contest.rewards[:place] - contest.rewards[place] - price
        best = int(place - 1 - np.argmax(worth[::-1]))
        if worth[best] > 0:
            gain[i], effort[i] = worth[best], catch_up[best]
    return gain, gain, effort, contest.costs.cost(effort)
