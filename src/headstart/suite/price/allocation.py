"""Least cost of a total gain spread over tasks, and the most gain for a cost, by Lagrangian duality.

With f_t(e) the weighted gain on task t and c_t the cost of a step, every price of effort lambda > 0 gives

    least cost of a gain G  >=  sum_t min_e [c_t e - f_t(e) / lambda] + G / lambda,

whatever the curves look like. The minima are reached at ``Climb.response(lambda)``. Where all curves are concave the
best lambda closes the gap to an allocation that gains G; elsewhere the right-hand side at the best lambda is the least
cost under the concave envelopes of the curves, and the least cost itself lies between that and the best allocation
found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from headstart.contest.arrays import IntArray, require
from headstart.suite.price.climb import Climb, PerClimber, PerTask

CLOSED = 1e-9
"""Relative distance of the bounds below which they count as one number: what rounding leaves of duality."""

_ENOUGH = 1e-12
_SMALLEST_PRICE = -600.0  # log of a price relative to the steepest curve; efforts beyond leave floating point
_STEPS = 90


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation:
    """Least cost of a total gain, enclosed, with an allocation.

    Args:
        lower: No allocation costs less, in cost units, shape (climbers,); ``inf`` where the gain is out of reach.
        upper: What ``effort`` costs.
        effort: Steps beyond the level on each task; their infimum, where the gain must be exceeded.
    """

    lower: PerClimber
    upper: PerClimber
    effort: PerTask

    def take(self, index: Int[IntArray, " chosen"]) -> Allocation:
        """Those of some of the climbers."""
        return Allocation(lower=self.lower[index], upper=self.upper[index], effort=self.effort[index])

    def with_rows(self, index: Int[IntArray, " chosen"], other: Allocation) -> Allocation:
        """The same with those of some of the climbers replaced."""
        lower, upper, effort = self.lower.copy(), self.upper.copy(), self.effort.copy()
        lower[index], upper[index], effort[index] = other.lower, other.upper, other.effort
        return Allocation(lower=lower, upper=upper, effort=effort)


def least_cost(climb: Climb, gain: PerClimber) -> Allocation:
    """Infimum of the costs of allocations that gain more than ``gain`` in total.

    Args:
        climb: The climbers; all curves must be known to be convex up to a bend and concave beyond.
        gain: Weighted score to gain, shape (climbers,); 0 or less where nothing is missing.

    Raises:
        InputError: If the form of some curve is unknown (see ``grid.least_cost_on_grid``).

    Source: docs/suites-prices, "The mean"; Boyd and Vandenberghe, Convex Optimization, Sec. 5.1.3 and 5.5.3.
    """
    require(bool(climb.known.all()), "curves", "of laws that tell their inflection", "others")
    count, tasks = climb.shape
    lower, upper = np.zeros(count), np.zeros(count)
    effort = np.full((count, tasks), climb.level, dtype=np.float64)
    most = climb.most_gain.sum(axis=1)
    # nothing rises, or the gain is not exceeded at any effort
    never = (gain >= 0) & (gain >= most)
    lower[never] = upper[never] = np.inf
    rows = np.flatnonzero(~never & (gain > 0))
    if rows.size:
        found = _enclose(climb.take(rows), gain[rows])
        lower[rows], upper[rows], effort[rows] = found
    return Allocation(lower=lower, upper=upper, effort=np.where(never[:, None], np.inf, effort - climb.level))


def _enclose(climb: Climb, gain: PerClimber) -> tuple[PerClimber, PerClimber, PerTask]:
    """Bounds and the best total efforts found, for gains > 0 within reach."""
    short, enough = bracket(climb, gain, lambda own, effort: own.gain(effort))
    lower = np.maximum(dual(climb, gain, short), dual(climb, gain, enough))
    full, part = climb.response(np.exp(enough)), climb.response(np.exp(short))
    best = np.where(np.isfinite(full) & (climb.gain(full).sum(axis=1) >= gain)[:, None], full, np.inf)
    upper = climb.spent(best).sum(axis=1)
    with np.errstate(invalid="ignore"):
        open_ = np.flatnonzero(~(np.isfinite(upper) & (upper - lower <= CLOSED * upper)))
    if open_.size:
        own = climb.take(open_)
        candidate = filled(own, gain[open_], part[open_])
        cost = own.spent(candidate).sum(axis=1)
        better = cost < upper[open_]
        upper[open_[better]], best[open_[better]] = cost[better], candidate[better]
    return np.minimum(np.maximum(lower, 0.0), upper), upper, best


def dual(climb: Climb, gain: PerClimber, log_price: PerClimber) -> PerClimber:
    """The bound at one price of effort: cost of the response, plus what its gain lacks at that price."""
    price = np.exp(log_price)
    effort = climb.response(price)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        bound = climb.spent(effort).sum(axis=1) + (gain - climb.gain(effort).sum(axis=1)) / price
    return np.where(np.isfinite(bound), bound, 0.0)


def bracket(
    climb: Climb, wanted: PerClimber, measure: Callable[[Climb, PerTask], PerTask]
) -> tuple[PerClimber, PerClimber]:
    """Logs of two prices: at the first the response measures less than is wanted in total, at the second enough.

    They are next to each other, or the second measures what is wanted but for 1e-12 of it. Steps of regula falsi on
    the log of the measure, every fourth one a halving, because it jumps where a curve with a convex start begins to
    pay.
    """
    high = np.log(climb.steepest.max(axis=1))  # nothing pays
    low = high + _SMALLEST_PRICE
    value_high = np.full(high.shape, -1.0)  # log of the measure over what is wanted, cut off
    value_low = np.ones(high.shape)
    active: IntArray = np.arange(high.size, dtype=np.int64)
    for step in range(_STEPS):
        if not active.size:
            break
        a, b = low[active], high[active]
        if step == 0:
            middle = b - 1.0
        elif step < 12 and (value_low[active] >= 1).all():
            middle = np.maximum(b - 2.0**step, a)
        else:
            # aimed just above what is wanted, so that the last step is on the side that is enough
            share = (value_low[active] - _ENOUGH / 2) / (value_low[active] - value_high[active])
            middle = a + (b - a) * np.where(step % 4 == 0, 0.5, np.clip(share, 1e-3, 1 - 1e-3))
        own = climb.take(active)
        reached = measure(own, own.response(np.exp(middle))).sum(axis=1)
        with np.errstate(divide="ignore"):
            value = np.clip(np.log(reached / wanted[active]), -1.0, 1.0)
        enough = reached >= wanted[active]
        low[active], high[active] = np.where(enough, middle, a), np.where(enough, b, middle)
        value_low[active] = np.where(enough, value, value_low[active])
        value_high[active] = np.where(enough, value_high[active], value)
        done = (enough & (reached <= wanted[active] * (1 + _ENOUGH))) | (high[active] - low[active] <= _ENOUGH)
        active = active[~done]
    return high, low


def filled(climb: Climb, gain: PerClimber, effort: PerTask) -> PerTask:
    """``effort`` with what its gain lacks added on the one task where that is cheapest."""
    have = climb.gain(effort)
    lack = np.maximum(gain - have.sum(axis=1), 0.0)
    more = climb.effort_for(have + lack[:, None])
    with np.errstate(invalid="ignore"):
        extra = climb.cost * (more - effort)
    task = np.argmin(np.where(np.isnan(extra), np.inf, extra), axis=1)
    rows: IntArray = np.arange(task.size, dtype=np.int64)
    result = effort.copy()
    result[rows, task] = np.maximum(more[rows, task], effort[rows, task])
    return result


def most_gain(climb: Climb, budget: PerClimber) -> tuple[PerClimber, PerClimber]:
    """Enclosure of the largest total gain for a total cost of at most ``budget``.

    Returns:
        A gain that is reached, and a bound that no allocation exceeds: the gain under concave envelopes. One number
        where all curves are concave from the level on.

    Raises:
        InputError: If the form of some curve is unknown.

    Source: docs/suites-prices, "The mean".
    """
    require(bool(climb.known.all()), "curves", "of laws that tell their inflection", "others")
    count = climb.shape[0]
    reached, bound = np.zeros(count), np.zeros(count)
    rows: IntArray = np.flatnonzero((budget > 0) & (climb.steepest.max(axis=1) > 0))
    if not rows.size:
        return reached, bound
    own, spend = climb.take(rows), budget[rows]
    # what is just within the budget, so that the response that measures it can be paid
    high, low = bracket(own, spend * (1 - 2 * _ENOUGH), lambda own, effort: own.spent(effort))
    full = own.response(np.exp(low))
    effort = np.where((own.spent(full).sum(axis=1) <= spend)[:, None], full, own.response(np.exp(high)))
    have, left = own.gain(effort), spend - own.spent(effort).sum(axis=1)
    more = own.gain(effort + np.maximum(left, 0.0)[:, None] / own.cost) - have
    reached[rows] = have.sum(axis=1) + np.maximum(more.max(axis=1), 0.0)
    bound[rows] = np.minimum(_primal_bound(own, spend, low), _primal_bound(own, spend, high))
    bound[rows] = np.maximum(bound[rows], reached[rows])
    return reached, bound


def _primal_bound(climb: Climb, budget: PerClimber, log_price: PerClimber) -> PerClimber:
    """No allocation within the budget gains more than the response at any price, less or plus the cost it is off."""
    price = np.exp(log_price)
    effort = climb.response(price)
    with np.errstate(invalid="ignore"):
        bound = climb.gain(effort).sum(axis=1) + price * (budget - climb.spent(effort).sum(axis=1))
    return np.where(np.isnan(bound), np.inf, bound)
