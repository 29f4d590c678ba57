"""Mixed-integer programmes over steps: one step per task, points against several rivals at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.suite.price.rule import OUT_OF_REACH, Found

SECONDS = 120.0
"""Longest time for one programme; the bounds known by then are returned. On a machine at hand ``NODES`` come first."""

NODES = 20_000
"""Most nodes of the solver's search for one programme, so that an answer does not depend on how busy the machine is."""

_UNITS = 1e3  # the solver's absolute tolerance is 1e-6: costs are scaled so that it is 1e-9 of the largest


@dataclass(frozen=True, kw_only=True, eq=False)
class Programme:
    """Minimise the cost of one step per task such that every condition holds.

    Condition r: the points gained, ``sum over tasks of points[task][step, r]``, plus ``switches[r] @ on`` are at
    least ``need[r]``, where ``on`` holds zeros and ones that are free to choose.

    Args:
        effort: Steps beyond the level, for each task; rising, 0 first.
        cost: Costs of those efforts.
        points: For each task, points by step and condition.
        need: Points wanted by condition.
        switches: Coefficients of the free zeros and ones, by condition; no columns without any.
    """

    effort: Sequence[Float[FloatArray, " _"]]
    cost: Sequence[Float[FloatArray, " _"]]
    points: Sequence[Int[IntArray, "_ conditions"]]
    need: Int[IntArray, " conditions"]
    switches: Int[IntArray, "conditions switches"]

    def solve(self, *, at_least: float = 0.0, known: Found | None = None, seconds: float = SECONDS) -> Found:
        """The least cost, proved optimal by the solver, or enclosed where time runs out.

        Args:
            at_least: A lower bound that is known.
            known: Efforts that are enough; dearer steps are left out.
            seconds: Longest time.

        Source: HiGHS (Huangfu and Hall 2018) through ``scipy.optimize.milp``.
        """
        if np.isinf(at_least):
            return OUT_OF_REACH
        if known is not None and known.upper <= at_least:
            return known
        most = np.inf if known is None else known.upper
        kept = [np.flatnonzero(np.isfinite(cost) & (cost <= most)) for cost in self.cost]
        largest = max(float(own[at].max()) for own, at in zip(self.cost, kept, strict=True))
        scale = _UNITS / largest if largest > 0 else 1.0
        result = self._minimise(kept, scale, seconds)
        lower = at_least
        bound = getattr(result, "mip_dual_bound", None)
        if bound is not None and np.isfinite(bound):
            lower = max(lower, float(bound) / scale)
        best = known
        if result.status == 2 and known is None:
            return OUT_OF_REACH
        if result.x is not None:
            choice = self._choice(kept, np.asarray(result.x))
            if self._holds(choice, np.asarray(result.x)):
                paid = float(sum(own[step] for own, step in zip(self.cost, choice, strict=True)))
                if best is None or paid < best.upper:
                    spent = np.array([own[step] for own, step in zip(self.effort, choice, strict=True)])
                    best = Found(lower=lower, upper=paid, effort=spent)
        if best is None:
            return Found(lower=lower, upper=np.inf, effort=None)
        return Found(lower=min(lower, best.upper), upper=best.upper, effort=best.effort)

    def _minimise(self, kept: list[IntArray], scale: float, seconds: float) -> Any:
        """One zero or one for each step but the first of a task: whether the effort goes at least so far."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import, needed for few rules
        from scipy.sparse import csr_array, hstack

        further = [np.diff(own[at]) for own, at in zip(self.cost, kept, strict=True)]
        gained = [np.diff(own[at], axis=0) for own, at in zip(self.points, kept, strict=True)]
        start: IntArray = np.sum([own[at[0]] for own, at in zip(self.points, kept, strict=True)], axis=0)
        cost = np.concatenate(further)
        total, free = cost.size, self.switches.shape[1]
        table = hstack(
            [
                csr_array(np.concatenate(gained).T.astype(np.float64)),
                csr_array(self.switches.astype(np.float64)),
            ]
        ).tocsr()
        constraints = [LinearConstraint(table, self.need - start, np.inf)]
        first = np.cumsum([0, *(own.size for own in further)])
        later = np.setdiff1d(np.arange(total), first)  # steps that follow another on the same task
        if later.size:
            rows = np.tile(np.arange(later.size), 2)
            values = np.repeat([1.0, -1.0], later.size)
            order = csr_array((values, (rows, np.concatenate([later - 1, later]))), shape=(later.size, total + free))
            constraints.append(LinearConstraint(order, 0.0, np.inf))
        minimise: Any = milp  # its published types do not know sparse matrices
        return minimise(
            np.r_[cost * scale, np.zeros(free)],
            constraints=constraints,
            integrality=np.ones(total + free),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 1e-9, "time_limit": seconds, "node_limit": NODES},
        )

    def _choice(self, kept: list[IntArray], solution: FloatArray) -> list[int]:
        """The step of every task."""
        start, choice = 0, list[int]()
        for at in kept:
            choice.append(int(at[int(np.rint(solution[start : start + at.size - 1]).sum())]))
            start += at.size - 1
        return choice

    def _holds(self, choice: list[int], solution: FloatArray) -> bool:
        """Whether the choice meets every condition in whole numbers, whatever the solver's tolerance."""
        free = self.switches.shape[1]
        on = np.rint(solution[solution.size - free :]).astype(np.int64)
        gained = np.sum([own[step] for own, step in zip(self.points, choice, strict=True)], axis=0)
        return bool((gained + self.switches @ on >= self.need).all())
