"""The grid game written out in full, and given to other people's solvers."""

from itertools import product

import numpy as np
import pygambit as gbt
import pytest
import quantecon.game_theory as qe

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.contest.rewards import geometric, top
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import bounds
from headstart.solve.mixed.effort_grid import FORBIDDEN, EffortGrid
from headstart.solve.mixed.linear_program import solve_program
from headstart.solve.mixed.regret_matching import Learner, grid_regret


def ladder_of(intercepts, rewards, cells, scales=1.0):
    n = len(intercepts)
    game = Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=CurveTable.batch(Linear(intercept=intercepts, slope=np.ones(n)), n),
        costs=CostTable.batch(PowerCost(scale=np.broadcast_to(scales, (n,))), n),
        rewards=rewards,
    )
    axis = ScoreAxis.of(game)
    return EffortGrid.build(axis, bounds(axis), cells)


def written_out(grid):
    """Payoff tables of the grid game, one per developer; and the points that are each developer's own."""
    contest = grid.axis.contest
    reward = (contest.rewards - contest.rewards[-1]) / grid.bounds.contested
    n = contest.n
    own = [np.flatnonzero(c < FORBIDDEN) for c in grid.cost]
    tables = [np.zeros([points.size for points in own]) for _ in range(n)]
    for choice in product(*(range(points.size) for points in own)):
        point = [own[i][c] for i, c in enumerate(choice)]
        for i in range(n):
            ahead = sum(point[j] > point[i] for j in range(n))
            tied = sum(point[j] == point[i] for j in range(n)) - 1
            mean = np.mean([reward[ahead + sum(up)] for up in product([0, 1], repeat=tied)])
            tables[i][choice] = mean - grid.cost[i, point[i]]
    return tables, own


TWO = [([0.3, 0.0], 1.0), ([0.3, 0.0], [2.0, 1.0]), ([0.1, 0.0], [1.0, 1.3])]


def values(x, y, grid, tables, own):
    """What the zero-sum version is worth to each, a unique number: the payoff plus the rival's expected cost."""
    (first, second), costs = tables, [grid.cost[i, own[i]] for i in range(2)]
    return [x @ first @ y + costs[1] @ y, x @ second @ y + costs[0] @ x]


@pytest.mark.parametrize(("intercepts", "scales"), TWO)
def test_two_developers_agree_with_gambit(intercepts, scales):
    grid = ladder_of(intercepts, [1.0, 0.0], 8, scales)
    tables, own = written_out(grid)
    game = gbt.StrategicGame.from_arrays(*tables)
    theirs = gbt.nash.lcp_solve(game, rational=False, stop_after=1).equilibria[0]
    x, y = (np.array([p for _, p in theirs[label]]) for label in ("1", "2"))
    ours = solve_program(grid).strategy
    expected = values(x, y, grid, tables, own)
    assert values(ours[0, own[0]], ours[1, own[1]], grid, tables, own) == pytest.approx(expected, abs=1e-7)
    assert theirs.max_regret() == pytest.approx(0.0, abs=1e-7)
    profile = game.mixed_strategy_profile([ours[i, own[i]].tolist() for i in range(2)], rational=False)
    assert profile.max_regret() == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize(("intercepts", "scales"), TWO)
def test_two_developers_agree_with_quantecon(intercepts, scales):
    grid = ladder_of(intercepts, [1.0, 0.0], 8, scales)
    tables, own = written_out(grid)
    game = qe.NormalFormGame([qe.Player(tables[0]), qe.Player(tables[1].T)])
    x, y = qe.lemke_howson(game)
    ours = solve_program(grid).strategy
    expected = values(x, y, grid, tables, own)
    assert values(ours[0, own[0]], ours[1, own[1]], grid, tables, own) == pytest.approx(expected, abs=1e-7)
    assert game.is_nash((ours[0, own[0]], ours[1, own[1]]), tol=1e-8)


@pytest.mark.parametrize("rewards", [top(3, k=2), geometric(3, 1.0, ratio=0.5)])
def test_regret_of_three_developers_is_what_gambit_measures(rewards):
    grid = ladder_of([0.3, 0.2, 0.0], rewards, 4)
    tables, own = written_out(grid)
    learner = Learner.start(grid, seed=0, compiled=False)
    for rounds in (0, 30, 300):
        while learner.rounds < rounds:
            learner.sweep()
        ours = learner.average
        game = gbt.StrategicGame.from_arrays(*tables)
        profile = game.mixed_strategy_profile([ours[i, own[i]].tolist() for i in range(3)], rational=False)
        assert profile.max_regret() == pytest.approx(grid_regret(grid, ours).max(), abs=1e-9)


def test_three_developers_learn_the_equilibrium_quantecon_confirms():
    grid = ladder_of([0.3, 0.2, 0.0], geometric(3, 1.0, ratio=0.5), 4)
    tables, own = written_out(grid)
    learner = Learner.start(grid, seed=0, compiled=False)
    for _ in range(3000):
        learner.sweep()
    ours = tuple(learner.average[i, own[i]] for i in range(3))
    players = [qe.Player(np.moveaxis(t, range(3), [(k - i) % 3 for k in range(3)])) for i, t in enumerate(tables)]
    assert qe.NormalFormGame(players).is_nash(ours, tol=2e-3)
