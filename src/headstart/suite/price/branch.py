"""Branch and bound over efforts: closes what curves with a convex start leave open between the bounds of duality.

Each task's effort is kept within an interval. On an interval the concave envelope is closer to the curve, so the bound
of duality over a box of intervals is higher. A box whose bound reaches the best allocation known is done; another is
cut in two on the task where the response jumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.suite.price.allocation import Allocation, bracket, dual, filled
from headstart.suite.price.climb import Climb, PerClimber, PerTask

CLOSE = 1e-7
"""Relative distance between the bounds at which a box is done."""

ROUNDS = 60
"""Cuts one after the other."""

MOST_BOXES = 60_000
"""Boxes looked at for all climbers together; what is open then stays open."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Boxes(Climb):
    """Climbers whose total effort on each task must lie in an interval.

    Args:
        low: Least total effort, at least the level.
        high: Largest total effort; may be ``inf``.
    """

    low: PerTask
    high: PerTask

    @classmethod
    def around(cls, climb: Climb, owner: Int[IntArray, " boxes"], low: PerTask, high: PerTask) -> Boxes:
        """Boxes of the climbers ``owner``."""
        own = climb.take(owner)
        found = cls(curves=own.curves, level=own.level, weight=own.weight, cost=own.cost, low=low, high=high)
        for name in ("bend", "most_gain", "_start"):
            found.__dict__[name] = getattr(own, name)
        return found

    def take(self, index: Int[IntArray, " chosen"]) -> Boxes:
        """Some of the boxes."""
        own = super().take(index)
        found = Boxes(
            curves=own.curves,
            level=own.level,
            weight=own.weight,
            cost=own.cost,
            low=self.low[index],
            high=self.high[index],
        )
        for name in ("bend", "most_gain", "_start", "steepest"):
            if name in self.__dict__:
                found.__dict__[name] = self.__dict__[name][index]
        return found

    @cached_property
    def steepest(self) -> PerTask:
        """Largest weighted gain per unit of cost in each interval: the gradient nearest to the bend."""
        at = np.clip(self.bend, self.low, self.high)
        return self.weight * self.curves.gradient(at.ravel()).reshape(self.shape) / self.cost

    def response(self, price: PerClimber) -> PerTask:
        """Total efforts that maximise gain - price * cost in each interval.

        On the convex part the best effort is an end of the interval; on the concave part it is where the gradient has
        fallen to the price, or the end nearest to there.
        """
        inside = np.clip(self.concave_part(price), np.maximum(self.low, self.bend), np.maximum(self.high, self.bend))
        other = np.where(self.high <= self.bend, self.high, inside)
        with np.errstate(invalid="ignore"):
            more = self.gain(other) - self.gain(self.low) - price[:, None] * self.cost * (other - self.low)
        return np.where((more > 0) | np.isposinf(other), other, self.low)


@dataclass(kw_only=True)
class _Open:
    """Boxes still to be looked at; rows of equal length."""

    owner: IntArray
    low: PerTask
    high: PerTask
    bound: FloatArray

    def keep(self, chosen: BoolArray) -> _Open:
        return _Open(owner=self.owner[chosen], low=self.low[chosen], high=self.high[chosen], bound=self.bound[chosen])


def closed_by_branching(climb: Climb, gain: PerClimber, known: Allocation) -> Allocation:
    """Bounds that meet but for 1e-7, or as near as the limit of boxes allows.

    Args:
        climb: The climbers; the form of all curves must be known.
        gain: Weighted score to gain, > 0 and within reach.
        known: Bounds and efforts beyond the level, as ``least_cost`` gives them.

    Source: docs/suites-prices, "A convex start"; Falk and Soland (1969), An algorithm for separable nonconvex
    programming problems, Management Science 15.
    """
    count, tasks = climb.shape
    upper, effort = known.upper.copy(), climb.level + known.effort
    still = _Open(
        owner=np.arange(count, dtype=np.int64),
        low=np.full((count, tasks), climb.level, dtype=np.float64),
        high=np.full((count, tasks), np.inf),
        bound=known.lower.copy(),
    )
    seen = 0
    for _ in range(ROUNDS):
        still = still.keep(still.bound < upper[still.owner] * (1 - CLOSE))
        seen += still.owner.size
        if not still.owner.size or seen > MOST_BOXES:
            break
        still = _round(climb, gain, still, upper, effort)
    lower = upper * (1 - CLOSE)
    np.minimum.at(lower, still.owner, still.bound)
    return Allocation(lower=np.maximum(lower, known.lower), upper=upper, effort=effort - climb.level)


