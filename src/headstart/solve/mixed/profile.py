"""A mixed profile: for every developer a distribution over positions, made of atoms and uniform cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray, frozen, require
from headstart.solve.mixed.axis import ScoreAxis

_GAUSS = np.polynomial.legendre.leggauss(5)
NODES, WEIGHTS = 0.5 * (_GAUSS[0] + 1.0), 0.5 * _GAUSS[1]
"""Gauss-Legendre quadrature on [0, 1]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """Independent mixed strategies, one per developer, on one axis of positions.

    Args:
        origin: Score of position 0: scores are ``origin + position``.
        edges: Rising positions, shape (edges,); they bound the cells.
        cells: Probability of each cell, spread evenly over it, shape (models, edges - 1).
        atom_model: Developer of each atom, shape (atoms,); at most one atom of a developer at one edge.
        atom_edge: Edge at which the atom stands, shape (atoms,).
        atom_effort: Effort spent there, in steps, shape (atoms,).
        atom_mass: Probability of the atom, shape (atoms,).

    Raises:
        InputError: If lengths differ, edges do not rise, or a developer's probabilities do not add up to 1.
    """

    origin: float
    edges: Float[FloatArray, " edges"]
    cells: Float[FloatArray, "models cells"]
    atom_model: Int[IntArray, " atoms"]
    atom_edge: Int[IntArray, " atoms"]
    atom_effort: Float[FloatArray, " atoms"]
    atom_mass: Float[FloatArray, " atoms"]

    def __post_init__(self) -> None:
        for name in ("edges", "cells", "atom_effort", "atom_mass"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        require(self.cells.ndim == 2, "cells", "a table of models by cells", self.cells.shape)
        require(self.edges.size == self.cells.shape[1] + 1, "edges", "one more than the cells", self.edges.size)
        require(bool((np.diff(self.edges) > 0).all()), "edges", "rising", self.edges)
        require(bool((self.cells >= 0).all() and (self.atom_mass >= 0).all()), "probabilities", ">= 0", self.cells)
        total = self.cells.sum(axis=1)
        np.add.at(total, self.atom_model, self.atom_mass)
        require(bool(np.abs(total - 1.0).max() < 1e-9), "probabilities", "1 in total for each developer", total)

    @property
    def n(self) -> int:
        """Number of developers."""
        return self.cells.shape[0]

    @property
    def scores(self) -> Float[FloatArray, " edges"]:
        """Scores at the edges (they lose digits near a common ceiling; positions do not)."""
        return self.origin + self.edges

    def cumulative(self, i: int) -> Float[FloatArray, " edges"]:
        """Probability that developer i is strictly below, or at, each edge: its distribution function there."""
        values = np.r_[0.0, np.cumsum(self.cells[i])]
        for atom in np.flatnonzero(self.atom_model == i):
            values[self.atom_edge[atom] :] += self.atom_mass[atom]
        return values


def rung_order(edge: IntArray, model: IntArray, cells: int, place: IntArray) -> tuple[IntArray, IntArray]:
    """Rank atoms and cells from the lowest position up: where a tie of atoms is lost, the loser stands lower.

    Args:
        edge: Edge of each atom, shape (atoms,).
        model: Developer of each atom, shape (atoms,).
        cells: Number of cells.
        place: Order that breaks ties, 0 first, shape (models,).

    Returns:
        Rung of each cell, shape (cells,), and of each atom, shape (atoms,); points count from 0.
    """
    height = np.r_[2 * np.arange(cells) + 1, 2 * edge]
    losing = np.r_[np.zeros(cells, dtype=np.int64), -place[model]]
    point = np.empty(height.size, dtype=np.int64)
    point[np.lexsort((losing, height))] = np.arange(height.size)
    return point[:cells], point[cells:]


def cell_means(axis: ScoreAxis, i: int, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean effort and mean cost of developer i in each cell, by Gauss-Legendre quadrature; shape (edges - 1,)."""
    points = edges[:-1, None] + np.diff(edges)[:, None] * NODES
    effort = axis.effort(i, points)
    return effort @ WEIGHTS, axis.contest.costs[i].cost(effort) @ WEIGHTS


def spending(axis: ScoreAxis, profile: Profile) -> tuple[FloatArray, FloatArray]:
    """Expected effort (steps) and expected cost of every developer, each of shape (models,)."""
    contest, n = axis.contest, profile.n
    effort, cost = np.zeros(n), np.zeros(n)
    for i in range(n):
        used = np.flatnonzero(profile.cells[i])
        for start, stop in _runs(used):
            mean_effort, mean_cost = cell_means(axis, i, profile.edges[start : stop + 1])
            effort[i] += profile.cells[i, start:stop] @ mean_effort
            cost[i] += profile.cells[i, start:stop] @ mean_cost
    np.add.at(effort, profile.atom_model, profile.atom_mass * profile.atom_effort)
    atom_cost = contest.costs.take(profile.atom_model).cost(profile.atom_effort)
    np.add.at(cost, profile.atom_model, profile.atom_mass * atom_cost)
    return effort, cost


def _runs(index: IntArray) -> list[tuple[int, int]]:
    """Maximal runs of consecutive indices, as half-open intervals."""
    breaks = np.flatnonzero(np.diff(index) > 1)
    starts, stops = np.r_[index[:1], index[breaks + 1]], np.r_[index[breaks], index[-1:]] + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def above_probability(axis: ScoreAxis, profile: Profile) -> Float[FloatArray, "models models"]:
    """Probability that i ranks above k, for all pairs; the diagonal is 0."""
    n, count = profile.n, profile.cells.shape[1]
    place = axis.contest.priority
    cell_point, atom_point = rung_order(profile.atom_edge, profile.atom_model, count, place)
    mass = np.zeros((n, cell_point.size + atom_point.size))
    mass[:, cell_point] = profile.cells
    mass[profile.atom_model, atom_point] = profile.atom_mass
    # two developers in one cell are equally likely to be ahead; an atom's point belongs to one developer
    below = np.cumsum(mass, axis=1) - 0.5 * mass
    above = mass @ below.T
    np.fill_diagonal(above, 0.0)
    return above


def inversions(axis: ScoreAxis, above: FloatArray) -> tuple[FloatArray, float]:
    """Probabilities of inversions of the zero-effort order, and the expected Kendall tau to it.

    Args:
        axis: The contest's axis.
        above: ``above_probability``, shape (models, models).

    Returns:
        Entry (i, j): probability that i ranks above j although j is above i at zero effort, 0 elsewhere; and tau.
    """
    n = axis.contest.n
    rank = axis.contest.ranks()
    inverted = np.where(rank[:, None] > rank[None, :], above, 0.0)
    pairs = n * (n - 1) / 2
    return inverted, 1.0 if n == 1 else float(1.0 - 2.0 * inverted.sum() / pairs)
