"""Curves whose models have been tuned already, each by its own effort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require
from headstart.contest.curves import Curve, Efforts, Scores
from headstart.contest.tables import CurveTable


@dataclass(frozen=True, kw_only=True, eq=False)
class Advanced(Curve):
    """``curve(by + effort)``: what is left of a batch of curves after some effort.

    Args:
        curve: The batch, one dimension.
        by: Effort already spent, ``>= 0``, in steps; one number or one per curve.
    """

    curve: Curve
    by: FloatArray
    kind: ClassVar[str] = "advanced"

    def __init__(self, *, curve: Curve, by: ArrayLike) -> None:
        object.__setattr__(self, "curve", curve)
        object.__setattr__(self, "by", frozen(by))
        require(bool((self.by >= 0).all()), "by", ">= 0", self.by)

    def parameters(self) -> dict[str, FloatArray]:
        return {**(self.curve.parameters() if self.curve.stacks else {}), "by": self.by}

    @property
    def ceiling(self) -> Scores:
        return self.curve.ceiling

    def score(self, effort: ArrayLike) -> Scores:
        return self.curve.score(self.by + np.asarray(effort, dtype=np.float64))

    def shortfall(self, effort: ArrayLike) -> Scores:
        return self.curve.shortfall(self.by + np.asarray(effort, dtype=np.float64))

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        return np.maximum(self.curve.effort_to_reach(score, shortfall) - self.by, 0.0)

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike | None = None) -> Efforts:
        return np.maximum(self.curve.effort_to_exceed(score, shortfall) - self.by, 0.0)

    def kinks(self) -> FloatArray:
        return self.curve.kinks() - self.by

    def plateaus(self) -> Scores:
        return self.curve.plateaus()

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        return self.curve.rises_at(self.by + np.asarray(effort, dtype=np.float64))

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        return self.curve.stored_at(self.by + np.asarray(effort, dtype=np.float64))

    def take(self, index: IntArray) -> Advanced:
        return Advanced(curve=self.curve.take(index), by=self.by if self.by.ndim == 0 else self.by[index])


def advanced(curves: CurveTable, by: Float[FloatArray, " models"]) -> CurveTable:
    """The same models after model i has been tuned by ``by[i]`` steps."""
    row = np.empty(len(curves), dtype=np.int64)
    families: list[Curve] = []
    for index, family in enumerate(curves.families):
        own = np.flatnonzero(curves.family == index)
        row[own] = np.arange(own.size)
        families.append(Advanced(curve=family.take(curves.row[own]), by=by[own]))
    return CurveTable(families=tuple(families), family=curves.family, row=row)
