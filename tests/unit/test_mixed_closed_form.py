"""Two developers: known equilibria, caps, and the closed form against its own exploitability."""

import numpy as np
import pytest

from headstart.contest import (
    Contest,
    CostTable,
    CurveTable,
    Exponential,
    Linear,
    LogitPower,
    Points,
    PointsCost,
    PowerCost,
)
from headstart.solve.mixed import exploitability, solve_mixed
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.closed_form import two_developers


def contest(curves, costs=None, rewards=(1.0, 0.0), **kwargs):
    n = len(curves)
    costs = costs or [PowerCost()] * n
    return Contest(
        names=tuple(f"m{i}" for i in range(n)), curves=CurveTable.of(curves), costs=CostTable.of(costs),
        rewards=rewards, **kwargs,
    )  # fmt: skip


def line(intercept, slope=1.0):
    return Linear(intercept=intercept, slope=slope)


@pytest.mark.parametrize("h", [0.0, 0.01, 0.3, 0.5, 0.99])
def test_a_head_start_h_leaves_the_weaker_first_with_probability_half_of_one_minus_h_squared(h):
    solution = solve_mixed(contest([line(h), line(0.0)]))
    assert solution.method == "closed form"
    assert solution.status == "converged"
    assert solution.inversion_probability[1, 0] == pytest.approx((1 - h**2) / 2, abs=1e-10)
    assert solution.expected_effort == pytest.approx([(1 - h) ** 2 / 2, (1 - h**2) / 2], abs=1e-10)
    assert solution.payoff == pytest.approx([h, 0.0], abs=1e-10)
    assert solution.idle_probability == pytest.approx([h, h], abs=1e-10)
    assert solution.expected_kendall_tau == pytest.approx(1 - (1 - h**2), abs=1e-10)


def test_unequal_costs_can_make_the_weaker_the_likely_winner():
    costs = [PowerCost(scale=2.0), PowerCost(scale=1.0)]
    solution = solve_mixed(contest([line(0.3), line(0.0)], costs))
    assert solution.expected_cost == pytest.approx([0.25, 0.55], abs=1e-10)
    assert solution.expected_effort == pytest.approx([0.125, 0.55], abs=1e-10)
    assert solution.inversion_probability[1, 0] == pytest.approx(0.75, abs=1e-10)
    assert solution.payoff == pytest.approx([0.0, 0.2], abs=1e-10)


def test_the_prize_only_scales_and_the_second_prize_only_shifts():
    base = solve_mixed(contest([line(0.3), line(0.0)]))
    scaled = solve_mixed(contest([line(60.0), line(0.0)], rewards=(210.0, 10.0)))
    assert scaled.expected_effort == pytest.approx(200 * base.expected_effort, rel=1e-10)
    assert scaled.payoff == pytest.approx(10 + 200 * base.payoff, rel=1e-10)
    assert scaled.inversion_probability == pytest.approx(base.inversion_probability, abs=1e-10)


def test_the_listed_order_does_not_matter():
    one, two = LogitPower(L=0.2, U=0.8, alpha=-2.0, beta=0.9), LogitPower(L=0.2, U=0.8, alpha=-2.5, beta=1.1)
    forward = solve_mixed(contest([one, two], rewards=(50.0, 0.0)))
    backward = solve_mixed(contest([two, one], rewards=(50.0, 0.0)))
    assert forward.expected_cost == pytest.approx(backward.expected_cost[::-1], abs=1e-8)
    assert forward.inversion_probability[1, 0] == pytest.approx(backward.inversion_probability[0, 1], abs=1e-10)


GENERAL = [
    [LogitPower(L=0.2, U=0.8, alpha=-2.0, beta=0.9), LogitPower(L=0.2, U=0.8, alpha=-2.5, beta=1.1)],
    [LogitPower(L=0.2, U=0.7, alpha=-2.0, beta=0.9), Exponential(floor=0.25, ceiling=0.8, rate=0.02)],
    [Points(effort=[0, 20, 60, 200], score=[0.3, 0.5, 0.7, 0.9]), line(0.25, 0.004)],
    [line(0.3, 0.01), line(0.3, 0.02)],
]
COSTS = [
    [PowerCost(), PowerCost(scale=1.5)],
    [PowerCost(scale=0.02, exponent=2.0), PowerCost(free=3.0)],
    [PointsCost(effort=[0, 10, 30], cost=[0, 5, 40]), PowerCost()],
]
CAPS = [(np.inf, np.inf), (np.inf, 12.0), (8.0, np.inf), (8.0, 20.0), (15.0, 5.0)]


