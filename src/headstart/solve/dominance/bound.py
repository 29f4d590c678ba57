"""How much a higher score can gain against rivals whose scores are known to lie in intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from headstart.contest.arrays import FloatArray, IntArray
from headstart.solve.dominance.own_noise import own_noise_sd
from headstart.solve.incentive.noise import ScoreNoise

_PEAK = 1.0 / np.sqrt(2.0 * np.pi)
_ROWS = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class GainBound:
    """Bounds on expected gains in one field, whatever the rivals do within their intervals.

    Args:
        stake: First reward minus last.
        step: Largest difference between the rewards of two neighbouring ranks.
        difference_sd: Of every difference of noises.
        own_sd: See ``own_noise_sd``.
    """

    stake: float
    step: float
    difference_sd: Float[FloatArray, "models models"]
    own_sd: Float[FloatArray, " models"]

    @classmethod
    def of(cls, rewards: Float[FloatArray, " models"], noise: ScoreNoise) -> Self:
        """The bounds of a field without a batch."""
        n = rewards.size
        steps = rewards[:-1] - rewards[1:]
        return cls(
            stake=float(rewards[0] - rewards[-1]), step=float(steps.max(initial=0.0)),
            difference_sd=noise.difference_sd(n), own_sd=own_noise_sd(noise, n),
        )  # fmt: skip

    def gain(
        self, low: Float[FloatArray, " models"], high: Float[FloatArray, " models"]
    ) -> Float[FloatArray, " models"]:
        """The most that any score up to ``high[i]`` can gain over ``low[i]``, rivals k in [low[k], high[k]].

        The smaller of two bounds: every rival passed brings at most the largest step; and a chance of rank rewards that
        rises with the own observed score gains at most the stake times the overlap that two normals lack.
        """
        rise = high - low
        with np.errstate(divide="ignore", invalid="ignore"):
            alone = np.where(rise > 0, 2 * ndtr(rise / (2 * self.own_sd)) - 1, 0.0)
        return np.minimum(self.stake * alone, self.step * self._sums(self._passed, low, high))

    def slope(
        self, low: Float[FloatArray, " models"], high: Float[FloatArray, " models"]
    ) -> Float[FloatArray, " models"]:
        """The most that a unit of score is worth anywhere in [low[i], high[i]], rivals as for ``gain``.

        0 for models whose score cannot move.
        """
        with np.errstate(divide="ignore"):
            alone = self.stake * _PEAK / self.own_sd
        return np.minimum(alone, self.step * self._sums(self._density, low, high))

    def _sums(self, sums: Callable[..., FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
        """Sums over rivals for the models that can move, some at a time; 0 for the others, whose gain is 0."""
        result = np.zeros(low.size)
        moving = np.flatnonzero(high > low)
        rows = max(_ROWS // low.size, 1)
        for at in range(0, moving.size, rows):
            part = moving[at : at + rows]
            result[part] = sums(part, low, high)
        return result

    def _passed(self, part: IntArray, low: FloatArray, high: FloatArray) -> FloatArray:
        """Sum over rivals of the largest chance to be passed: that of a rival in the middle, if it can be there."""
        start, end, sd = low[part, None], high[part, None], self.difference_sd[part]
        rival = np.clip((start + end) / 2, low, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = ndtr((end - rival) / sd) - ndtr((start - rival) / sd)
        chance = np.where(sd > 0, chance, (low <= end) & (high >= start))
        return self._others(part, chance)

    def _density(self, part: IntArray, low: FloatArray, high: FloatArray) -> FloatArray:
        sd = self.difference_sd[part]
        apart = np.maximum(np.maximum(low - high[part, None], low[part, None] - high), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.where(sd > 0, _PEAK / sd * np.exp(-0.5 * (apart / sd) ** 2), np.where(apart > 0, 0.0, np.inf))
        return self._others(part, density)

    @staticmethod
    def _others(part: IntArray, values: FloatArray) -> FloatArray:
        values[np.arange(part.size), part] = 0.0
        return values.sum(axis=1)
