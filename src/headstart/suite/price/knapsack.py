"""The multiple-choice knapsack behind rules that count: one step per task, enough points in all, least cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray, require


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """What one task offers: efforts at which points are gained.

    Args:
        effort: Steps beyond the level, rising, entry 0 is 0.
        cost: Their costs; 0 first, non-decreasing.
        points: Points gained by then, whole numbers; 0 first unless an effort above 0 however small gains some.
    """

    effort: Float[FloatArray, " steps"]
    cost: Float[FloatArray, " steps"]
    points: Int[IntArray, " steps"]


def cheapest(offers: Sequence[Steps], need: int) -> tuple[float, tuple[int, ...]]:
    """Least total cost of ``need`` points with one step of every task, by an exact dynamic programme.

    Args:
        offers: The steps of every task.
        need: Points wanted; 0 or less costs nothing.

    Returns:
        The cost and the position of the step on each task; ``inf`` and first steps where no choice is enough.

    Source: docs/suites-prices, "Rules that count".

    >>> maths = Steps(effort=np.array([0.0, 5.0]), cost=np.array([0.0, 5.0]), points=np.array([0, 2]))
    >>> code = Steps(effort=np.array([0.0, 2.0, 9.0]), cost=np.array([0.0, 2.0, 9.0]), points=np.array([0, 1, 4]))
    >>> cheapest([maths, code], 3)
    (7.0, (1, 1))
    """
    require(len(offers) > 0, "offers", "of at least one task", "none")
    if need <= 0:
        return 0.0, (0,) * len(offers)
    wanted = np.arange(need + 1)
    left = np.full(need + 1, np.inf)  # least cost of what is still wanted, with the tasks seen so far
    left[0] = 0.0
    choices: list[IntArray] = []
    for offer in offers:
        after = np.maximum(wanted[None, :] - offer.points[:, None], 0)
        costs = offer.cost[:, None] + left[after]
        choice: IntArray = costs.argmin(axis=0)
        left = costs[choice, wanted]
        choices.append(choice)
    if not np.isfinite(left[need]):
        return np.inf, (0,) * len(offers)
    picked: list[int] = []
    still = need
    for offer, choice in zip(reversed(offers), reversed(choices), strict=True):
        picked.append(int(choice[still]))
        still = max(still - int(offer.points[picked[-1]]), 0)
    return float(left[need]), tuple(reversed(picked))
