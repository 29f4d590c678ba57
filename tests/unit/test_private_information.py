"""A typical field: private qualities, one symmetric equilibrium in which better models score higher."""

import numpy as np
import pytest

from headstart.contest import Exponential, Linear, LogitPower, PowerCost
from headstart.errors import InputError
from headstart.solve.private_information import (
    BetaQuality,
    EmpiricalQuality,
    TypicalField,
    UniformQuality,
    solve_private,
)

UNIT = UniformQuality(low=0.0, high=1.0)
LINE = Linear(intercept=0.0, slope=1.0)
SATURATING = LogitPower(L=0.0, U=1.0, alpha=0.0, beta=1.0)


def test_two_developers_with_uniform_quality_spend_in_proportion_to_quality():
    # A(t) = V t, so k' = V - 1
    answer = solve_private(TypicalField(n=2, quality=UNIT, curve=LINE, cost=PowerCost(), rewards=[3.0, 0.0]))
    assert answer.effort == pytest.approx(2 * answer.quality, abs=1e-12)
    assert answer.expected_effort == pytest.approx(1.0, abs=1e-9)
    assert answer.idle_probability == 0


def test_small_stakes_leave_every_quality_idle():
    answer = solve_private(TypicalField(n=2, quality=UNIT, curve=LINE, cost=PowerCost(), rewards=[0.99, 0.0]))
    assert not answer.effort.any()
    assert answer.idle_probability == pytest.approx(1.0)
    assert answer.exploitability < 1e-9


def test_with_one_prize_for_three_only_the_better_models_pay():
    # A(t) = 2 t^2, so k' = 4 t - 1 from t = 1/4 on
    answer = solve_private(TypicalField(n=3, quality=UNIT, curve=LINE, cost=PowerCost(), rewards=[2.0, 0.0, 0.0]))
    t = answer.quality
    exact = np.where(t > 0.25, 2 * (t**2 - 1 / 16) - (t - 0.25), 0.0)
    assert answer.cost == pytest.approx(exact, abs=1e-6)
    assert answer.idle_probability == pytest.approx(0.25, abs=1e-3)


def test_quadratic_cost_follows_its_implicit_solution():
    # cost x^2/2, A(t) = t: x' = 1/x - 1, so t = -x - log(1 - x)
    field = TypicalField(n=2, quality=UNIT, curve=LINE, cost=PowerCost(scale=0.5, exponent=2.0), rewards=[1.0, 0.0])
    x = solve_private(field).effort
    assert -x - np.log1p(-x) == pytest.approx(solve_private(field).quality, abs=1e-6)


def test_reward_schedules_differing_by_a_constant_give_the_same_efforts():
    one = solve_private(TypicalField(n=3, quality=UNIT, curve=LINE, cost=PowerCost(), rewards=[5.0, 2.0, 0.0]))
    other = solve_private(TypicalField(n=3, quality=UNIT, curve=LINE, cost=PowerCost(), rewards=[8.0, 5.0, 3.0]))
    assert other.effort == pytest.approx(one.effort, abs=1e-9)
    assert other.payoff == pytest.approx(one.payoff + 3, abs=1e-9)


FIELDS = [
    (quality, curve, exponent, level)
    for quality in (UNIT, BetaQuality(a=2.0, b=5.0), EmpiricalQuality(sample=[0.1, 0.2, 0.2, 0.5, 0.9]))
    for curve in (SATURATING, Exponential(floor=0.0, ceiling=0.5, rate=0.1))
    for exponent in (1.0, 2.0)
    for level in (0.0, 5.0)
]


