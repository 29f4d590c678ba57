"""The payoff kernel against enumeration, and the compiled sweep against the plain one."""

from itertools import product

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.contest.rewards import geometric, top
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import bounds
from headstart.solve.mixed.effort_grid import FORBIDDEN, EffortGrid, above
from headstart.solve.mixed.kernel import expected_rewards
from headstart.solve.mixed.regret_matching import Learner, grid_regret


def small_contest(n=4, rewards=None, **kwargs):
    return Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=CurveTable.batch(Linear(intercept=np.linspace(0.3, 0.0, n), slope=np.linspace(1.0, 1.5, n)), n),
        costs=CostTable.batch(PowerCost(), n),
        rewards=geometric(n, 1.0, ratio=0.6) if rewards is None else rewards,
        **kwargs,
    )


@pytest.mark.parametrize("counts", [1, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_expected_rewards_equal_the_sum_over_all_sets_of_rivals_above(counts, seed):
    rng = np.random.default_rng(seed)
    models, points = 4, 3
    probability = rng.random((models, points))
    probability[0, 0], probability[1, 0], probability[2, 1] = 0.0, 1.0, 1.0
    rewards = np.sort(rng.random((counts, points)), axis=0)[::-1]
    paid = np.vstack([rewards, np.zeros((models, points))])
    expected = np.zeros((models, points))
    for i in range(models):
        rivals = np.delete(np.arange(models), i)
        for ahead in product([0, 1], repeat=models - 1):
            up = np.array(ahead)[:, None]
            chance = np.where(up, probability[rivals], 1 - probability[rivals]).prod(axis=0)
            expected[i] += chance * paid[sum(ahead)]
    assert expected_rewards(probability, rewards) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("tie_break", ["capability", "listed"])
@pytest.mark.parametrize("rewards", [top(4, k=2), geometric(4, 1.0, ratio=0.6)])
def test_payoffs_on_the_ladder_equal_an_average_over_all_joint_choices(tie_break, rewards):
    """Every combination of points, one by one."""
    caps = np.array([0.2, np.inf, np.inf, 0.1])
    game = small_contest(4, rewards=rewards, tie_break=tie_break, max_effort=caps)
    axis = ScoreAxis.of(game)
    grid = EffortGrid.build(axis, bounds(axis), 3)
    rng = np.random.default_rng(1)
    strategy = np.where(grid.cost < FORBIDDEN, rng.random(grid.cost.shape), 0.0)
    strategy /= strategy.sum(axis=1, keepdims=True)
    payoff = expected_rewards(above(strategy), grid.reward)
    row_of = {int(i): row for row, i in enumerate(grid.active)}
    choices = {i: np.flatnonzero(strategy[row_of[i]]) if i in row_of else grid.atom_point[[i]] for i in range(4)}
    beyond_last = (rewards - rewards[-1]) / grid.bounds.contested
    assert len(row_of) >= 2
    for i, row in row_of.items():
        rivals = [j for j in range(4) if j != i]
        for point in np.flatnonzero(strategy[row]):
            total = 0.0
            for others in product(*(choices[j] for j in rivals)):
                chances = [strategy[row_of[j], r] if j in row_of else 1.0 for j, r in zip(rivals, others, strict=True)]
                ahead, tied = sum(r > point for r in others), sum(r == point for r in others)
                # seen from the middle of a cell each rival in it is ahead with probability 1/2
                share = np.mean([beyond_last[ahead + sum(up)] for up in product([0, 1], repeat=tied)])
                total += np.prod(chances) * share
            assert payoff[row, point] == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("rewards", [top(4, k=2), geometric(4, 1.0, ratio=0.6)])
def test_the_compiled_sweep_gives_the_numbers_of_the_plain_one(rewards):
    axis = ScoreAxis.of(small_contest(4, rewards=rewards))
    grid = EffortGrid.build(axis, bounds(axis), 12)
    plain = Learner.start(grid, seed=3, compiled=False)
    compiled = Learner.start(grid, seed=3, compiled=True)
    for _ in range(30):
        plain.sweep()
        compiled.sweep()
    assert compiled.strategy == pytest.approx(plain.strategy, abs=1e-10)
    assert compiled.average == pytest.approx(plain.average, abs=1e-10)
    assert compiled.regret == pytest.approx(plain.regret, abs=1e-10)


def test_learning_brings_the_regret_on_the_ladder_down():
    axis = ScoreAxis.of(small_contest(4))
    learner = Learner.start(EffortGrid.build(axis, bounds(axis), 40), seed=0, compiled=False)
    before = grid_regret(learner.grid, learner.average).max()
    for _ in range(400):
        learner.sweep()
    assert grid_regret(learner.grid, learner.average).max() < 0.02 * before


def test_refining_a_ladder_keeps_the_strategies():
    axis = ScoreAxis.of(small_contest(4))
    learner = Learner.start(EffortGrid.build(axis, bounds(axis), 10), seed=0, compiled=False)
    for _ in range(20):
        learner.sweep()
    grid = learner.grid.refined(np.ones(learner.grid.cells, dtype=bool))
    finer = learner.refined(grid)
    coarse, fine = learner.grid.profile(learner.average), grid.profile(finer.average)
    assert fine.atom_mass == pytest.approx(coarse.atom_mass, abs=1e-12)
    for i in range(4):
        shared = np.isin(fine.edges, coarse.edges)
        assert fine.cumulative(i)[shared] == pytest.approx(coarse.cumulative(i), abs=1e-12)
