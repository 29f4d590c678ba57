"""The contest on a grid: every developer picks a point, either a cell of positions or one of its own end points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import NUDGE, Bounds
from headstart.solve.mixed.profile import Profile, cell_means, rung_order

NEGLIGIBLE = 1e-9
"""Rewards below this share of what is contested are left out on the grid (never when exploitability is measured)."""
FORBIDDEN = 1e12
"""Cost, in units of what is contested, of a point that is not the developer's own."""
SAMPLES = 4000
"""Positions at which the growth of costs is sampled to place the edges."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EffortGrid:
    """The grid game among the active developers; costs and rewards are in units of ``bounds.contested``.

    Args:
        axis: The contest's axis.
        bounds: Intervals of positions.
        active: Developers that have a choice, shape (active,).
        edges: Positions of the cells' edges, shape (edges,).
        atom_model: Developer of each end point, shape (atoms,): two per active developer, one per idle one.
        atom_edge: Edge of each end point.
        atom_effort: Effort at each end point, in steps.
        cell_point: Rung of each cell.
        atom_point: Rung of each end point.
        start: First point of each active developer, shape (active,).
        stop: One past its last point, shape (active,).
        cost: Cost of each point, shape (active, points); ``FORBIDDEN`` where it is not the developer's own.
        reward: Reward beyond the last rank's with k *active* rivals above, shape (counts, points): the idle ones
            above a point are already counted in.
    """

    axis: ScoreAxis
    bounds: Bounds
    active: Int[IntArray, " active"]
    edges: Float[FloatArray, " edges"]
    atom_model: Int[IntArray, " atoms"]
    atom_edge: Int[IntArray, " atoms"]
    atom_effort: Float[FloatArray, " atoms"]
    cell_point: Int[IntArray, " cells"]
    atom_point: Int[IntArray, " atoms"]
    start: Int[IntArray, " active"]
    stop: Int[IntArray, " active"]
    cost: Float[FloatArray, "active points"]
    reward: Float[FloatArray, "counts points"]

    @classmethod
    def build(cls, axis: ScoreAxis, bounds: Bounds, cells: int) -> EffortGrid:
        """A grid of about ``cells`` cells beside the end points, finer where costs grow faster."""
        return cls.on_edges(axis, bounds, _edges(axis, bounds, np.flatnonzero(bounds.active), cells))

    def refined(self, split: Bool[BoolArray, " cells"]) -> EffortGrid:
        """The grid with some cells cut in half."""
        middle = 0.5 * (self.edges[:-1] + self.edges[1:])[split]
        return self.on_edges(self.axis, self.bounds, np.unique(np.r_[self.edges, middle]))

    @classmethod
    def on_edges(cls, axis: ScoreAxis, bounds: Bounds, edges: Float[FloatArray, " edges"]) -> EffortGrid:
        """The grid on given edges, every end point among them."""
        contest, n = axis.contest, axis.contest.n
        active = np.flatnonzero(bounds.active)
        atom_model = np.r_[np.arange(n), active]
        atom_edge = np.searchsorted(edges, np.concatenate([bounds.low, bounds.high[active]]))
        atom_effort = np.r_[bounds.low_effort, bounds.high_effort[active]]
        cell_point, atom_point = rung_order(atom_edge, atom_model, edges.size - 1, contest.priority)
        start, stop = atom_point[active], atom_point[n:] + 1
        cost = np.full((active.size, cell_point.size + atom_point.size), FORBIDDEN)
        for row, i in enumerate(active):
            first, last = atom_edge[i], atom_edge[n + row]
            _, means = cell_means(axis, int(i), edges[first : last + 1])
            cost[row, cell_point[first:last]] = means / bounds.contested
        atom_cost = contest.costs.take(atom_model).cost(atom_effort) / bounds.contested
        for row, i in enumerate(active):
            cost[row, atom_point[i]], cost[row, atom_point[n + row]] = atom_cost[i], atom_cost[n + row]
        reward = _rewards_given_idle(axis, bounds, np.delete(atom_point[:n], active), active.size, cost.shape[1])
        return cls(
            axis=axis, bounds=bounds, active=active, edges=edges, atom_model=atom_model, atom_edge=atom_edge,
            atom_effort=atom_effort, cell_point=cell_point, atom_point=atom_point, start=start, stop=stop,
            cost=cost, reward=reward,
        )  # fmt: skip

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.edges.size - 1

    def profile(self, strategy: Float[FloatArray, "active points"]) -> Profile:
        """The profile in the continuous game that spreads each cell's probability evenly."""
        n = self.axis.contest.n
        cells = np.zeros((n, self.cell_point.size))
        cells[self.active] = strategy[:, self.cell_point]
        mass = np.ones(self.atom_model.size)
        for row, i in enumerate(self.active):
            mass[i], mass[n + row] = strategy[row, self.atom_point[i]], strategy[row, self.atom_point[n + row]]
        return Profile(
            origin=self.axis.origin, edges=self.edges, cells=cells, atom_model=self.atom_model,
            atom_edge=self.atom_edge, atom_effort=self.atom_effort, atom_mass=mass,
        )  # fmt: skip

    def spread(
        self, other: EffortGrid, values: Float[FloatArray, "active points_there"]
    ) -> Float[FloatArray, "active points"]:
        """Carry masses from another grid of the same contest to this one, keeping them even within cells."""
        result = np.zeros_like(self.cost)
        n = self.axis.contest.n
        for row, i in enumerate(self.active):
            cumulative = np.concatenate([[0.0], np.cumsum(values[row, other.cell_point])])
            here: FloatArray = np.interp(self.edges, other.edges, cumulative)
            result[row, self.cell_point] = np.diff(here)
            for atom in (i, n + row):
                result[row, self.atom_point[atom]] = values[row, other.atom_point[atom]]
        return result