def _round(climb: Climb, gain: PerClimber, still: _Open, upper: FloatArray, effort: FloatArray) -> _Open:
    """Bound every box, note better allocations in ``upper`` and ``effort``, and cut what is open in two."""
    boxes = Boxes.around(climb, still.owner, still.low, still.high)
    wanted = gain[still.owner]
    least = boxes.gain(still.low).sum(axis=1) >= wanted
    _note(boxes, still.owner, still.low, least, upper, effort)
    with np.errstate(invalid="ignore"):
        within = ~least & (boxes.gain(still.high).sum(axis=1) > wanted)
    still, boxes = still.keep(within), boxes.take(np.flatnonzero(within))
    if not still.owner.size:
        return still
    wanted = gain[still.owner]
    short, enough = bracket(boxes, wanted, lambda own, at: own.gain(at))
    bound = np.maximum(dual(boxes, wanted, short), dual(boxes, wanted, enough))
    full, part = boxes.response(np.exp(enough)), boxes.response(np.exp(short))
    _note(boxes, still.owner, full, boxes.gain(full).sum(axis=1) >= wanted, upper, effort)
    complete = filled(boxes, wanted, part)
    _note(boxes, still.owner, complete, np.ones(len(complete), dtype=np.bool_), upper, effort)
    still.bound = np.maximum(still.bound, bound)
    return _cut(boxes, wanted, still, part, full, upper)


def _note(
    boxes: Boxes, owner: IntArray, effort: FloatArray, enough: BoolArray, upper: FloatArray, best: FloatArray
) -> None:
    """Keep the cheapest allocation of each climber; ``enough`` marks those that gain what is wanted."""
    rows = np.flatnonzero(enough & np.isfinite(effort).all(axis=1))
    cost = boxes.spent(effort).sum(axis=1)
    for row in rows[np.argsort(-cost[rows], kind="stable")].tolist():  # the cheapest last
        if cost[row] < upper[owner[row]]:
            upper[owner[row]], best[owner[row]] = cost[row], effort[row]


def _cut(
    boxes: Boxes, wanted: FloatArray, still: _Open, part: FloatArray, full: FloatArray, upper: FloatArray
) -> _Open:
    """Both halves of every open box, cut on the task whose response jumps, where its gain covers what is lacking."""
    have, more = boxes.gain(part), boxes.gain(full)
    with np.errstate(invalid="ignore"):
        jump = np.where(full > part, more - have, 0.0)
    task = jump.argmax(axis=1)
    rows: IntArray = np.arange(task.size, dtype=np.int64)
    lack = np.maximum(wanted - have.sum(axis=1), 0.0)
    at = boxes.effort_for(have + lack[:, None])[rows, task]
    low, high = still.low[rows, task], still.high[rows, task]
    inside = (at > low) & (at < high) & (still.bound < upper[still.owner] * (1 - CLOSE))
    # a box that cannot be cut stays as it is, with its bound
    left = _Open(owner=still.owner, low=still.low, high=still.high.copy(), bound=still.bound)
    left.high[rows[inside], task[inside]] = at[inside]
    right = still.keep(inside)
    right.low = right.low.copy()
    right.low[np.arange(right.owner.size), task[inside]] = at[inside]
    return _Open(
        owner=np.concatenate([left.owner, right.owner]),
        low=np.concatenate([left.low, right.low]),
        high=np.concatenate([left.high, right.high]),
        bound=np.concatenate([left.bound, right.bound]),
    )
