"""Least cost of a total gain for curves of any form: a dynamic programme over gains on a grid, with proved bounds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.suite.price.climb import Climb

CELLS = 1000
"""Cells into which the gain wanted is divided: the bounds differ by the cost of as many cells as there are tasks."""


def least_cost_on_grid(
    climb: Climb, gain: float, *, cells: int = CELLS
) -> tuple[float, float, Float[FloatArray, " tasks"]]:
    """Enclosure of the least cost at which one climber gains more than ``gain`` in total.

    With cells of width h = gain / cells and C_t(j) the least cost of a gain of j h on task t, the programme finds
    V(m), the least sum of C_t(j_t) over whole numbers that sum to m. An allocation that gains more than the gain wanted
    has, with its gains rounded down to the grid, a sum of at least cells - tasks + 1, so it costs at least
    V(cells - tasks + 1); and V(cells + 1) is the cost of one that gains more.

    Args:
        climb: One climber.
        gain: Weighted score to gain, > 0.
        cells: Cells of the grid, at least 1.

    Returns:
        Lower bound, upper bound (``inf`` where no allocation on the grid gains enough), and the steps beyond the level
        on each task that cost the upper bound.

    Source: docs/suites-prices, "Curves of another form".
    """
    count, tasks = climb.shape
    require(count == 1, "climb", "one climber", count)
    require(gain > 0, "gain", "> 0", gain)
    require(cells >= 1, "cells", ">= 1", cells)
    width = gain / cells
    repeated = climb.take(np.zeros(cells + 2, dtype=np.int64))
    gains: FloatArray = np.repeat(width * np.arange(cells + 2, dtype=np.float64)[:, None], tasks, axis=1)
    effort = repeated.effort_for(gains) - climb.level
    cost = (climb.cost * effort).T  # (tasks, cells + 2)
    value = np.full(cells + 2, np.inf)
    value[0] = 0.0
    chosen = np.zeros((tasks, cells + 2), dtype=np.int64)
    size = cells + 2
    place = np.arange(size)
    for task in range(tasks):
        # by cells on this task, by cells in all: what the other tasks' value is at the difference
        others = np.lib.stride_tricks.sliding_window_view(np.r_[np.full(size, np.inf), value], size)
        candidates = cost[task][:, None] + others[size - place]
        chosen[task] = candidates.argmin(axis=0)
        value = candidates[chosen[task], place]
    # costs rise with the gain on a task, so a sum of m or more costs no less than one of exactly m
    lower, upper = float(value[max(cells - tasks + 1, 0)]), float(value[cells + 1])
    if not np.isfinite(upper):
        return lower, np.inf, np.full(tasks, np.inf)
    return lower, upper, _efforts(chosen, effort, cells + 1)


def _efforts(chosen: IntArray, effort: FloatArray, total: int) -> FloatArray:
    """Walk back through the choices of every task."""
    tasks = len(chosen)
    result = np.zeros(tasks)
    for task in range(tasks - 1, -1, -1):
        used = int(chosen[task, total])
        result[task] = effort[used, task]
        total -= used
    return result
