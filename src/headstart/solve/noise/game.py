"""The noisy contest as a game with smooth payoffs, and a best response that has seen every effort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import ndtr

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.contest.costs import Cost
from headstart.contest.curves import Curve
from headstart.solve.noise.tournament import ExpectedReward, RivalField, rival_field

_FIRST_CELLS = 64
_MOST_CELLS = 100_000


@dataclass(frozen=True, kw_only=True)
class BestResponse:
    """A developer's best effort against fixed rivals, found by a search over its whole effort interval.

    Args:
        effort: Best effort found, in steps.
        payoff: Expected payoff there, in cost units.
        bound: No effort at all earns more than this, in cost units (up to rounding errors).
    """

    effort: float
    payoff: float
    bound: float


@dataclass(frozen=True, kw_only=True, eq=False)
class NoisyGame:
    """A contest whose observed scores are ``score_i(level + effort_i)`` plus independent ``N(0, noise_sd_i**2)``.

    Args:
        contest: The contest; its ``noise_sd`` is set.
    """

    contest: Contest

    @classmethod
    def of(cls, contest: Contest, noise_sd: ArrayLike | None = None) -> NoisyGame:
        """The game of a contest, with ``noise_sd`` (scalar or per model) in place of the contest's own.

        Raises:
            InputError: If no noise is given, or a standard deviation is not positive.
        """
        given = contest if noise_sd is None else replace(contest, noise_sd=np.asarray(noise_sd, dtype=np.float64))
        require(given.noise_sd is not None, "noise_sd", "given, in the contest or as an argument", "none")
        assert given.noise_sd is not None
        require(bool((given.noise_sd > 0).all()), "noise_sd", "> 0 for every model", given.noise_sd)
        return cls(contest=given)

    @property
    def noise_sd(self) -> Float[FloatArray, " models"]:
        """Standard deviation of every observed score."""
        assert self.contest.noise_sd is not None
        return self.contest.noise_sd

    @cached_property
    def stake(self) -> float:
        """First reward minus last, in cost units: no effort that costs more can pay."""
        return float(self.contest.rewards[0] - self.contest.rewards[-1])

    @cached_property
    def most_effort(self) -> Float[FloatArray, " models"]:
        """Largest effort worth looking at: the cap, or what costs the whole stake."""
        return np.minimum(self.contest.costs.effort_at(self.stake), self.contest.max_effort)

    @cached_property
    def _own(self) -> tuple[tuple[Curve, Cost], ...]:
        return tuple((self.contest.curves[i], self.contest.costs[i]) for i in range(self.contest.n))

    def score(self, i: int, effort: FloatArray) -> FloatArray:
        """True scores of developer i at many efforts."""
        return self._own[i][0].score(self.contest.level + effort)

    def cost(self, i: int, effort: FloatArray) -> FloatArray:
        """Costs of developer i at many efforts."""
        return self._own[i][1].cost(effort)

    def rivals(self, i: int, scores: FloatArray) -> RivalField:
        """The field that developer i faces when everybody's true scores are ``scores``."""
        others = np.arange(self.contest.n) != i
        return rival_field(scores[others], self.noise_sd[others], float(self.noise_sd[i]))

    def expected_reward(self, i: int, efforts: FloatArray) -> ExpectedReward:
        """Expected reward of developer i by its own true score, rivals at ``efforts``."""
        return self.rivals(i, self.contest.scores(efforts)).expected_reward(self.contest.rewards)

    def best_response(self, i: int, efforts: FloatArray, tolerance: float) -> BestResponse:
        """Search all efforts of developer i, rivals at ``efforts``; ``bound - payoff`` is at most ``tolerance``.

        (It is larger only if the search would need more than a hundred thousand pieces, and ``bound`` says so.)
        """
        reward = self.expected_reward(i, efforts)
        return _search(
            lambda e: reward.value(self.score(i, e)), lambda e: self.cost(i, e), float(self.most_effort[i]), tolerance
        )

    def payoff(self, i: int, efforts: FloatArray) -> float:
        """Expected payoff of developer i, in cost units."""
        own = efforts[i : i + 1]
        return float((self.expected_reward(i, efforts).value(self.score(i, own)) - self.cost(i, own))[0])


