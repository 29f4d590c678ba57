"""solve_mixed: the right method for each contest, and an answer that says how good it is."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PowerCost
from headstart.contest.rewards import geometric, linear, top, winner
from headstart.errors import ComputationError, InputError
from headstart.solve.mixed import exploitability, solve_mixed
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import bounds
from headstart.solve.mixed.effort_grid import EffortGrid
from headstart.solve.mixed.linear_program import solve_program
from headstart.solve.mixed.regret_matching import grid_regret


def lines(intercepts, rewards, slopes=1.0, **kwargs):
    n = len(intercepts)
    curves = CurveTable.batch(Linear(intercept=intercepts, slope=np.broadcast_to(slopes, (n,))), n)
    kwargs.setdefault("costs", CostTable.batch(PowerCost(), n))
    return Contest(names=tuple(f"m{i}" for i in range(n)), curves=curves, rewards=rewards, **kwargs)


def laws(n, rewards, seed=0):
    rng = np.random.default_rng(seed)
    curves = LogitPower(L=np.full(n, 0.25), U=np.full(n, 0.75), alpha=rng.normal(-3, 1, n), beta=np.full(n, 1.0))
    return Contest(
        names=tuple(f"m{i}" for i in range(n)), curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(), n), rewards=rewards,
    )  # fmt: skip


@pytest.mark.parametrize("n", [2, 3, 5])
def test_equal_models_with_evenly_spaced_rewards_spread_evenly_up_to_the_whole_spread(n):
    solution = solve_mixed(lines(np.zeros(n), linear(n, 1.0)), tolerance=1e-2)
    assert solution.method == ("closed form" if n == 2 else "linear program")
    assert solution.status == "converged"
    for i in range(n):
        assert solution.profile.cumulative(i) == pytest.approx(solution.profile.edges, abs=0.03)
    assert solution.expected_effort == pytest.approx(np.full(n, 0.5), abs=0.01)
    assert solution.payoff == pytest.approx(np.zeros(n), abs=0.01)
    assert solution.expected_kendall_tau == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_linear_program_certifies_an_equilibrium_of_the_ladder(seed):
    axis = ScoreAxis.of(laws(5, linear(5, 100.0), seed))
    grid = EffortGrid.build(axis, bounds(axis), 40)
    program = solve_program(grid)
    assert abs(program.regret) < 1e-8
    assert grid_regret(grid, program.strategy).sum() == pytest.approx(program.regret, abs=1e-8)


def test_the_linear_program_counts_idle_rivals_that_can_be_passed():
    # the second is capped at nothing: it never moves, and the others pass it at will
    game = lines([0.3, 0.2, 0.0], linear(3, 1.0), max_effort=np.array([np.inf, 0.0, np.inf]))
    axis = ScoreAxis.of(game)
    limits = bounds(axis)
    assert limits.active.tolist() == [True, False, True]
    grid = EffortGrid.build(axis, limits, 40)
    program = solve_program(grid)
    assert grid_regret(grid, program.strategy).sum() == pytest.approx(program.regret, abs=1e-8)
    assert abs(program.regret) < 1e-8


@pytest.mark.parametrize(
    ("rewards", "method"),
    [
        (linear(6, 150.0), "linear program"),
        (geometric(6, 150.0, ratio=0.5), "regret matching"),
        (top(6, 150.0, k=2), "regret matching"),
        (winner(6, 150.0), "closed form"),
    ],
)
def test_the_answer_is_as_good_as_it_says(rewards, method):
    game = laws(6, rewards)
    solution = solve_mixed(game, tolerance=1e-2)
    assert (solution.method, solution.status) == (method, "converged")
    stakes = rewards[0] - rewards[-1]
    assert solution.exploitability == pytest.approx(stakes * solution.exploitability_share, rel=1e-12)
    assert solution.exploitability_share <= 1e-2
    measured = exploitability(game, solution.profile)
    assert measured.lower <= solution.exploitability + 2e-3 * 150
    assert solution.payoff == pytest.approx(measured.payoff, abs=0.3)


def test_numbers_of_a_learnt_answer_fit_together():
    game = laws(6, geometric(6, 150.0, ratio=0.5))
    solution = solve_mixed(game, tolerance=5e-3)
    # all rewards are handed out, whoever gets them
    assert solution.payoff.sum() + solution.expected_cost.sum() == pytest.approx(game.rewards.sum(), abs=0.2)
    assert solution.expected_effort == pytest.approx(solution.expected_cost, rel=1e-9)  # one unit per step
    inverted = solution.inversion_probability
    assert 0 <= inverted.min() <= inverted.max() <= 1
    rank = game.ranks()
    assert not inverted[rank[:, None] <= rank[None, :]].any()
    assert solution.expected_kendall_tau == pytest.approx(1 - 2 * inverted.sum() / 15)
    assert ((solution.idle_probability >= 0) & (solution.idle_probability <= 1)).all()
    assert "unique" in solution.note


def test_simulated_play_of_a_learnt_answer_ranks_as_predicted():
    game = laws(4, top(4, 150.0, k=2), seed=2)
    solution = solve_mixed(game, tolerance=1e-2)
    profile, rng, plays = solution.profile, np.random.default_rng(0), 20_000
    position = np.empty((plays, 4))
    for i in range(4):
        own = np.flatnonzero(profile.atom_model == i)
        low = np.r_[profile.edges[:-1], profile.edges[profile.atom_edge[own]]]
        high = np.r_[profile.edges[1:], profile.edges[profile.atom_edge[own]]]
        part = rng.choice(low.size, size=plays, p=np.r_[profile.cells[i], profile.atom_mass[own]])
        position[:, i] = low[part] + rng.random(plays) * (high - low)[part]
    ahead = (position[:, :, None] > position[:, None, :]).mean(axis=0)
    rank = game.ranks()
    expected = np.where(rank[:, None] > rank[None, :], ahead, 0.0)
    assert solution.inversion_probability == pytest.approx(expected, abs=0.02)


def test_the_same_seed_gives_the_same_answer_and_another_one_may_differ():
    game = laws(5, top(5, 150.0, k=2))
    one, same, other = (solve_mixed(game, tolerance=2e-2, seed=s) for s in (1, 1, 2))
    assert one.expected_effort.tolist() == same.expected_effort.tolist()
    assert one.profile.cells.tolist() == same.profile.cells.tolist()
    assert one.profile.cells.tolist() != other.profile.cells.tolist()


def test_what_could_not_be_reached_is_said_and_kept():
    solution = solve_mixed(laws(6, top(6, 150.0, k=3)), tolerance=1e-4, max_sweeps=60)
    assert solution.status == "not converged"
    assert solution.exploitability_share > 1e-4
    assert solution.sweeps == 60
    assert np.isfinite(solution.expected_cost).all()


def test_time_can_be_limited():
    solution = solve_mixed(laws(6, top(6, 150.0, k=3)), tolerance=1e-6, max_seconds=0.05)
    assert solution.status == "not converged"


@pytest.mark.parametrize("rewards", [top(5, 150.0, k=2), linear(5, 150.0)])
def test_progress_is_reported_and_an_interrupt_passes_through(rewards):
    stages = []

    def interrupt(what, share):
        stages.append((what, share))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_mixed(laws(5, rewards), progress=interrupt)
    assert stages[0][0].startswith(("regret matching", "linear program"))
    assert 0 <= stages[0][1] <= 1


def test_a_single_model_and_worthless_ranks_need_no_tuning():
    alone = solve_mixed(lines([0.5], [3.0]))
    assert (alone.method, alone.payoff.tolist(), alone.expected_kendall_tau) == ("pure", [3.0], 1.0)
    level = solve_mixed(lines([0.5, 0.4, 0.3], [2.0, 2.0, 2.0]))
    assert (level.method, level.payoff.tolist()) == ("pure", [2.0, 2.0, 2.0])
    assert level.exploitability_share == 0.0


def test_developers_too_far_behind_are_left_out():
    near = bounds(ScoreAxis.of(lines([1.0, 0.9, 0.2, 0.15], [1.0, 0.8, 0.1, 0.0])))
    assert near.high_effort[2:] == pytest.approx([1.0, 1.0])
    # two separate contests: at most the gap of the two rewards in reach, and no more than passes the rival
    far = bounds(ScoreAxis.of(lines([5.0, 4.9, 0.2, 0.15], [1.0, 0.8, 0.1, 0.0])))
    assert far.high_effort == pytest.approx([0.1, 0.2, 0.05, 0.1])
    # 0.1 more is not worth a gap of 0.1 that must be exceeded
    idle = bounds(ScoreAxis.of(lines([5.0, 4.9, 0.2, 0.1], [1.0, 0.8, 0.1, 0.0])))
    assert idle.active.tolist() == [True, True, False, False]


def test_free_effort_is_used_and_counts_as_idle():
    costs = CostTable.batch(PowerCost(free=np.array([0.2, 0.2])), 2)
    solution = solve_mixed(lines([0.3, 0.0], [1.0, 0.0], costs=costs))
    assert solution.idle_probability == pytest.approx([0.3, 0.3], abs=1e-10)
    assert solution.expected_effort == pytest.approx([0.2 + 0.245, 0.2 + 0.455], abs=1e-10)
    assert solution.expected_cost == pytest.approx([0.245, 0.455], abs=1e-10)


def test_models_that_approach_one_common_ceiling_are_still_told_apart():
    """At these efforts both scores have rounded to the ceiling, or nearly."""
    curves = LogitPower(L=np.zeros(2), U=np.ones(2), alpha=np.array([30.0, 29.5]), beta=np.ones(2))
    game = Contest(
        names=("a", "b"), curves=CurveTable.batch(curves, 2), costs=CostTable.batch(PowerCost(), 2), rewards=[2.0, 0.0]
    )
    solution = solve_mixed(game)
    # log-odds are alpha + log(1 + e), so b needs exp(0.5)(1 + e) - 1 to pass a's e: a linear contest in 1 + e
    assert solution.method == "closed form"
    assert 0 < solution.inversion_probability[1, 0] < 0.5
    assert exploitability(game, solution.profile).upper <= 2e-3 * 2.0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"tolerance": 0.0}, "tolerance must be between 0 and 1, got 0.0"),
        ({"max_sweeps": 0}, "max_sweeps must be >= 1, got 0"),
        ({"max_seconds": 0.0}, "max_seconds must be > 0, got 0.0"),
    ],
)
def test_bad_settings_are_refused(bad, message):
    with pytest.raises(InputError, match=message):
        solve_mixed(lines([0.3, 0.0], [1.0, 0.0]), **bad)


def test_noise_is_another_game():
    with pytest.raises(InputError, match="noise_sd must be 0 for a mixed equilibrium"):
        solve_mixed(lines([0.3, 0.0], [1.0, 0.0], noise_sd=0.1))


def test_contests_that_do_not_fit_into_memory_are_refused():
    n = 501
    with pytest.raises(ComputationError, match="501 active developers"):
        solve_mixed(lines(np.linspace(0, 1, n), top(n, 1.0, k=2)))
