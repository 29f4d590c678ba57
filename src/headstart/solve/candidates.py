"""Which pairs of models decide whether a range of levels is stable: those that may change order or pass each other.

All other pairs are certain by where the models stand at the ends of the range, which takes one sort instead of a look
at every pair (docs/theory, "Searching the levels").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.compare import ROUNDING, UNDERFLOW, Standing
from headstart.contest.contest import Contest

ROUNDS = 12
"""Times the reach is narrowed by what can be gained within it."""

TANGLED, LISTED = 4, 40
"""Pairs per model that may change order, or may matter, beyond which a cell is too wide to be proved stable."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Listed:
    """Pairs of models in cells, and what is known of all the others.

    Args:
        cell: The cell of each pair.
        x: One model.
        y: The other.
        known: Pairs whose order is counted in ``above`` and ``below``.
        complete: Cells in which no other pair can make a deviation pay, shape (cells,).
        above: Models certainly above each model all over the cell, shape (cells, models).
        below: Models certainly below it.
    """

    cell: IntArray
    x: IntArray
    y: IntArray
    known: BoolArray
    complete: BoolArray
    above: IntArray
    below: IntArray


def all_pairs(cells: int, models: int) -> Listed:
    """Every pair in every cell."""
    x, y = np.triu_indices(models, 1)
    return Listed(
        cell=np.repeat(np.arange(cells), x.size), x=np.tile(x, cells), y=np.tile(y, cells),
        known=np.zeros(cells * x.size, dtype=bool), complete=np.ones(cells, dtype=bool),
        above=np.zeros((cells, models), dtype=np.int64), below=np.zeros((cells, models), dtype=np.int64),
    )  # fmt: skip


def pairs_that_matter(
    contest: Contest, free: FloatArray, high: FloatArray, at_low: Standing, at_high: Standing
) -> Listed:
    """The pairs that may change order within a cell, or of which one may profitably pass the other.

    Where too many may change order, a sample of pairs at distances 1, 2, 4, ... in the ranking, which can prove a cell
    unstable but not stable.

    Args:
        contest: The contest.
        free: Effort that is free and allowed, shape (models,).
        high: Highest level of each cell, shape (cells,).
        at_low: Where everybody stands at the lowest level after its free effort, shape (cells, models).
        at_high: The same at the highest level.
    """
    cells, n = at_low.score.shape
    largest = float(np.max(contest.curves.ceiling))
    order, sorted_least, least, most, above, below = enclose(largest, at_low, at_high)
    rewards = contest.rewards
    highest, lowest = rewards[above], rewards[n - below - 1]  # by the best and the worst rank
    tangled = np.where(highest > lowest, n - 1 - above - below, 0).sum(axis=1)
    complete = tangled <= TANGLED * n
    start, end = np.zeros((cells, n), dtype=np.int64), np.zeros((cells, n), dtype=np.int64)
    use = np.flatnonzero(complete)
    if use.size:
        start[use], end[use] = _within_reach(
            contest, high[use], largest, order[use], sorted_least[use], least[use], most[use], highest[use], lowest[use]
        )
        complete[use] &= (end - start)[use].sum(axis=1) <= LISTED * n
    end[~complete] = start[~complete]
    cell, i, k = _enumerate(start, end, order)
    own = (i != k) & (most[cell, k] >= least[cell, i]) & (highest[cell, k] > lowest[cell, i])
    sample = _sample(np.flatnonzero(~complete), order)
    code = np.concatenate([((cell * n + np.minimum(i, k)) * n + np.maximum(i, k))[own], sample])
    code.sort()
    code = code[np.diff(code, prepend=-1) > 0]
    cell, x, y = code // n**2, code // n % n, code % n
    known = (least[cell, x] > most[cell, y]) | (least[cell, y] > most[cell, x])
    return Listed(cell=cell, x=x, y=y, known=known, complete=complete, above=above, below=below)


class Enclosed(NamedTuple):
    """Bounds on a rising function of each score all over each cell, and on each rank; shapes (cells, models)."""

    order: IntArray  # by the lower bound
    sorted_least: FloatArray
    least: FloatArray
    most: FloatArray
    above: IntArray  # how many are certainly above
    below: IntArray