@pytest.mark.parametrize(("quality", "curve", "exponent", "level"), FIELDS)
def test_no_type_gains_by_any_other_score_and_scores_never_fall(quality, curve, exponent, level):
    field = TypicalField(
        n=6, quality=quality, curve=curve, level=level, rewards=[1.0, 0.5, 0.2, 0.0, 0.0, 0.0],
        cost=PowerCost(scale=0.05, exponent=exponent),
    )  # fmt: skip
    answer = solve_private(field, points=500)
    assert answer.exploitability < 2e-3
    assert (np.diff(answer.score) > -1e-12).all()
    assert (answer.cost >= 0).all()
    assert answer.payoff.min() >= -1e-9


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_deviations_against_simulated_rivals_do_not_pay(exponent):
    rng = np.random.default_rng(3)
    field = TypicalField(
        n=4, quality=BetaQuality(a=2.0, b=3.0), curve=SATURATING, rewards=[1.0, 0.5, 0.0, 0.0],
        cost=PowerCost(scale=0.1, exponent=exponent),
    )  # fmt: skip
    answer = solve_private(field)
    rivals = np.interp(rng.beta(2.0, 3.0, size=(40_000, 3)), answer.quality, answer.score)
    efforts = np.linspace(0.0, 10.0, 101)
    for own in (0.1, 0.4, 0.8):
        scores = own + SATURATING.score(efforts)
        rank = (rivals[:, :, None] > scores).sum(axis=1)
        payoff = field.rewards[rank].mean(axis=0) - field.cost.cost(efforts)
        assert payoff.max() <= np.interp(own, answer.quality, answer.payoff) + 0.01
        # and the solution's own payoff is what the simulation pays
        spent = np.interp(own, answer.quality, answer.effort)
        earned = field.rewards[(rivals > own + SATURATING.score(spent)).sum(axis=1)].mean() - field.cost.cost(spent)
        assert earned == pytest.approx(np.interp(own, answer.quality, answer.payoff), abs=0.01)


def test_a_higher_level_makes_the_field_spend_less():
    spent = [
        solve_private(
            TypicalField(
                n=5, quality=UNIT, curve=SATURATING, cost=PowerCost(scale=0.1), rewards=[1, 0, 0, 0, 0], level=d
            )
        ).expected_cost
        for d in (0.0, 1.0, 3.0, 10.0)
    ]
    assert spent[0] > spent[1] > spent[2] > spent[3]


def test_free_effort_is_spent_by_everybody():
    field = TypicalField(n=2, quality=UNIT, curve=LINE, cost=PowerCost(free=0.5), rewards=[3.0, 0.0])
    answer = solve_private(field)
    assert answer.effort == pytest.approx(0.5 + 2 * answer.quality, abs=1e-9)
    assert answer.exploitability < 1e-9


def test_a_repeated_value_in_a_sample_weighs_more():
    quality = EmpiricalQuality(sample=[0.0, 1.0, 1.0, 1.0, 2.0])
    assert quality.cumulative(np.array([0.0, 1.0, 2.0])) == pytest.approx([0.0, 0.5, 1.0])
    skewed = EmpiricalQuality(sample=[0.0, 0.0, 0.0, 1.0, 2.0])
    assert skewed.cumulative(np.array([1.0])) == pytest.approx([2 / 3])
    assert skewed.quantile(np.array([2 / 3])) == pytest.approx([1.0])


def test_a_curve_that_first_speeds_up_is_refused():
    convex = LogitPower(L=0.0, U=1.0, alpha=-5.0, beta=3.0)
    with pytest.raises(InputError, match="concave from the level on"):
        TypicalField(n=2, quality=UNIT, curve=convex, cost=PowerCost(), rewards=[1.0, 0.0])
    TypicalField(n=2, quality=UNIT, curve=convex, cost=PowerCost(), rewards=[1.0, 0.0], level=10.0)


def test_distributions_out_of_range_are_refused():
    with pytest.raises(InputError, match="high must be finite and > low"):
        UniformQuality(low=1.0, high=1.0)
    with pytest.raises(InputError, match="a must be finite and >= 1"):
        BetaQuality(a=0.5, b=1.0)
    with pytest.raises(InputError, match="two or more distinct"):
        EmpiricalQuality(sample=[0.3, 0.3])
    with pytest.raises(InputError, match="rewards must be 3 long"):
        TypicalField(n=3, quality=UNIT, curve=LINE, cost=PowerCost(), rewards=[1.0, 0.0])
