"""Two models under noise: exclude every pair of efforts that cannot be an equilibrium.

On a box of effort pairs a developer's payoff is at most the one with its own score at the box's top, the rival's at
the bottom and its own cost at the bottom; and whatever the rival does in the box, it can have at least the best payoff
against the rival's top effort. A box where the first is less than the second for either developer holds no
equilibrium. Where no box is left, no pure equilibrium exists.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from headstart.contest.arrays import BoolArray, FloatArray
from headstart.solve.noise.game import NoisyGame

_FIRST = 16  # boxes along each side at the start
_DEVIATIONS = 400
_MOST_BOXES = 60_000
_DEEPEST = 16
_ROUNDING = 1e-12  # of the stake: a difference below this decides nothing


def possible_equilibria(game: NoisyGame) -> list[FloatArray] | None:
    """Profiles near every equilibrium there can be.

    Returns:
        One profile, shape (2,), in steps, for each cluster of boxes that could not be excluded; an empty list when
        every pair of efforts is excluded.
    """
    top = game.most_effort
    size: FloatArray = top / _FIRST
    low: FloatArray = np.indices((_FIRST, _FIRST)).reshape(2, -1).T * size
    for _ in range(_DEEPEST):
        excluded = _pays_to_leave(game, low, low + size, 0) | _pays_to_leave(game, low, low + size, 1)
        low = low[~excluded]
        if not low.size or 4 * len(low) > _MOST_BOXES:
            break
        size = size / 2
        low = np.concatenate([low + shift * size for shift in ([0, 0], [0, 1], [1, 0], [1, 1])])
    return _clusters(low, size, top)


def _pays_to_leave(game: NoisyGame, low: FloatArray, high: FloatArray, i: int) -> BoolArray:
    """Whether developer i gains by leaving, at every pair of efforts in each box."""
    k = 1 - i
    spread = float(np.hypot(*game.noise_sd))
    deviation = np.unique(
        np.r_[np.linspace(0.0, game.most_effort[i], _DEVIATIONS), game.most_effort[i] * np.geomspace(1e-9, 1.0, 100)]
    )
    own, spent = game.score(i, deviation), game.cost(i, deviation)
    most = game.stake * ndtr((game.score(i, high[:, i]) - game.score(k, low[:, k])) / spread) - game.cost(i, low[:, i])
    # boxes share few distinct rival efforts
    rival, where = np.unique(high[:, k], return_inverse=True)
    against = game.stake * ndtr(np.subtract.outer(own, game.score(k, rival)) / spread) - spent[:, None]
    secure = against.max(axis=0)
    return most < secure[where] - _ROUNDING * game.stake


def _clusters(low: FloatArray, size: FloatArray, top: FloatArray) -> list[FloatArray]:
    """One profile for each group of boxes that lie within a fiftieth of the effort intervals of each other."""
    left = low + size / 2
    result: list[FloatArray] = []
    while len(left):
        near = (np.abs(left - left[0]) <= 0.02 * top).all(axis=1)
        result.append(left[near].mean(axis=0))
        left = left[~near]
    return result
