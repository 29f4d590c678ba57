"""Mixed equilibria: which method fits the contest, and the answer in one form whichever was used."""

from __future__ import annotations

import time

import numpy as np

from headstart.contest.arrays import FloatArray, require
from headstart.contest.conditions import common_cost, curve_conditions
from headstart.contest.contest import Contest
from headstart.errors import ComputationError
from headstart.progress import Progress, silent
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import Bounds, bounds
from headstart.solve.mixed.closed_form import TwoDevelopers, two_developers
from headstart.solve.mixed.effort_grid import EffortGrid
from headstart.solve.mixed.exploitability import exploitability
from headstart.solve.mixed.linear_program import evenly_spaced, solve_program
from headstart.solve.mixed.multigrid import learn_mixed, worth_splitting
from headstart.solve.mixed.profile import Profile, above_probability, inversions
from headstart.solve.mixed.solution import MixedSolution, measured_solution
from headstart.solve.pure import solve_pure

MOST_MODELS = 500
"""More developers than this with a choice to make would not fit into memory."""
PROGRAM_CELLS = 100
"""Regular cells of the first grid that is solved by linear programming."""
PROGRAM_SIZE = 60_000
"""Active developers times points of the largest linear program that is tried."""


def solve_mixed(
    contest: Contest,
    *,
    tolerance: float = 5e-3,
    seed: int = 0,
    max_sweeps: int = 20_000,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> MixedSolution:
    """Find a Nash equilibrium in mixed strategies and say how far from exact it is.

    A pure equilibrium is returned as it is. Two developers, and winner-take-all among ordered models with one
    common cost, have a closed form; evenly spaced rewards a linear program; everything else is
    learnt by regret matching on finer and finer grids. Nothing is changed but the result
    returned, so an interrupt leaves nothing behind.

    Args:
        contest: The contest, without noise.
        tolerance: Exploitability in the continuous game to stop at, as a share of what is contested: the most that any
            developer may sensibly spend, at most the first minus the last reward.
        seed: Starting strategies of regret matching are drawn with it; the same seed gives the same answer.
        max_sweeps: Sweeps of regret matching at most.
        max_seconds: Stop after about this long with what there is (the answer then depends on the machine).
        progress: Called now and then while a long method runs.

    Raises:
        InputError: If the contest has noise, or a number is out of range.
        ComputationError: If more developers have a choice to make than fit into memory.

    Source: docs/mixed; docs/theory, Sec. 9.

    >>> from headstart.contest import *
    >>> curves = CurveTable.of([Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=1.0)])
    >>> costs = CostTable.batch(PowerCost(), 2)
    >>> contest = Contest(names=("strong", "weak"), curves=curves, costs=costs, rewards=[1.0, 0.0])
    >>> solution = solve_mixed(contest)
    >>> solution.method, round(float(solution.inversion_probability[1, 0]), 9)
    ('closed form', 0.375)
    """
    require(0 < tolerance < 1, "tolerance", "between 0 and 1", tolerance)
    require(max_sweeps >= 1, "max_sweeps", ">= 1", max_sweeps)
    require(max_seconds is None or max_seconds > 0, "max_seconds", "> 0", max_seconds)
    noisy = contest.noise_sd is not None and bool((contest.noise_sd > 0).any())
    require(not noisy, "noise_sd", "0 for a mixed equilibrium", contest.noise_sd)
    tell, axis = progress or silent, ScoreAxis.of(contest)
    pure = solve_pure(contest)
    if pure.verdict == "exists" and pure.efforts is not None:
        return _pure(axis, pure.efforts, "an equilibrium in pure strategies exists: " + pure.reason)
    pair = _closed_form_pair(axis)
    if pair is not None:
        return _closed_form(*pair)
    limits = bounds(axis)
    count = int(limits.active.sum())
    if count == 0:
        return _pure(axis, limits.low_effort, "every developer's tuning is dominated")
    if count > MOST_MODELS:
        raise ComputationError(f"a mixed equilibrium with {count} active developers does not fit into memory")
    end = None if max_seconds is None else time.monotonic() + max_seconds
    why = "rewards are neither evenly spaced nor for two developers only"
    if evenly_spaced(contest.rewards):
        solved, why = _by_program(axis, limits, tolerance, end, tell)
        if solved is not None:
            return solved
    left = None if end is None else max(end - time.monotonic(), 1e-3)
    learnt = learn_mixed(
        axis, limits, tolerance=tolerance, seed=seed, max_sweeps=max_sweeps, max_seconds=left, progress=tell
    )
    return measured_solution(
        axis, learnt.profile, payoff=learnt.exploitability.payoff, exploitability=learnt.exploitability.upper,
        target=tolerance * limits.contested, method="regret matching", why=why, sweeps=learnt.sweeps,
    )  # fmt: skip


def _pure(axis: ScoreAxis, efforts: FloatArray, why: str) -> MixedSolution:
    """Everybody at one effort for certain."""
    contest, n = axis.contest, axis.contest.n
    position = np.array([float(axis.position(i, efforts[i])) for i in range(n)])
    edges = np.unique(position)
    edges = np.r_[edges, edges[-1] + max(1.0, abs(edges[-1]))] if edges.size == 1 else edges
    profile = Profile(
        origin=axis.origin, edges=edges, cells=np.zeros((n, edges.size - 1)), atom_model=np.arange(n),
        atom_edge=np.searchsorted(edges, position), atom_effort=efforts, atom_mass=np.ones(n),
    )  # fmt: skip
    return measured_solution(
        axis, profile, payoff=contest.payoffs(efforts), exploitability=0.0, target=0.0, method="pure", why=why
    )


def _closed_form_pair(axis: ScoreAxis) -> tuple[TwoDevelopers, str] | None:
    """The two developers whose contest has a closed form that is an equilibrium for everybody, and why."""
    contest = axis.contest
    if contest.n == 2:
        solved = two_developers(axis, 0, 1)
        return None if solved is None else (solved, "two developers")
    winner_takes_all = contest.n > 2 and contest.rewards[1] == contest.rewards[-1]
    if not winner_takes_all or not common_cost(contest).holds or not curve_conditions(contest)[0].holds:
        return None
    # the others need more effort for every score than the second, who gains nothing: they would lose
    first, second = (int(i) for i in contest.order()[:2])
    solved = two_developers(axis, first, second)
    why = "winner takes all among ordered curves with one common cost: only the two best are active"
    return None if solved is None else (solved, why)


def _closed_form(solved: TwoDevelopers, why: str) -> MixedSolution:
    axis, contest = solved.axis, solved.axis.contest
    profile = solved.profile()
    effort, cost = profile.atom_effort[: contest.n].copy(), np.zeros(contest.n)
    idle, payoff = np.ones(contest.n), np.full(contest.n, contest.rewards[-1])
    above = above_probability(axis, profile)
    for who, i in enumerate(solved.pair):
        effort[i], cost[i] = solved.expected_effort(who), solved.expected_cost(who)
        idle[i], payoff[i] = solved.idle_probability(who), contest.rewards[1] + solved.gain[who]
    upset = solved.weak_first_probability()
    above[solved.weak, solved.strong], above[solved.strong, solved.weak] = upset, 1.0 - upset
    inverted, tau = inversions(axis, above)
    return MixedSolution(
        names=contest.names, method="closed form", why=why, status="converged",
        exploitability=0.0, exploitability_share=0.0, expected_effort=effort, expected_cost=cost, payoff=payoff,
        idle_probability=idle, inversion_probability=inverted, expected_kendall_tau=tau, profile=profile,
    )  # fmt: skip


def _by_program(
    axis: ScoreAxis, limits: Bounds, tolerance: float, end: float | None, progress: Progress
) -> tuple[MixedSolution | None, str]:
    """Solve by linear programming on finer grids until the continuous game agrees; or say why not."""
    contest, grid = axis.contest, EffortGrid.build(axis, limits, PROGRAM_CELLS)
    contested = limits.contested
    why = "evenly spaced rewards make a zero-sum polymatrix game: one linear program"
    best: MixedSolution | None = None
    while True:
        left = None if end is None else end - time.monotonic()
        if grid.cost.size > PROGRAM_SIZE or (left is not None and left <= 0):
            return best, "evenly spaced rewards, but the linear program is too large; regret matching instead"
        progress(f"linear program, {grid.cells} cells", grid.cost.size / PROGRAM_SIZE)
        program = solve_program(grid, max_seconds=left)
        if program.strategy is None:
            return best, f"evenly spaced rewards, but the linear program ended with: {program.status}"
        profile = grid.profile(program.strategy)
        measured = exploitability(contest, profile, width=0.1 * tolerance * contested)
        if best is None or measured.upper < best.exploitability:
            best = measured_solution(
                axis, profile, payoff=measured.payoff, exploitability=measured.upper, target=tolerance * contested,
                method="linear program", why=why,
            )  # fmt: skip
        if measured.upper <= tolerance * contested:
            return best, why
        grid = grid.refined(worth_splitting(measured, tolerance * contested))
