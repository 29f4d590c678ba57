"""How much first place may be worth, level by level, before somebody tunes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.designing.scenario import Scenario
from headstart.rank import quantile_interval
from headstart.solve.prices import critical_stakes, price_matrix

POINTS = 31
"""Levels at which the edge is drawn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StakesEdge:
    """The largest stable value of first place (less the last) at each level; ``inf`` where no place can be bought.

    Args:
        levels: In steps, rising, shape (levels,).
        stakes: For the best estimate, in cost units, shape (levels,).
        low: Lower end of the 95 % interval over posterior draws; the same as ``stakes`` where the curves are known.
        high: Upper end.
    """

    levels: Float[FloatArray, " levels"]
    stakes: Float[FloatArray, " levels"]
    low: Float[FloatArray, " levels"]
    high: Float[FloatArray, " levels"]


def stakes_edge(scenario: Scenario) -> StakesEdge | None:
    """The edge for tune-before-test with the scenario's shape of rewards; None where all ranks are paid alike."""
    rewards = scenario.contest.rewards
    value = float(rewards[0] - rewards[-1])
    if value == 0:
        return None
    shape = (rewards - rewards[-1]) / value
    levels: FloatArray = np.expm1(np.linspace(0.0, math.log1p(scenario.reach), POINTS))
    stakes = np.array([_critical(scenario, float(level), shape) for level in levels])
    if scenario.draws is None:
        return StakesEdge(levels=levels, stakes=stakes, low=stakes, high=stakes)
    assert scenario.developer_cost_per_step is not None
    cost = scenario.developer_cost_per_step
    ends = [quantile_interval(critical_stakes(scenario.draws, cost, float(level), shape)) for level in levels]
    return StakesEdge(
        levels=levels,
        stakes=stakes,
        low=np.array([float(low) for low, _ in ends]),
        high=np.array([float(high) for _, high in ends]),
    )


def _critical(scenario: Scenario, level: float, shape: FloatArray) -> float:
    """Largest ``value`` with ``value * (shape[k] - shape[i]) <= price(i, k)`` for every pair."""
    prices = price_matrix(scenario.contest.at_level(level))
    gap = shape[None, :] - shape[:, None]
    sold = np.isfinite(prices) & (gap > 0)
    return float(np.min(prices[sold] / gap[sold], initial=np.inf))