def enclose(largest: float, at_low: Standing, at_high: Standing) -> Enclosed:
    """Enclose scores and ranks; ``largest`` is the largest ceiling."""
    least, most = _key(at_low, largest, -1), _key(at_high, largest, 1)
    order = np.argsort(least, axis=1, kind="stable")
    sorted_least, sorted_most = np.take_along_axis(least, order, axis=1), np.sort(most, axis=1)
    above = least.shape[1] - _count(sorted_least, most, "right")
    return Enclosed(order, sorted_least, least, most, above, _count(sorted_most, least, "left"))


def _key(standing: Standing, largest: float, side: int) -> FloatArray:
    """A bound on the score, as distance from the largest ceiling where there is one: digits are kept near it."""
    if np.isfinite(largest):
        distance = (largest - standing.ceiling) + standing.shortfall
        return side * (4 * ROUNDING * distance + UNDERFLOW) - distance
    return standing.score + side * (4 * ROUNDING * np.abs(standing.score) + UNDERFLOW)


def _count(ordered: FloatArray, values: FloatArray, side: str) -> IntArray:
    """``searchsorted`` of each row of values in the same row of ``ordered``."""
    result = np.empty(values.shape, dtype=np.int64)
    for row in range(len(values)):
        result[row] = np.searchsorted(ordered[row], values[row], side="right" if side == "right" else "left")
    return result


def _within_reach(
    contest: Contest,
    high: FloatArray,
    largest: float,
    order: IntArray,
    sorted_least: FloatArray,
    least: FloatArray,
    most: FloatArray,
    highest: FloatArray,
    lowest: FloatArray,
) -> tuple[IntArray, IntArray]:
    """Places ``start`` to ``end`` in ``order`` of the models that each could profitably pass; shapes (cells, models).

    Whoever spends at most what a gain G is worth reaches some score, within which rewards up to some M can be had; so
    no deviation gains more than M - R, R its lowest reward now, and G may be lowered to that, again and again.
    """
    cells, n = least.shape
    model: IntArray = np.indices((cells, n))[1].ravel()
    everyone, costs, cap = contest.curves.take(model), contest.costs.take(model), contest.max_effort[model]
    offered = np.maximum.accumulate(np.take_along_axis(highest, order, axis=1), axis=1)
    gain = contest.rewards[0] - lowest
    end = np.zeros((cells, n), dtype=np.int64)
    for _ in range(ROUNDS):
        spent = np.minimum(costs.effort_at(np.maximum(gain, 0.0).ravel()), cap)
        reach = _key(Standing.of(everyone, np.repeat(high, n) + spent), largest, 1)
        end = np.maximum(_count(sorted_least, reach.reshape(cells, n), "right"), 1)
        lower = np.minimum(gain, np.take_along_axis(offered, end - 1, axis=1) - lowest)
        if not (lower < gain * (1 - 1e-3)).any():
            break
        gain = lower
    start = _count(np.maximum.accumulate(np.take_along_axis(most, order, axis=1), axis=1), least, "left")
    return start, np.where(gain > 0, np.maximum(end, start), start)


def _enumerate(start: IntArray, end: IntArray, order: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Cell, model and rival for every place from ``start`` to ``end``."""
    n = order.shape[1]
    size = (end - start).ravel()
    owner = np.repeat(np.arange(size.size), size)
    place = np.arange(owner.size) - np.repeat(np.cumsum(size) - size, size) + start.ravel()[owner]
    cell, i = owner // n, owner % n
    return cell, i, order[cell, place]


def _sample(cells: IntArray, order: IntArray) -> IntArray:
    """Codes of pairs at distances 1, 2, 4, ... in the ranking."""
    n = order.shape[1]
    codes: list[IntArray] = [np.empty(0, dtype=np.int64)]
    distance = 1
    while distance < n:
        a, b = order[cells, distance:], order[cells, :-distance]
        codes.append(((cells[:, None] * n + np.minimum(a, b)) * n + np.maximum(a, b)).ravel())
        distance *= 2
    return np.concatenate(codes)