def _search(
    reward: Callable[[FloatArray], FloatArray], cost: Callable[[FloatArray], FloatArray], top: float, tolerance: float
) -> BestResponse:
    """Branch and bound. Reward and cost never fall with effort, so on [a, b] no payoff exceeds reward(b) - cost(a)."""
    grid = np.unique(np.r_[np.linspace(0.0, top, _FIRST_CELLS), top * np.geomspace(1e-9, 1.0, _FIRST_CELLS)])
    earned, spent = reward(grid), cost(grid)
    at = int(np.argmax(earned - spent))
    best_effort, best = float(grid[at]), float(earned[at] - spent[at])
    low, high, spent_low, earned_high = grid[:-1], grid[1:], spent[:-1], earned[1:]
    seen = grid.size
    while True:
        still = earned_high - spent_low > best + tolerance
        low, high, spent_low, earned_high = low[still], high[still], spent_low[still], earned_high[still]
        if not low.size:
            return BestResponse(effort=best_effort, payoff=best, bound=best + tolerance)
        middle = (low + high) / 2
        seen += middle.size
        if seen > _MOST_CELLS:
            return BestResponse(effort=best_effort, payoff=best, bound=float((earned_high - spent_low).max()))
        earned, spent = reward(middle), cost(middle)
        at = int(np.argmax(earned - spent))
        if earned[at] - spent[at] > best:
            best_effort, best = float(middle[at]), float(earned[at] - spent[at])
        low, high = np.r_[low, middle], np.r_[middle, high]
        spent_low, earned_high = np.r_[spent_low, spent], np.r_[earned, earned_high]


def rank_probabilities(contest: Contest, efforts: ArrayLike = 0.0) -> Float[FloatArray, "models ranks"]:
    """Probability that each model gets each rank (best first) when observed scores carry the contest's noise.

    Args:
        contest: A contest with ``noise_sd``.
        efforts: What each developer spends, in steps.

    Raises:
        InputError: If the contest has no noise.
    """
    game = NoisyGame.of(contest)
    scores = contest.scores(efforts)
    return np.stack([game.rivals(i, scores).rank_probabilities(float(scores[i])) for i in range(contest.n)])


def expected_kendall_tau(contest: Contest, efforts: ArrayLike = 0.0) -> float | None:
    """Expected Kendall tau between the observed ranking and the noiseless ranking without own effort.

    None for a single model, which has no pair to order.
    """
    if contest.n < 2:
        return None
    game = NoisyGame.of(contest)
    order = contest.order()
    scores, variance = contest.scores(efforts)[order], game.noise_sd[order] ** 2
    above, below = np.triu_indices(contest.n, 1)
    kept = ndtr((scores[above] - scores[below]) / np.sqrt(variance[above] + variance[below]))
    return float(np.mean(2 * kept - 1))


def binomial_sd(score: ArrayLike, n_items: ArrayLike) -> FloatArray:
    """Standard deviation of the share of ``n_items`` independent items answered correctly.

    Args:
        score: Expected share, in [0, 1].
        n_items: Number of test items, ``>= 1``.

    Returns:
        ``sqrt(score (1 - score) / n_items)``; 0 at the scores 0 and 1, where a noisy contest is not defined.

    Raises:
        InputError: If an argument is out of range.

    >>> float(binomial_sd(0.5, 100))
    0.05
    """
    share, items = np.asarray(score, dtype=np.float64), np.asarray(n_items, dtype=np.float64)
    require(bool(((share >= 0) & (share <= 1)).all()), "score", "in [0, 1]", share)
    require(bool((items >= 1).all()), "n_items", ">= 1", items)
    return np.sqrt(share * (1 - share) / items)
