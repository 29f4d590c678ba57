"""The payoff kernel: expected rewards of every developer on every point in O(models * counts * points).

With independent strategies the number of rivals above a point is Poisson-binomial. The distribution of that number
among the developers before i runs forward; the expected reward given that number, taken over the
developers after i, runs backward; their product is i's reward. Nothing is divided out again and no
transform is used, so there is no cancellation.

Source: docs/theory, Sec. 9, "General rewards".
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray

Above = Float[FloatArray, "models points"]
Rewards = Float[FloatArray, "counts points"]


def backward(above: Above, rewards: Rewards) -> Float[FloatArray, "steps counts points"]:
    """Expected reward given the number of rivals above among the first i developers.

    Args:
        above: Probability that each developer stands above a point.
        rewards: Reward with k rivals above; 0 for more than ``counts - 1``.

    Returns:
        Entry i averages over developers i, i + 1, ...; the last entry is ``rewards``.
    """
    n = above.shape[0]
    table = np.empty((n + 1, *rewards.shape))
    table[n] = rewards
    for i in range(n - 1, 0, -1):
        table[i] = table[i + 1] * (1.0 - above[i])
        table[i, :-1] += table[i + 1, 1:] * above[i]
    table[0] = 0.0  # nobody is before the first developer: never needed
    return table


def nobody_above(counts: int, points: int) -> Rewards:
    """The forward distribution before any developer is counted."""
    chance = np.zeros((counts, points))
    chance[0] = 1.0
    return chance


def count_in(chance: Rewards, above: Float[FloatArray, " points"]) -> None:
    """Add one developer to the forward distribution, in place; counts beyond the last are dropped (they pay 0)."""
    moved = chance * above
    chance -= moved
    chance[1:] += moved[:-1]


def expected_rewards(above: Above, rewards: Rewards) -> Float[FloatArray, "models points"]:
    """Expected reward of each developer on each point against the others' strategies."""
    table = backward(above, rewards)
    chance = nobody_above(*rewards.shape)
    result = np.empty(above.shape)
    for i in range(above.shape[0]):
        result[i] = np.einsum("kr,kr->r", chance[: i + 1], table[i + 1, : i + 1])
        count_in(chance, above[i])
    return result
