"""Noisy scores make a rank-order tournament: its integrals, its equilibria, and the noise that stops tuning."""

import numpy as np
import pytest
from scipy.stats import norm

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PointsCost, PowerCost
from headstart.contest.rewards import linear, top
from headstart.errors import ComputationError, InputError
from headstart.solve.noise import (
    NoisyGame,
    binomial_sd,
    expected_kendall_tau,
    noise_threshold,
    rank_probabilities,
    solve_noisy,
    tournament,
)


def line_contest(scores, rewards, noise_sd, *, exponent=1.0, scale=1.0, cap=np.inf, free=0.0):
    n = len(scores)
    curves = CurveTable.batch(Linear(intercept=scores, slope=np.ones(n)), n)
    return Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=curves,
        costs=CostTable.batch(PowerCost(scale=scale, exponent=exponent, free=free), n),
        rewards=rewards,
        noise_sd=noise_sd,
        max_effort=cap,
    )


def test_binomial_error_is_that_of_a_share_of_items():
    assert binomial_sd([0.5, 0.9, 0.0], [100, 100, 10]) == pytest.approx([0.05, 0.03, 0.0])
    with pytest.raises(InputError, match=r"score must be in \[0, 1\]"):
        binomial_sd(1.2, 100)
    with pytest.raises(InputError, match="n_items"):
        binomial_sd(0.5, 0)


def test_two_models_rank_as_the_normal_distribution_of_their_difference_says():
    probabilities = rank_probabilities(line_contest([0.3, 0.0], [1, 0], [0.3, 0.4]))
    stronger_first = norm.cdf(0.3 / 0.5)
    assert probabilities == pytest.approx(
        np.array([[stronger_first, 1 - stronger_first], [1 - stronger_first, stronger_first]]), abs=1e-13
    )


def test_equal_models_get_every_rank_with_equal_probability():
    assert rank_probabilities(line_contest(np.zeros(12), linear(12), 0.3)) == pytest.approx(
        np.full((12, 12), 1 / 12), abs=1e-12
    )


@pytest.mark.parametrize("noise_sd", [0.4, np.linspace(0.01, 0.9, 15)], ids=["one noise", "very uneven noise"])
def test_rank_probabilities_agree_with_simulated_rankings(noise_sd):
    rng = np.random.default_rng(5)
    scores = rng.normal(size=15)
    contest = line_contest(scores, linear(15), noise_sd)
    observed = scores + np.asarray(noise_sd) * rng.normal(size=(100_000, 15))
    place = np.argsort(np.argsort(-observed, axis=1), axis=1)
    simulated = np.stack([(place == k).mean(axis=0) for k in range(15)], axis=1)
    computed = rank_probabilities(contest)
    assert np.abs(computed - simulated).max() < 5 * 0.5 / np.sqrt(100_000)
    assert computed.sum(axis=0) == pytest.approx(np.ones(15), abs=1e-12)
    assert computed.sum(axis=1) == pytest.approx(np.ones(15), abs=1e-12)
    pairs = np.sign(observed[:, :, None] - observed[:, None, :]) * np.sign(scores[:, None] - scores[None, :])
    tau = pairs.sum(axis=(1, 2)) / (15 * 14)
    assert expected_kendall_tau(contest) == pytest.approx(tau.mean(), abs=0.005)


def test_expected_rewards_add_up_to_the_rewards_paid():
    contest = line_contest([0.9, 0.3, 0.35, 0.0], [8.0, 4.0, 4.0, 1.0], [0.1, 0.2, 0.05, 0.3])
    game = NoisyGame.of(contest)
    earned = [game.expected_reward(i, np.zeros(4)).value(contest.scores()[i : i + 1])[0] for i in range(4)]
    assert sum(earned) == pytest.approx(17.0, abs=1e-12)


