"""What tuning costs a developer: convex functions of effort, zero at zero, growing without bound.

Costs and rewards share one unit, the contest's cost unit (steps, GPU-hours, money).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, frozen, require, require_finite
from headstart.contest.law import Law
from headstart.registry import Registry, class_complaint


class Cost(Law, ABC):
    """A batch of costs of one kind; shapes broadcast against its parameters."""

    @property
    @abstractmethod
    def free_effort(self) -> FloatArray:
        """Largest effort that costs nothing; the cost is strictly increasing beyond it."""

    @abstractmethod
    def cost(self, effort: ArrayLike) -> FloatArray:
        """Cost of ``effort >= 0``; ``inf`` at infinite effort."""

    @abstractmethod
    def effort_at(self, cost: ArrayLike) -> FloatArray:
        """Largest effort that costs at most ``cost >= 0``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PowerCost(Cost):
    """``scale * max(effort - free, 0) ** exponent``.

    Args:
        scale: Cost units, ``> 0``; the cost of one step when ``exponent`` is 1.
        exponent: ``>= 1``: a smaller one would be concave.
        free: Effort that costs nothing, ``>= 0``.

    Raises:
        InputError: If a field is out of range or not finite.

    >>> float(PowerCost(scale=2.0, exponent=1.0, free=10.0).cost(15.0))
    10.0
    """

    scale: FloatArray
    exponent: FloatArray
    free: FloatArray
    kind: ClassVar[str] = "power"

    def __init__(self, *, scale: ArrayLike = 1.0, exponent: ArrayLike = 1.0, free: ArrayLike = 0.0) -> None:
        self._set(scale=scale, exponent=exponent, free=free)
        require((self.scale > 0).all(), "scale", "> 0", self.scale)
        require((self.exponent >= 1).all(), "exponent", ">= 1 (a smaller one is a concave cost)", self.exponent)
        require((self.free >= 0).all(), "free", ">= 0", self.free)

    @property
    def free_effort(self) -> FloatArray:
        return self.free

    def cost(self, effort: ArrayLike) -> FloatArray:
        with np.errstate(over="ignore"):
            paid = np.maximum(np.asarray(effort, dtype=np.float64) - self.free, 0.0)
            return self.scale * (paid if (self.exponent == 1).all() else paid**self.exponent)

    def effort_at(self, cost: ArrayLike) -> FloatArray:
        with np.errstate(over="ignore"):
            paid = np.asarray(cost, dtype=np.float64) / self.scale
        return self.free + paid ** (1.0 / self.exponent)


@dataclass(frozen=True, kw_only=True, eq=False)
class PointsCost(Cost):
    """One convex cost given by points: straight between them, continued with the last slope.

    Args:
        effort: Rising efforts, shape (points,), starting at 0, at least two.
        cost: Costs, shape (points,), starting at 0, with slopes that never fall and a last slope ``> 0``.

    Raises:
        InputError: If the points do not start at (0, 0), do not rise, or are concave somewhere.
    """

    effort: Float[FloatArray, " points"]
    values: Float[FloatArray, " points"]
    kind: ClassVar[str] = "points"
    stacks: ClassVar[bool] = False

    def __init__(self, *, effort: ArrayLike, cost: ArrayLike) -> None:
        object.__setattr__(self, "effort", frozen(effort))
        object.__setattr__(self, "values", frozen(cost))
        require(self.effort.ndim == 1 and self.effort.size > 1, "effort", "a list of two or more", self.effort)
        require(self.effort.shape == self.values.shape, "cost", f"{self.effort.size} numbers long", self.values)
        require_finite("effort", self.effort)
        require_finite("cost", self.values)
        require(self.effort[0] == 0 and (np.diff(self.effort) > 0).all(), "effort", "rising from 0", self.effort)
        require(self.values[0] == 0 and (np.diff(self.values) >= 0).all(), "cost", "non-decreasing from 0", self.values)
        rises = np.diff(self.values)
        # compare slopes without dividing, so that points of one exact line pass
        convex = rises[1:] * np.diff(self.effort)[:-1] >= rises[:-1] * np.diff(self.effort)[1:] * (1 - 1e-12)
        require(bool(convex.all()), "cost", "convex (slopes that never fall)", self.values)
        require(rises[-1] > 0, "cost", "rising at its last point (costs grow without bound)", self.values)

    @property
    def _last_slope(self) -> float:
        return float((self.values[-1] - self.values[-2]) / (self.effort[-1] - self.effort[-2]))

    @property
    def free_effort(self) -> FloatArray:
        return np.asarray(self.effort[np.searchsorted(self.values, 0.0, side="right") - 1])

    def cost(self, effort: ArrayLike) -> FloatArray:
        e = np.asarray(effort, dtype=np.float64)
        beyond = np.maximum(e - self.effort[-1], 0.0) * self._last_slope
        return np.interp(e, self.effort, self.values) + beyond

    def effort_at(self, cost: ArrayLike) -> FloatArray:
        c = np.asarray(cost, dtype=np.float64)
        start = int(np.searchsorted(self.values, 0.0, side="right")) - 1  # drop the free zone: inverse is a function
        beyond = np.maximum(c - self.values[-1], 0.0) / self._last_slope
        return np.interp(c, self.values[start:], self.effort[start:]) + beyond

    def parameters(self) -> dict[str, FloatArray]:
        return {"effort": self.effort, "cost": self.values}

    def kinks(self) -> FloatArray:
        return self.effort


COSTS: Registry[type[Cost]] = Registry(
    "cost law",
    group="headstart.costs",
    members={law.kind: law for law in (PowerCost, PointsCost)},
    complaint=class_complaint("kind", "cost", "effort_at", "free_effort"),
)
"""Laws by the kind that contest files name; packages add theirs under the entry-point group ``headstart.costs``."""
