"""What first place may be worth: as the designer states it, and how much each level can bear."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require
from headstart.contest.rewards import REWARDS, own_numbers, parse
from headstart.designing.scenario import Scenario
from headstart.errors import InputError
from headstart.solve.prices import price_matrix

MANY = 10_000
"""Models for which a shape is checked before their number is known."""

POINTS = 31
"""Levels at which the edge is drawn."""


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """A range of values of first place, and the shape of the other rewards.

    Args:
        shape: ``winner``, ``linear``, ``top:K`` or ``geometric:RATIO``.
        low: Least that first place may be worth, in cost units, ``>= 0``.
        high: Most that it may be worth, ``>= low`` and ``> 0``.
        assumed: Whether it is a scale to start from, because none was given.
    """

    shape: str
    low: float
    high: float
    assumed: bool = False

    def __post_init__(self) -> None:
        sound = 0 <= self.low <= self.high < math.inf and self.high > 0
        require(sound, "stakes", "an interval with 0 <= LOW <= HIGH and HIGH above 0", f"{self.low:g}:{self.high:g}")

    @classmethod
    def parse(cls, text: str, *, assumed: bool = False) -> Stakes:
        """Read ``SHAPE:VALUE`` or ``SHAPE:LOW:HIGH``; without a shape, ``LOW:HIGH`` or ``VALUE`` is linear.

        Raises:
            InputError: If the text has another form.

        >>> Stakes.parse("top:3:500:5000")
        Stakes(shape='top:3', low=500.0, high=5000.0, assumed=False)
        >>> Stakes.parse("linear:5000").low, Stakes.parse("500:5000").shape
        (5000.0, 'linear')
        """
        kind, *rest = text.split(":")
        own = len(own_numbers(kind)) if kind in REWARDS else 0
        shape = [kind, *rest[:own]] if kind in REWARDS else ["linear"]
        numbers = rest[own:] if kind in REWARDS else [kind, *rest]
        form = "SHAPE:VALUE or SHAPE:LOW:HIGH, such as linear:5000 or top:3:500:5000"
        require(len(numbers) in (1, 2), "stakes", form, text)
        try:
            low, high = float(numbers[0]), float(numbers[-1])
        except ValueError:
            raise InputError(f"stakes must be {form}, got {text!r}", field="stakes") from None
        found = cls(shape=":".join(shape), low=low, high=high, assumed=assumed)
        parse(found.rewards(high), MANY)  # the number in the shape is checked with the others
        return found

    def rewards(self, value: float) -> str:
        """The short form of the rewards for a first place worth ``value``."""
        return f"{self.shape}:{value!r}"


@dataclass(frozen=True, kw_only=True, eq=False)
class StakesEdge:
    """The largest stable value of first place (less the last) at each level; ``inf`` where no place can be bought.

    Args:
        levels: In steps, rising, shape (levels,).
        stakes: In cost units, shape (levels,).
    """

    levels: Float[FloatArray, " levels"]
    stakes: Float[FloatArray, " levels"]


def stakes_edge(scenario: Scenario) -> StakesEdge | None:
    """The edge for tune-before-test with the scenario's shape of rewards; None where all ranks are paid alike."""
    rewards = scenario.contest.rewards
    value = float(rewards[0] - rewards[-1])
    if value == 0:
        return None
    shape = (rewards - rewards[-1]) / value
    levels: FloatArray = np.expm1(np.linspace(0.0, math.log1p(scenario.reach), POINTS))
    stakes = np.array([_critical(scenario, float(level), shape) for level in levels])
    return StakesEdge(levels=levels, stakes=stakes)


def _critical(scenario: Scenario, level: float, shape: FloatArray) -> float:
    """Largest ``value`` with ``value * (shape[k] - shape[i]) <= price(i, k)`` for every pair."""
    prices = price_matrix(scenario.contest.at_level(level))
    gap = shape[None, :] - shape[:, None]
    sold = np.isfinite(prices) & (gap > 0)
    return float(np.min(prices[sold] / gap[sold], initial=np.inf))