@pytest.mark.parametrize("n", [2, 8, 40])
@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_narrower_panels_change_nothing(monkeypatch, n, spread):
    scores = np.random.default_rng(n).normal(size=n) * spread
    at = np.linspace(scores.min() - 3, scores.max() + 3, 41)

    def computed():
        game = NoisyGame.of(line_contest(scores, top(n, 1.0, k=1 + n // 3), np.linspace(0.5, 1.0, n)))
        reward = game.expected_reward(0, np.zeros(n))
        return np.r_[reward.value(at), reward.slope(at)]

    usual = computed()
    monkeypatch.setattr(tournament, "_PANEL", tournament._PANEL / 6)
    assert computed() == pytest.approx(usual, abs=1e-13)


def test_the_slope_of_the_expected_reward_is_its_derivative():
    game = NoisyGame.of(line_contest([0.9, 0.3, 0.35, 0.0], [8.0, 4.0, 4.0, 1.0], [0.1, 0.2, 0.05, 0.3]))
    reward = game.expected_reward(1, np.zeros(4))
    at = np.linspace(-1, 2, 31)
    assert reward.slope(at) == pytest.approx((reward.value(at + 1e-5) - reward.value(at - 1e-5)) / 2e-5, abs=1e-8)
    assert (reward.slope(at) >= 0).all()


def test_the_best_response_is_not_beaten_anywhere_on_a_dense_grid():
    rng = np.random.default_rng(2)
    for _ in range(10):
        contest = line_contest(rng.normal(size=4) * 0.5, [3.0, 1.0, 1.0, 0.0], rng.uniform(0.02, 0.5, size=4))
        game = NoisyGame.of(contest)
        efforts = rng.uniform(size=4)
        best = game.best_response(2, efforts, 1e-6)
        grid = np.linspace(0, game.most_effort[2], 20_001)
        payoffs = game.expected_reward(2, efforts).value(game.score(2, grid)) - grid
        assert payoffs.max() <= best.bound
        assert best.bound - best.payoff <= 1e-6 * 1.0001
        assert best.payoff >= payoffs.max() - 1e-6


def test_two_equal_models_spend_where_marginal_cost_meets_the_density():
    # Lazear-Rosen: stake / (2 sd sqrt(pi)) = 2 effort
    solution = solve_noisy(line_contest([0.0, 0.0], [1, 0], 0.5, exponent=2.0))
    assert solution.status == "equilibrium"
    (found,) = solution.equilibria
    assert found.efforts == pytest.approx(np.full(2, 1 / (4 * 0.5 * np.sqrt(np.pi))), rel=1e-8)
    assert found.regret <= found.regret_bound <= 2e-6


def test_equal_costs_make_both_models_spend_the_same_and_keep_the_head_start():
    solution = solve_noisy(line_contest([0.3, 0.0], [1, 0], 0.5, exponent=2.0))
    (found,) = solution.equilibria
    spread = 0.5 * np.sqrt(2)
    assert found.efforts == pytest.approx(np.full(2, norm.pdf(0.3 / spread) / spread / 2), rel=1e-8)


def test_a_first_order_point_that_is_not_globally_best_is_refused():
    # the same formula as above gives a point here too, but a larger or no effort earns more
    contest = line_contest([0.3, 0.0], [1, 0], 0.1, exponent=2.0)
    spread = 0.1 * np.sqrt(2)
    stationary = np.full(2, norm.pdf(0.3 / spread) / spread / 2)
    game = NoisyGame.of(contest)
    slope = game.expected_reward(1, stationary).slope(stationary[1:])
    assert slope == pytest.approx(2 * stationary[1:], rel=1e-9)
    assert game.best_response(1, stationary, 1e-9).payoff > game.payoff(1, stationary) + 0.01
    assert solve_noisy(contest).status == "none exists"


def test_none_exists_agrees_with_brute_force_on_a_fine_grid():
    contest = line_contest([0.3, 0.0], [1, 0], 0.1, exponent=2.0)
    grid = np.linspace(0, 1, 801)
    spread = 0.1 * np.sqrt(2)
    strong = norm.cdf((0.3 + grid[:, None] - grid[None, :]) / spread)
    gain_strong = (strong - grid[:, None] ** 2).max(axis=0)[None, :] - (strong - grid[:, None] ** 2)
    weak = 1 - strong - grid[None, :] ** 2
    gain_weak = weak.max(axis=1)[:, None] - weak
    # payoffs move by less than 0.005 between neighbouring points, so a true equilibrium would show as a small regret
    assert np.maximum(gain_strong, gain_weak).min() > 0.01
    assert solve_noisy(contest).status == "none exists"


def test_many_models_equilibrium_survives_a_brute_force_check():
    rng = np.random.default_rng(1)
    contest = line_contest(rng.normal(size=6) * 0.3, linear(6, 5.0), 0.5, exponent=2.0)
    solution = solve_noisy(contest)
    assert solution.status == "equilibrium"
    for found in solution.equilibria:
        game = NoisyGame.of(contest)
        for i in range(6):
            grid = np.linspace(0, game.most_effort[i], 5001)
            payoffs = game.expected_reward(i, found.efforts).value(game.score(i, grid)) - grid**2
            assert payoffs.max() - found.payoffs[i] <= found.regret_bound
        assert found.rank_probabilities @ contest.rewards - found.costs == pytest.approx(found.payoffs, abs=1e-9)


def test_much_noise_makes_nobody_tune_and_no_noise_is_an_error():
    contest = line_contest([0.3, 0.0], [1, 0], 1.0)
    solution = solve_noisy(contest)
    assert solution.status == "nobody tunes"
    assert solution.equilibria[0].efforts.tolist() == [0, 0]
    with pytest.raises(InputError, match="noise_sd must be given"):
        solve_noisy(line_contest([0.3, 0.0], [1, 0], None))
    with pytest.raises(InputError, match="noise_sd must be > 0"):
        solve_noisy(contest, noise_sd=[0.1, 0.0])


def test_extremely_uneven_noise_is_refused_instead_of_integrated_badly():
    with pytest.raises(ComputationError, match="too small beside"):
        rank_probabilities(line_contest([0.3, 0.0], [1, 0], [1e-9, 1.0]))


def test_free_effort_is_spent_and_counts_as_nobody_paying():
    solution = solve_noisy(line_contest([0.3, 0.0], [1, 0], 1.0, free=0.25))
    assert solution.status == "nobody tunes"
    assert solution.equilibria[0].efforts == pytest.approx([0.25, 0.25])


def test_a_cap_holds_both_at_the_cap():
    solution = solve_noisy(line_contest([0.0, 0.0], [1, 0], 0.5, exponent=2.0, cap=0.1))
    assert solution.equilibria[0].efforts == pytest.approx([0.1, 0.1])


def test_equal_rewards_leave_nothing_to_spend_for():
    assert solve_noisy(line_contest([0.0, 0.1, 0.2], [1, 1, 1], 0.1)).equilibria[0].efforts.tolist() == [0, 0, 0]


def test_threshold_of_two_equal_models_is_where_the_density_meets_the_marginal_cost():
    threshold = noise_threshold(line_contest([0.0, 0.0], [1, 0], 1.0))
    exact = 1 / (2 * np.sqrt(np.pi))
    assert threshold.status == "finite"
    assert threshold.low is not None and threshold.high is not None and threshold.surely_enough is not None
    assert threshold.low <= exact * (1 + 1e-4) and exact * (1 - 1e-4) <= threshold.high
    assert threshold.high / threshold.low < 1.0002
    assert threshold.surely_enough >= exact
    assert threshold.monotone


def test_threshold_is_not_monotone_where_the_noiseless_contest_is_stable():
    # a cheap start and a dear rest: passing for sure costs 1.03, but a middling noise sells the cheap part's chance
    contest = Contest(
        names=("a", "b"),
        curves=CurveTable.batch(Linear(intercept=[0.5, 0.0], slope=[1.0, 1.0]), 2),
        costs=CostTable.of([PointsCost(effort=[0.0, 0.3, 1.3], cost=[0.0, 0.03, 5.03])] * 2),
        rewards=[1, 0],
        noise_sd=1.0,
    )
    assert contest.price(np.array([1]), np.array([0])) == pytest.approx([1.03])
    threshold = noise_threshold(contest)
    assert threshold.status == "finite" and threshold.monotone is False
    assert threshold.stable[0] and threshold.stable[-1] and not threshold.stable.all()


def test_no_noise_is_enough_when_the_first_step_is_free_at_the_margin():
    threshold = noise_threshold(line_contest([0.3, 0.0], [1, 0], 1.0, exponent=2.0))
    assert threshold.status == "infinite"
    assert threshold.surely_enough is None


def test_threshold_on_saturating_curves_separates_stable_from_unstable_noise():
    curves = CurveTable.of([LogitPower(L=0.2, U=0.9, alpha=a, beta=1.0) for a in (-2.0, -2.5, -3.0)])
    contest = Contest(
        names=("a", "b", "c"),
        curves=curves,
        costs=CostTable.batch(PowerCost(), 3),
        rewards=top(3, 50.0, k=1),
        noise_sd=1.0,
    )
    threshold = noise_threshold(contest)
    assert threshold.low is not None and threshold.high is not None
    assert solve_noisy(contest, noise_sd=threshold.high * 1.001, tolerance=1e-7).status == "nobody tunes"
    game = NoisyGame.of(contest, threshold.low * 0.99)
    gains = [game.best_response(i, np.zeros(3), 1e-6).payoff - game.payoff(i, np.zeros(3)) for i in range(3)]
    assert max(gains) > 0


def test_a_single_model_has_nothing_to_tune_for():
    solution = solve_noisy(line_contest([0.4], [1.0], 0.1))
    assert solution.status == "nobody tunes"
    (found,) = solution.equilibria
    assert found.rank_probabilities.tolist() == [[1.0]] and found.expected_kendall_tau is None
    assert noise_threshold(line_contest([0.4], [1.0], 0.1)).status == "zero"


def test_equal_rewards_and_free_effort_leave_everybody_at_no_cost():
    solution = solve_noisy(line_contest([0.0, 0.1, 0.2], [1, 1, 1], 0.1, free=0.3))
    assert solution.status == "nobody tunes"
    assert not solution.equilibria[0].costs.any()
