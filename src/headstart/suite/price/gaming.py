"""What gaming the mean of a suite gains under noise: the game of one score, each model's best mean for its cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, frozen, require
from headstart.contest.rewards import explicit
from headstart.solve.incentive import Incentive, ScoreNoise, effort_grid, incentive_of_paths
from headstart.suite.price.allocation import most_gain
from headstart.suite.price.climb import Climb
from headstart.suite.price.curves import SuiteCurves

COSTS = 96
"""Costs at which each model's best mean is computed; the enclosure narrows with their number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanPaths:
    """The best mean score of every model by the cost spent, enclosed.

    Args:
        cost: Costs, shape (models, costs); 0 first, rising.
        reached: A mean that some allocation has.
        bound: No allocation has more; equal to ``reached`` where all curves are concave from the level on.
    """

    cost: Float[FloatArray, "models costs"]
    reached: Float[FloatArray, "models costs"]
    bound: Float[FloatArray, "models costs"]


def mean_paths(suite: SuiteCurves, level: float, cost: Float[FloatArray, "models costs"]) -> MeanPaths:
    """The best mean score for each of some costs.

    Raises:
        InputError: If a curve's law does not tell its inflection, or costs are negative or fall.

    Source: docs/suites-prices, "The mean".
    """
    n, tasks = suite.shape
    given = np.asarray(cost, dtype=np.float64)
    require(given.ndim == 2 and given.shape[0] == n, "cost", f"of shape ({n}, costs)", given.shape)
    require(bool((given[:, 0] == 0).all() and (np.diff(given, axis=1) >= 0).all()), "cost", "rising from 0", given)
    climb = Climb.of(suite, np.arange(n), level)
    own = climb.take(np.repeat(np.arange(n), given.shape[1]))
    reached, bound = (gain.reshape(given.shape) for gain in most_gain(own, given.ravel()))
    start = suite.scores(level).mean(axis=1, keepdims=True)
    # what a smaller cost reaches a larger one does too: rounding apart, and the bounds of envelopes rise by themselves
    return MeanPaths(
        cost=frozen(given),
        reached=frozen(start + np.maximum.accumulate(reached, axis=1) / tasks),
        bound=frozen(start + np.maximum.accumulate(bound, axis=1) / tasks),
    )


def mean_noise(stderr: Float[ArrayLike, "models tasks"]) -> ScoreNoise:
    """Noise of the mean of scores whose errors are independent, over models and over tasks.

    Args:
        stderr: Standard error of every score, ``>= 0``.

    >>> mean_noise([[0.03, 0.04]]).sd.round(3).tolist()
    [0.025]
    """
    given = np.asarray(stderr, dtype=np.float64)
    require(given.ndim == 2, "stderr", "of shape (models, tasks)", given.shape)
    return ScoreNoise.independent(np.sqrt((given**2).sum(axis=1)) / given.shape[1])


def mean_incentive(
    suite: SuiteCurves, rewards: ArrayLike, noise: ScoreNoise, *, level: float = 0.0, costs: int = COSTS
) -> Incentive:
    """What each developer gains by tuning for a suite ranked by the mean while nobody else does, enclosed.

    A developer chooses how much to spend and how to spread it. For every cost the best spread alone matters, so the
    game is one of a single score: the best mean as a function of the cost.

    Args:
        suite: The curves.
        rewards: By rank, best first, shape (models,), in cost units.
        noise: Noise of the mean (``mean_noise`` for independent tasks, ``ScoreNoise.covariance`` for any other).
        level: Tune-before-test level, in steps.
        costs: Costs tried, at least 3.

    Returns:
        ``lower`` is reached by an allocation; no allocation gains more than ``upper``. ``best_effort`` is the cost
        spent, the same as ``best_cost``.

    Raises:
        InputError: As ``mean_paths`` and ``incentive_of_paths``.

    Source: docs/suites-prices, "Gaming the mean under noise"; docs/incentive.
    """
    paid = explicit(rewards)
    n = suite.shape[0]
    require(paid.size == n, "rewards", f"{n} long, one per model", paid.size)
    stake = float(paid[0] - paid[-1])
    # nobody spends more than first reward less last
    grid = np.broadcast_to(effort_grid(stake, costs, least=max(1e-4 * stake, 1e-300)), (n, costs))
    paths = mean_paths(suite, level, grid)
    low, high = (
        incentive_of_paths(path, grid, grid, rewards=paid, noise=noise) for path in (paths.reached, paths.bound)
    )
    return Incentive(
        lower=low.lower,
        upper=frozen(np.maximum(high.upper, low.lower)),
        best_effort=low.best_effort,
        best_cost=low.best_cost,
        stake=stake,
    )
