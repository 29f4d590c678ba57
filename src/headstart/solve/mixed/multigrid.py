"""General rewards: learn on a coarse grid, refine it, and stop when the continuous game says so."""

from __future__ import annotations

import time
from dataclasses import dataclass

from jaxtyping import Bool

from headstart.contest.arrays import BoolArray
from headstart.progress import Progress
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import Bounds
from headstart.solve.mixed.effort_grid import EffortGrid
from headstart.solve.mixed.exploitability import Exploitability, exploitability
from headstart.solve.mixed.profile import Profile
from headstart.solve.mixed.regret_matching import Learner, learn

COARSEST = 100
"""Regular cells of the first grid."""
MOST_POINTS = 4000
"""Points beyond which a grid is not refined any more."""
SHARE = 0.4
"""Share of the tolerance aimed at on the grid; the rest is left to the grid's coarseness."""
COARSE = 0.6
"""The grid is refined when its regret is less than this share of the exploitability in the continuous game."""
PATIENCE = 1000
"""Sweeps between two looks at the continuous game."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """The best profile found, its exploitability, and what was spent on it."""

    profile: Profile
    exploitability: Exploitability
    sweeps: int
    cells: int


def learn_mixed(
    axis: ScoreAxis,
    bounds: Bounds,
    *,
    tolerance: float,
    seed: int,
    max_sweeps: int,
    max_seconds: float | None,
    progress: Progress,
) -> Learned:
    """Learn until the exploitability in the continuous game is within ``tolerance`` (a share of what is contested)."""
    contest = axis.contest
    contested = bounds.contested
    end = None if max_seconds is None else time.monotonic() + max_seconds
    spent = 0
    best: Learned | None = None
    learner = Learner.start(EffortGrid.build(axis, bounds, COARSEST), seed=seed)

    def report(_: float) -> bool:
        progress(f"regret matching, {learner.grid.cells} cells", (spent + learner.rounds) / max_sweeps)
        return end is not None and time.monotonic() >= end

    while True:
        sweeps = min(PATIENCE, max_sweeps - spent - learner.rounds)
        regret, out_of_time = learn(learner, target=SHARE * tolerance, sweeps=sweeps, report=report)
        grid = learner.grid
        profile = grid.profile(learner.average)
        measured = exploitability(contest, profile, width=0.1 * tolerance * contested)
        if best is None or measured.upper < best.exploitability.upper:
            best = Learned(profile=profile, exploitability=measured, sweeps=spent + learner.rounds, cells=grid.cells)
        if measured.upper <= tolerance * contested or out_of_time or spent + learner.rounds >= max_sweeps:
            return best
        if regret < COARSE * measured.upper / contested and grid.cost.shape[1] < MOST_POINTS:
            spent += learner.rounds
            learner = learner.refined(grid.refined(worth_splitting(measured, tolerance * contested)))


def worth_splitting(measured: Exploitability, tolerance: float) -> Bool[BoolArray, " cells"]:
    """Cells into which deviating gains so much that halving them may help; ``tolerance`` in cost units."""
    return measured.cell_gain > 0.5 * min(measured.upper, 2 * tolerance)