def above(strategy: Float[FloatArray, "*active points"]) -> Float[FloatArray, "*active points"]:
    """Probability that each developer stands above a point; of two in one cell either may be ahead."""
    return np.cumsum(strategy[..., ::-1], axis=-1)[..., ::-1] - 0.5 * strategy


def _edges(axis: ScoreAxis, bounds: Bounds, active: IntArray, cells: int) -> FloatArray:
    """Edges between which the fastest-growing cost grows by equal amounts, and every end point."""
    contest = axis.contest
    width = float(np.ptp(np.r_[bounds.low[active], bounds.high[active]]))
    ends = np.r_[bounds.low, bounds.high, bounds.high[bounds.capped & bounds.active] + NUDGE * width]
    share = np.linspace(0.0, 1.0, max(SAMPLES // active.size, 50))
    samples = [ends]
    for i in active:
        top = float(contest.costs[int(i)].cost(bounds.high_effort[i]))
        effort = np.clip(contest.costs[int(i)].effort_at(share * top), bounds.low_effort[i], bounds.high_effort[i])
        samples.append(axis.position(int(i), effort))
    points = np.unique(np.concatenate(samples))
    growth = np.zeros(points.size - 1)
    for i in active:
        inside = np.clip(points, bounds.low[i], bounds.high[i])
        growth = np.maximum(growth, np.diff(axis.cost(int(i), inside)))
    total = np.concatenate([[0.0], np.cumsum(growth)])
    rising = np.concatenate([[True], np.diff(total) > 0])
    regular = np.interp(np.linspace(0.0, float(total[-1]), cells + 1), total[rising], points[rising])
    return _without_slivers(np.unique(ends), regular, width)


def _without_slivers(ends: FloatArray, regular: FloatArray, width: float) -> FloatArray:
    """Every end point, and the regular edges that are not next to one."""
    nearest = np.searchsorted(ends, regular)
    gap = np.minimum(
        np.abs(regular - ends[np.minimum(nearest, ends.size - 1)]), np.abs(regular - ends[np.maximum(nearest - 1, 0)])
    )
    return np.unique(np.r_[ends, regular[gap > 1e-9 * width]])


def _rewards_given_idle(axis: ScoreAxis, bounds: Bounds, idle_point: IntArray, active: int, points: int) -> FloatArray:
    spread = (axis.contest.rewards - axis.contest.rewards[-1]) / bounds.contested
    paid = np.r_[spread, np.zeros(active)]  # counts beyond the last rank have probability 0
    idle_above = idle_point.size - np.searchsorted(np.sort(idle_point), np.arange(points), side="right")
    counts = min(active, int((spread > NEGLIGIBLE).sum()))
    return paid[np.arange(counts)[:, None] + idle_above[None, :]]
