"""Tables: n curves, or n costs, of possibly different families, evaluated as one array.

A family is already a batch; a table says which row of which family belongs to each model. With a
single family, the common case, evaluation is one vectorised call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, require
from headstart.contest.costs import Cost
from headstart.contest.curves import Curve
from headstart.contest.law import Law

F = TypeVar("F", bound=Law)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table(Generic[F]):
    """Row ``row[i]`` of family ``families[family[i]]`` belongs to model i; see ``of`` and ``batch``.

    A table of one family holds it in the models' order: row i belongs to model i.
    """

    families: tuple[F, ...]
    family: IntArray
    row: IntArray

    def __len__(self) -> int:
        return self.family.size

    @classmethod
    def of(cls, items: Sequence[F]) -> Self:
        """The table of n single items (fields are scalars), in order; items of one family are stacked."""
        require(len(items) > 0, "models", "a non-empty list", len(items))
        family, row = np.empty(len(items), dtype=np.int64), np.zeros(len(items), dtype=np.int64)
        families: list[F] = []
        for own in _same_family(items):
            family[own] = len(families)
            row[own] = np.arange(len(own))
            families.append(_stack([items[i] for i in own]))
        return cls(families=tuple(families), family=family, row=row)

    @classmethod
    def batch(cls, family: F, n: int) -> Self:
        """The table of one family whose fields have shape (n,), or one scalar item shared by n models."""
        require(n > 0, "n", "> 0", n)
        return cls(families=(family,), family=np.zeros(n, dtype=np.int64), row=np.arange(n))

    def take(self, index: ArrayLike) -> Self:
        """The table of the items at ``index``, repeats allowed."""
        index = np.asarray(index, dtype=np.int64)
        if len(self.families) == 1:
            families = (self.families[0].take(index),)
            return type(self)(families=families, family=np.zeros(index.size, dtype=np.int64), row=np.arange(index.size))
        return type(self)(families=self.families, family=self.family[index], row=self.row[index])

    def __getitem__(self, i: int) -> F:
        """The single item of model i."""
        family: F = self.families[int(self.family[i])]
        return family.take(np.asarray(self.row[i]))

    def single_family(self) -> F | None:
        """The one batch, in the models' order, that holds them all; None if there are several.

        Its fields have shape (n,), or () where one value is shared.
        """
        return self.families[0] if len(self.families) == 1 else None

    def _map(self, function: Callable[[F, tuple[FloatArray, ...]], FloatArray], *arguments: ArrayLike) -> FloatArray:
        columns = tuple(np.broadcast_to(np.asarray(a, dtype=np.float64), (len(self),)) for a in arguments)
        if len(self.families) == 1:
            return np.broadcast_to(function(self.families[0], columns), (len(self),))
        result = np.empty(len(self))
        for index, family in enumerate(self.families):
            own = np.flatnonzero(self.family == index)
            if own.size:
                result[own] = function(family.take(self.row[own]), tuple(c[own] for c in columns))
        return result


def _same_family(items: Sequence[Law]) -> list[list[int]]:
    """Indices of the items that stack into one batch."""
    groups: dict[object, list[int]] = {}
    for i, item in enumerate(items):
        groups.setdefault(type(item) if item.stacks else id(item), []).append(i)
    return list(groups.values())


def _stack(items: Sequence[F]) -> F:
    first = items[0]
    if not first.stacks:
        return first
    columns = [item.parameters() for item in items]
    return type(first)(**{key: [column[key] for column in columns] for key in columns[0]})


class CurveTable(_Table[Curve]):
    """The score curves of n models. Arguments and results have shape (models,)."""

    @property
    def ceiling(self) -> FloatArray:
        """Supremum of each score."""
        return self._map(lambda f, _: f.ceiling)

    def score(self, effort: ArrayLike) -> FloatArray:
        """Scores at the given efforts."""
        return self._map(lambda f, a: f.score(*a), effort)

    def gradient(self, effort: ArrayLike) -> FloatArray:
        """Score gained per further unit of effort."""
        return self._map(lambda f, a: f.gradient(*a), effort)

    def inflection(self) -> FloatArray:
        """Efforts from which on the curves are concave, convex before; ``nan`` where none is known."""
        return self._map(lambda f, _: f.inflection())

    def effort_at_gradient(self, gradient: ArrayLike) -> FloatArray:
        """Efforts, at or beyond the inflections, from which on a further unit gains no more than ``gradient``."""
        return self._map(lambda f, a: f.effort_at_gradient(*a), gradient)

    def rises_at(self, effort: ArrayLike) -> BoolArray:
        """Whether each score rises strictly just beyond ``effort``."""
        return self._map(lambda f, a: np.asarray(f.rises_at(*a), dtype=np.float64), effort) > 0

    def stored_at(self, effort: ArrayLike) -> BoolArray:
        """Whether each score at ``effort`` is one of the curve's own numbers, free of rounding."""
        return self._map(lambda f, a: np.asarray(f.stored_at(*a), dtype=np.float64), effort) > 0

    def shortfall(self, effort: ArrayLike) -> FloatArray:
        """Ceiling minus score, accurate near the ceiling."""
        return self._map(lambda f, a: f.shortfall(*a), effort)

    def steepness(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bounds on each score gained per unit of ``log(1 + effort)`` all over ``[low, high]``: least and most."""
        both = np.empty((2, len(self)))
        for index, family in enumerate(self.families):
            own = np.flatnonzero(self.family == index) if len(self.families) > 1 else slice(None)
            batch = family.take(self.row[own]) if len(self.families) > 1 else family
            both[:, own] = batch.steepness(low[own], high[own])
        return both[0], both[1]

    def effort_to_reach(self, score: ArrayLike, shortfall: ArrayLike) -> FloatArray:
        """Least effort whose score is at least ``score``; ``inf`` when never."""
        return self._map(lambda f, a: f.effort_to_reach(*a), score, shortfall)

    def effort_to_exceed(self, score: ArrayLike, shortfall: ArrayLike) -> FloatArray:
        """Infimum of the efforts whose score is more than ``score``; ``inf`` when never."""
        return self._map(lambda f, a: f.effort_to_exceed(*a), score, shortfall)


class CostTable(_Table[Cost]):
    """The cost functions of n developers. Arguments and results have shape (models,)."""

    @property
    def free(self) -> FloatArray:
        """Largest effort that costs nothing."""
        return self._map(lambda f, _: f.free_effort)

    def cost(self, effort: ArrayLike) -> FloatArray:
        """Costs of the given efforts."""
        return self._map(lambda f, a: f.cost(*a), effort)

    def effort_at(self, cost: ArrayLike) -> FloatArray:
        """Largest effort that costs at most ``cost >= 0``."""
        return self._map(lambda f, a: f.effort_at(*a), cost)


def twins(curves: CurveTable, i: IntArray, k: IntArray) -> BoolArray:
    """Pairs with one and the same curve: tied at every level."""
    same_family = curves.family[i] == curves.family[k]
    result = same_family & (curves.row[i] == curves.row[k])
    for index, family in enumerate(curves.families):
        pairs = np.flatnonzero(same_family & (curves.family[i] == index))
        if not family.stacks:
            result[pairs] = True  # one curve
            continue
        rows_i, rows_k = curves.row[i[pairs]], curves.row[k[pairs]]
        columns = [values for values in family.parameters().values() if values.ndim]  # the others are shared
        result[pairs] = np.all([c[rows_i] == c[rows_k] for c in columns], axis=0)
    return result
