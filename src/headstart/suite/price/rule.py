"""What the price of a place is under one rule of aggregation: the interface, and the field it is asked in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.suite.price.curves import SuiteCurves
from headstart.suite.price.duels import Duels, duels_of, signs

Proof = Literal["exact", "bound"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """A least cost, enclosed, and efforts that cost the upper bound.

    Args:
        lower: Nothing cheaper is enough, in cost units; ``inf`` where nothing is enough.
        upper: Cost of ``effort``; any more of it, however little, is enough.
        effort: Steps beyond the level on each task; None where none is known to be enough.
    """

    lower: float
    upper: float
    effort: Float[FloatArray, " tasks"] | None

    @property
    def proof(self) -> Proof:
        """``exact`` where the bounds are one number but for rounding."""
        same = self.lower == self.upper or (np.isfinite(self.upper) and self.upper - self.lower <= SAME * self.upper)
        return "exact" if same else "bound"


SAME = 1e-6
"""Relative distance below which two bounds are one number; a mixed-integer programme is solved to this."""

OUT_OF_REACH = Found(lower=np.inf, upper=np.inf, effort=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """All models of a suite after the same tuning, nobody having tuned further.

    Args:
        suite: The curves.
        level: Tune-before-test level of all tasks, in steps.
    """

    suite: SuiteCurves
    level: float

    @cached_property
    def scores(self) -> Float[FloatArray, "models tasks"]:
        """Scores at the level."""
        return self.suite.scores(self.level)

    @cached_property
    def sign(self) -> Int[IntArray, "tasks models models"]:
        """Sign of every lead on every task."""
        return signs(self.suite, self.level)

    def duels(self, climber: int) -> Duels:
        """One model against all others."""
        if climber not in self._duels:
            self._duels[climber] = duels_of(self.suite, self.sign, self.level, climber)
        return self._duels[climber]

    @cached_property
    def _duels(self) -> dict[int, Duels]:
        return {}


class PriceRule(Protocol):
    """A rule of aggregation under which places have prices."""

    @property
    def name(self) -> str:
        """How the rule is asked for."""
        ...

    def standing(self, field: Field) -> Float[FloatArray, " models"]:
        """What models are ranked by, higher first; models with equal values keep their order."""
        ...

    def pairs(self, field: Field, lower: Sequence[int], upper: Sequence[int]) -> list[Found]:
        """What each model of ``lower`` pays to stand above the one of ``upper``, which it does not."""
        ...

    def first(self, field: Field, climbers: Sequence[int], above: Sequence[Sequence[int]]) -> list[Found]:
        """What each climber pays to stand above all the models above it."""
        ...
