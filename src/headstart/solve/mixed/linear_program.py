"""Evenly spaced rewards, or two developers: the contest is a zero-sum polymatrix game, solved by one linear program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack

from headstart.contest.arrays import FloatArray, IntArray
from headstart.solve.mixed.effort_grid import FORBIDDEN, EffortGrid

EVEN = 1e-9
"""Relative difference between reward steps that still counts as rounding."""


def evenly_spaced(rewards: FloatArray) -> bool:
    """Whether every rank is worth the same more than the next: then beating a rival is worth the same anywhere."""
    steps = -np.diff(rewards)
    return bool(steps.size > 0 and steps.max() > 0 and np.ptp(steps) <= EVEN * steps.max())


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """The optimum of the linear program.

    Args:
        strategy: Probability of each point, shape (active, points).
        regret: Total regret of all developers on the grid, in units of what is contested: the optimal value, 0 up
            to the solver's tolerance. It certifies the equilibrium of the grid game.
        status: What the solver said when there is no strategy, else None.
    """

    strategy: Float[FloatArray, "active points"] | None
    regret: float
    status: str | None


def solve_program(grid: EffortGrid, *, max_seconds: float | None = None) -> Program:
    """Minimise the developers' total regret on a grid.

    Unknown are the best payoffs w_i and the probabilities F_i(r) of standing below point r. Beating one rival is worth
    d, so point r pays i the amount d * (rivals below) - cost_i(r), where the rivals below are the field's sum A(r)
    without i's own part: every row has a handful of entries. The sum of all rewards is fixed, so
    sum_i (w_i + expected cost_i) minus that sum is the total regret, which an equilibrium makes 0. Idle developers
    stand still: passing one is a gain that comes with the point, counted against its cost.

    Source: Cai, Candogan, Daskalakis, Papadimitriou (2016); docs/theory, Sec. 9, "Evenly spaced rewards".
    """
    layout = _Layout.of(grid)
    rows, bound = layout.payoff_rows()
    order_rows, order_bound = layout.monotone_rows()
    sums, sums_value = layout.field_rows()
    low, high = layout.variable_bounds()
    minimise: Any = linprog  # its published types do not know sparse matrices
    result = minimise(
        layout.objective(), A_ub=vstack([rows, order_rows]), b_ub=np.r_[bound, order_bound], A_eq=sums, b_eq=sums_value,
        bounds=np.c_[low, high], method="highs-ipm",
        options={} if max_seconds is None else {"time_limit": max_seconds},
    )  # fmt: skip
    if result.x is None or result.status != 0:
        return Program(strategy=None, regret=np.inf, status=str(result.message))
    return Program(strategy=layout.strategy(result.x), regret=float(result.fun) - layout.fixed_reward(), status=None)


Block = tuple[IntArray, IntArray, FloatArray]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layout:
    """Where the unknowns stand: w (developers), then F of each developer at its own points' lower ends, then A.

    ``own[i]`` are i's points, lowest first. F is 0 at its first point and 1 above its last: both are fixed by bounds,
    so that every developer has one more F than points. A(r) is the sum of all F at the lower end of grid point r.
    """

    own: list[IntArray]
    net_cost: FloatArray
    first: IntArray
    field: int
    size: int
    worth: float

    @classmethod
    def of(cls, grid: EffortGrid) -> _Layout:
        own = [np.flatnonzero(costs < FORBIDDEN) for costs in grid.cost]
        first = len(own) + np.r_[0, np.cumsum([points.size + 1 for points in own])]
        points = grid.cost.shape[1]
        rewards = grid.axis.contest.rewards
        worth = float(rewards[0] - rewards[-1]) / (rewards.size - 1) / grid.bounds.contested
        idle = np.sort(np.delete(grid.atom_point[: grid.axis.contest.n], grid.active))
        passed = np.searchsorted(idle, np.arange(int(points)), side="left")
        net_cost: FloatArray = grid.cost - worth * passed
        return cls(
            own=own, net_cost=net_cost, first=first[:-1], field=int(first[-1]),
            size=int(first[-1]) + points + 1, worth=worth,
        )  # fmt: skip

    def objective(self) -> FloatArray:
        """Best payoffs, plus expected costs net of what passing idle rivals earns."""
        value = np.zeros(self.size)
        value[: len(self.own)] = 1.0
        for i, points in enumerate(self.own):
            # the cost of a point times F at its upper end minus F at its lower end
            value[self.first[i] : self.first[i] + points.size] -= self.net_cost[i, points]
            value[self.first[i] + 1 : self.first[i] + points.size + 1] += self.net_cost[i, points]
        return value

    def payoff_rows(self) -> tuple[csr_array, FloatArray]:
        """-w_i + d (A - F_i at the middle of the point) <= cost net of idle rivals passed."""
        blocks: list[Block] = []
        at = 0
        for i, points in enumerate(self.own):
            row = at + np.arange(points.size)
            own, half = self.first[i] + np.arange(points.size), np.full(points.size, 0.5 * self.worth)
            blocks += [
                (row, np.full(points.size, i), np.full(points.size, -1.0)),
                (row, self.field + points, half), (row, self.field + points + 1, half),
                (row, own, -half), (row, own + 1, -half),
            ]  # fmt: skip
            at += points.size
        return self._matrix(blocks, at), np.concatenate([self.net_cost[i, points] for i, points in enumerate(self.own)])

    def monotone_rows(self) -> tuple[csr_array, FloatArray]:
        """Distribution functions do not fall."""
        blocks: list[Block] = []
        at = 0
        for i, points in enumerate(self.own):
            row, own = at + np.arange(points.size), self.first[i] + np.arange(points.size)
            blocks += [(row, own, np.ones(points.size)), (row, own + 1, -np.ones(points.size))]
            at += points.size
        return self._matrix(blocks, at), np.zeros(at)

    def field_rows(self) -> tuple[csr_array, FloatArray]:
        """A(r) is the sum of the F's at the lower end of point r."""
        every = np.arange(int(self.net_cost.shape[1]) + 1)
        blocks: list[Block] = [(every, self.field + every, -np.ones(every.size))]
        for i, points in enumerate(self.own):
            blocks.append((every, self.first[i] + np.searchsorted(points, every, side="left"), np.ones(every.size)))
        return self._matrix(blocks, every.size), np.zeros(every.size)

    def fixed_reward(self) -> float:
        """What the active developers earn by beating each other: one win per pair."""
        active = len(self.own)
        return self.worth * active * (active - 1) / 2

    def variable_bounds(self) -> tuple[FloatArray, FloatArray]:
        low, high = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        for i, points in enumerate(self.own):
            begin, end = self.first[i], self.first[i] + points.size
            low[begin : end + 1], high[begin : end + 1] = 0.0, 1.0
            high[begin], low[end] = 0.0, 1.0
        return low, high

    def strategy(self, solution: FloatArray) -> FloatArray:
        """Probabilities of the points; what the solver's tolerance left below 0 is set right."""
        result = np.zeros(self.net_cost.shape)
        for i, points in enumerate(self.own):
            mass = np.maximum(np.diff(solution[self.first[i] : self.first[i] + points.size + 1]), 0.0)
            result[i, points] = mass / mass.sum()
        return result

    def _matrix(self, blocks: list[Block], rows: int) -> csr_array:
        row, column, value = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return csr_array(coo_array((value, (row, column)), shape=(rows, self.size)))
