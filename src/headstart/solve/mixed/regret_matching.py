"""Predictive regret matching+ on the grid game, developer by developer, with quadratic averaging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.solve.mixed.effort_grid import FORBIDDEN, EffortGrid, above
from headstart.solve.mixed.kernel import backward, count_in, expected_rewards, nobody_above

Strategy = Float[FloatArray, "active points"]
WORTH_COMPILING = 10_000
"""Active developers times points from which the compiled sweep repays loading the compiler."""


@dataclass(kw_only=True, eq=False)
class Learner:
    """Where the learning stands; mutable, changed by ``sweep``.

    Args:
        grid: The grid game.
        regret: Accumulated positive regrets.
        strategy: What everybody plays next.
        total: Strategies so far, added up with quadratically growing weights.
        rounds: Sweeps done.
        compiled: Whether the compiled sweep is used.

    Source: Farina, Kroer, Sandholm (2021), predictive regret matching+; docs/theory, Sec. 9.
    """

    grid: EffortGrid
    regret: Strategy
    strategy: Strategy
    total: Strategy
    compiled: bool
    rounds: int = 0

    @classmethod
    def start(cls, grid: EffortGrid, *, seed: int, compiled: bool | None = None) -> Learner:
        """Begin with strategies drawn at random."""
        weight = np.random.default_rng(seed).exponential(size=grid.cost.shape)
        weight[grid.cost >= FORBIDDEN] = 0.0
        return cls._from(grid, weight / weight.sum(axis=1, keepdims=True), compiled)

    def refined(self, grid: EffortGrid) -> Learner:
        """Carry on from here on a finer grid of the same contest, with the averages begun anew."""
        strategy = grid.spread(self.grid, self.average)
        size = grid.spread(self.grid, self.regret).sum(axis=1, keepdims=True)
        return self._from(grid, np.maximum(size, 1e-3) * strategy, self.compiled)

    @classmethod
    def _from(cls, grid: EffortGrid, regret: Strategy, compiled: bool | None) -> Learner:
        if compiled is None:
            compiled = grid.cost.size >= WORTH_COMPILING and find_spec("numba") is not None
        strategy = regret / regret.sum(axis=1, keepdims=True)
        return cls(grid=grid, regret=regret, strategy=strategy, total=np.zeros_like(regret), compiled=compiled)

    @property
    def average(self) -> Strategy:
        """The averaged strategies: what converges."""
        if self.rounds == 0:
            return self.strategy
        return self.total / self.total.sum(axis=1, keepdims=True)

    def sweep(self) -> None:
        """Every developer in turn adapts to the others' newest strategies."""
        self.rounds += 1
        weight = float(self.rounds) ** 2
        if not self.compiled:
            self._sweep(weight)
            return
        from headstart.solve.mixed import compiled  # imported only when used: the extra "fast"

        grid = self.grid
        compiled.sweep(self.strategy, self.regret, self.total, grid.cost, grid.reward, grid.start, grid.stop, weight)

    def _sweep(self, weight: float) -> None:
        grid = self.grid
        stands_above = above(self.strategy)
        table = backward(stands_above, grid.reward)
        chance = nobody_above(*grid.reward.shape)
        for i in range(grid.active.size):
            own = slice(grid.start[i], grid.stop[i])
            payoff = np.einsum("kr,kr->r", chance[: i + 1, own], table[i + 1, : i + 1, own]) - grid.cost[i, own]
            x = self.strategy[i, own]
            gain = payoff - x @ payoff
            self.regret[i, own] = np.maximum(self.regret[i, own] + gain, 0.0)
            # the last gain predicts the next one
            positive = np.maximum(self.regret[i, own] + gain, 0.0)
            size = positive.sum()
            if size > 0:
                x[:] = positive / size
            self.total[i, own] += weight * x
            stands_above[i] = above(self.strategy[i])
            count_in(chance, stands_above[i])


def grid_regret(grid: EffortGrid, strategy: Strategy) -> Float[FloatArray, " active"]:
    """What each developer gains on the grid by its best point, in units of what is contested."""
    payoff = expected_rewards(above(strategy), grid.reward) - grid.cost
    return payoff.max(axis=1) - np.einsum("ir,ir->i", strategy, payoff)


def learn(
    learner: Learner, *, target: float, sweeps: int, every: int = 50, report: Callable[[float], bool]
) -> tuple[float, bool]:
    """Sweep until the averaged strategies' regret on the grid is at most ``target``.

    Args:
        learner: Changed in place.
        target: In units of what is contested.
        sweeps: At most so many more.
        every: Sweeps between two looks at the regret.
        report: Called with the regret after each look; True means stop.

    Returns:
        The last regret, in the same units, and whether ``report`` asked to stop.
    """
    regret = np.inf
    for done in range(1, sweeps + 1):
        learner.sweep()
        if done % every == 0 or done == sweeps:
            regret = float(grid_regret(learner.grid, learner.average).max())
            if report(regret):
                return regret, True
            if regret <= target:
                break
    return regret, False
