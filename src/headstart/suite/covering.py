"""The fewest tasks that together bring enough against every rival: bounds first, a binary programme last.

A set S of tasks suffices if for every rival r the gains of its tasks sum to at least what is needed against r. Three
steps, each exact: the lower bound counts, for every rival alone, the largest gains that reach its need; a greedy set
of that size is a smallest one; otherwise a binary programme (scipy's HiGHS) decides, over the rivals that a solution
so far violates. A solution that satisfies all rivals and is optimal over some of them is optimal over all.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int
from scipy.optimize import Bounds, LinearConstraint, milp

from headstart.contest.arrays import FloatArray, IntArray
from headstart.errors import ComputationError

ADDED = 12
"""Violated rivals that a round adds to the programme, those with most missing."""


def fewest_tasks(gains: Int[IntArray, "rivals tasks"], needs: Int[IntArray, " rivals"]) -> tuple[int, ...] | None:
    """A smallest set of tasks whose gains reach every need.

    Args:
        gains: What each task brings against each rival, ``>= 0``.
        needs: What must be reached against each; nothing where it is ``<= 0``.

    Returns:
        Places of the tasks, rising; None if all tasks together do not suffice.

    Raises:
        ComputationError: If the programme was not solved to optimality.

    >>> fewest_tasks(np.array([[2, 0, 1], [0, 2, 1]]), np.array([2, 2]))
    (0, 1)
    >>> fewest_tasks(np.array([[1, 1]]), np.array([3])) is None
    True
    """
    open_ = needs > 0
    gains, needs = gains[open_], needs[open_]
    if not needs.size:
        return ()
    if (gains.sum(axis=1) < needs).any():
        return None
    alone = _alone(gains, needs)
    least = int(alone.max())
    greedy = _pruned(_greedy(gains, needs), gains, needs)
    if len(greedy) == least:
        return greedy
    return _programme(gains, needs, alone, least, greedy)


def _alone(gains: Int[IntArray, "rivals tasks"], needs: Int[IntArray, " rivals"]) -> Int[IntArray, " rivals"]:
    """Fewest tasks against each rival alone: its largest gains."""
    reached = np.cumsum(-np.sort(-gains, axis=1), axis=1)
    return np.asarray((reached < needs[:, None]).sum(axis=1) + 1, dtype=np.int64)


def _greedy(gains: Int[IntArray, "rivals tasks"], needs: Int[IntArray, " rivals"]) -> tuple[int, ...]:
    """The task that brings most of what is still needed, over all rivals, one after the other."""
    taken: list[int] = []
    left = needs.copy()
    # a share of each need, so that the rivals count alike
    while (left > 0).any():
        useful = np.minimum(gains[left > 0], left[left > 0, None]) / needs[left > 0, None]
        worth: FloatArray = useful.sum(axis=0)
        worth[taken] = -1.0
        best = int(np.argmax(worth))
        taken.append(best)
        left = left - gains[:, best]
    return tuple(sorted(taken))


def _pruned(
    taken: tuple[int, ...], gains: Int[IntArray, "rivals tasks"], needs: Int[IntArray, " rivals"]
) -> tuple[int, ...]:
    """The set without the tasks that it does not need."""
    kept = list(taken)
    total = gains[:, kept].sum(axis=1)
    for task in sorted(taken, key=lambda k: int(gains[:, k].sum())):
        without = total - gains[:, task]
        if (without >= needs).all():
            kept.remove(task)
            total = without
    return tuple(kept)


def _programme(
    gains: Int[IntArray, "rivals tasks"],
    needs: Int[IntArray, " rivals"],
    alone: Int[IntArray, " rivals"],
    least: int,
    known: tuple[int, ...],
) -> tuple[int, ...]:
    """The binary programme over ever more rivals; ``known`` is a sufficient set, ``least`` a lower bound."""
    one, whole = np.ones(gains.shape[1]), np.ones(gains.shape[1], dtype=np.int64)
    rivals = np.argsort(-alone, kind="stable")[:ADDED]
    while True:
        # whole numbers: half of one below the need admits the same sets, and no rounding of the solver admits others
        rows = [
            LinearConstraint(gains[rivals].astype(np.float64), lb=needs[rivals] - 0.5),
            LinearConstraint(one[None], lb=least - 0.5, ub=len(known) + 0.5),
        ]
        found = milp(one, integrality=whole, bounds=Bounds(0, 1), constraints=rows, options={"mip_rel_gap": 0.0})
        if found.x is None or found.status != 0:
            raise ComputationError(f"the fewest tasks were not found: {found.message}")
        taken = np.flatnonzero(np.asarray(found.x) > 0.5)
        least = max(least, len(taken))
        if least == len(known):
            return known
        missing = needs - gains[:, taken].sum(axis=1)
        if (missing <= 0).all():
            return tuple(int(k) for k in taken)
        rivals = np.union1d(rivals, np.argsort(-missing, kind="stable")[: min(ADDED, int((missing > 0).sum()))])