@pytest.mark.parametrize("curves", GENERAL)
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("caps", CAPS)
@pytest.mark.parametrize("level", [0.0, 5.0])
def test_any_curves_costs_and_caps_give_an_equilibrium(curves, costs, caps, level):
    game = contest(curves, costs, rewards=(40.0, 5.0), max_effort=np.array(caps), level=level)
    solution = solve_mixed(game)
    assert solution.method in ("closed form", "pure")
    # the profile is the closed form cut into cells, which costs it a little
    measured = exploitability(game, solution.profile, width=1e-4 * 35.0)
    assert measured.upper <= 1.5e-3 * 35.0
    assert solution.payoff == pytest.approx(measured.payoff, abs=1e-3 * 35.0)


@pytest.mark.parametrize("curves", GENERAL)
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("caps", CAPS)
def test_what_both_win_and_spend_adds_up_to_the_prize(curves, costs, caps):
    """Each one's cost comes from its own distribution; with the payoffs they must use up the prize."""
    game = contest(curves, costs, rewards=(40.0, 5.0), max_effort=np.array(caps))
    solved = two_developers(ScoreAxis.of(game), 0, 1)
    if solved is None:
        assert solve_mixed(game).method == "pure"
        return
    won_and_spent = sum(solved.gain) + solved.expected_cost(0) + solved.expected_cost(1)
    assert won_and_spent == pytest.approx(35.0, abs=1e-9)


def test_a_cap_on_the_weaker_puts_an_atom_of_the_stronger_at_the_cap():
    # the weaker reaches 0.5 at most: F_weak = (0.8 + cost) on [0.3, 0.5]; the stronger stops at the cap with 1/2
    solution = solve_mixed(contest([line(0.3), line(0.0)], max_effort=np.array([np.inf, 0.5])))
    assert solution.payoff == pytest.approx([0.8, 0.0], abs=1e-10)
    assert solution.idle_probability == pytest.approx([0.3, 0.8], abs=1e-10)
    assert solution.profile.atom_mass[2] == pytest.approx(0.5, abs=1e-10)
    assert solution.profile.atom_effort[2] == pytest.approx(0.2, abs=1e-10)
    assert solution.inversion_probability[1, 0] == pytest.approx(0.08, abs=1e-10)


def test_a_cap_on_the_stronger_lets_the_weaker_pass_it_almost_surely():
    solution = solve_mixed(contest([line(0.3), line(0.0)], max_effort=np.array([0.1, np.inf])))
    assert solution.payoff == pytest.approx([0.0, 0.6], abs=1e-10)
    assert solution.inversion_probability[1, 0] == pytest.approx(0.995, abs=1e-9)
    assert solution.idle_probability == pytest.approx([0.9, 0.0], abs=1e-10)


def test_winner_take_all_with_one_common_cost_activates_only_the_two_best():
    two = solve_mixed(contest([line(0.5), line(0.2)]))
    game = contest([line(0.1), line(0.5), line(0.0), line(0.2)], rewards=(1.0, 0.0, 0.0, 0.0))
    four = solve_mixed(game)
    assert four.method == "closed form"
    assert four.expected_effort[[1, 3]] == pytest.approx(two.expected_effort, abs=1e-10)
    assert four.expected_effort[[0, 2]] == pytest.approx([0.0, 0.0], abs=0)
    assert four.inversion_probability[3, 1] == pytest.approx(two.inversion_probability[1, 0], abs=1e-10)
    assert four.inversion_probability.sum() == pytest.approx(two.inversion_probability[1, 0], abs=1e-10)
    assert exploitability(game, four.profile).upper <= 1e-3


def test_when_nobody_tunes_in_equilibrium_the_mixed_answer_is_that():
    solution = solve_mixed(contest([line(1.5), line(0.0)]))
    assert solution.method == "pure"
    assert solution.exploitability == 0.0
    assert solution.expected_effort.tolist() == [0.0, 0.0]
    assert solution.payoff.tolist() == [1.0, 0.0]
    assert solution.idle_probability.tolist() == [1.0, 1.0]
    assert solution.expected_kendall_tau == 1.0


def test_plateaus_are_left_to_the_linear_program():
    flat = Points(effort=[0, 0.2, 0.4, 1.0], score=[0.1, 0.4, 0.4, 1.2])
    game = contest([line(0.3), flat])
    solution = solve_mixed(game, tolerance=2e-2)
    assert solution.method == "linear program"
    assert solution.status == "converged"
    assert exploitability(game, solution.profile).upper <= 2e-2
