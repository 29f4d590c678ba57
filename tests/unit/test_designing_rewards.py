"""Reward schedules under which nobody tunes: stable by certain arithmetic, and none steeper is."""

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PowerCost
from headstart.designing.reward_design import bounded_value, certified, nearest_rewards, steepest_rewards
from headstart.errors import InputError
from headstart.solve.prices import price_matrix


def random_contest(seed: int, n: int = 4, *, level: float = 5.0, exponent: float = 1.0) -> Contest:
    """Crossing power laws with one ceiling, so that every place can be bought."""
    random = np.random.default_rng(seed)
    curves = LogitPower(L=0.2, U=0.8, alpha=random.normal(-1.0, 0.5, n), beta=random.uniform(0.6, 1.2, n))
    costs = CostTable.batch(PowerCost(scale=random.uniform(0.5, 2.0, n), exponent=exponent), n)
    names = tuple("abcdefgh"[:n])
    return Contest(names=names, curves=CurveTable.batch(curves, n), costs=costs, rewards=np.zeros(n), level=level)


CONTESTS = [random_contest(seed, n, exponent=exponent) for seed, n, exponent in ((1, 3, 1.0), (2, 4, 1.0), (3, 5, 2.0))]


@pytest.mark.parametrize("contest", CONTESTS, ids=["three", "four", "five, convex"])
def test_the_steepest_schedule_is_stable_by_certain_arithmetic(contest):
    found = steepest_rewards(contest, largest=1e9)
    assert found.status == "steepest"
    checked = certified(contest, found.rewards)
    assert (checked.verdict, checked.proof) in {("exists", "interval"), ("exists", "exact")}


@pytest.mark.parametrize("contest", CONTESTS, ids=["three", "four", "five, convex"])
def test_exceeding_any_binding_price_by_a_millionth_breaks_it(contest):
    found = steepest_rewards(contest, largest=1e9)
    ranking = [contest.names[m] for m in contest.order()]
    prices = price_matrix(contest)
    assert len(found.limiting) >= contest.n - 1
    for model, overtakes in found.limiting:
        lower, upper = ranking.index(model), ranking.index(overtakes)
        raised = found.rewards + np.where(np.arange(contest.n) <= upper, 1e-6 * prices[lower, upper], 0.0)
        assert certified(contest, raised).verdict == "none"


@pytest.mark.parametrize("contest", CONTESTS, ids=["three", "four", "five, convex"])
def test_no_stable_schedule_pays_any_rank_more(contest):
    found = steepest_rewards(contest, largest=1e9).rewards
    prices = price_matrix(contest)
    n = contest.n
    random = np.random.default_rng(0)
    rows = [np.eye(n)[k] - np.eye(n)[i] for i in range(n) for k in range(i)]
    bounds = [prices[i, k] for i in range(n) for k in range(i)]
    down = [np.eye(n)[k + 1] - np.eye(n)[k] for k in range(n - 1)]
    for _ in range(20):  # random objectives over the same polytope, by another solver
        weight = random.uniform(0.1, 1.0, n)
        constraints = [
            LinearConstraint(np.array(rows), -np.inf, np.array(bounds)),
            LinearConstraint(np.array(down), -np.inf, 0.0),
            LinearConstraint(np.eye(n)[-1:], 0.0, 0.0),
        ]
        best = minimize(lambda r, w=weight: -w @ r, np.zeros(n), constraints=constraints, method="SLSQP")
        assert (best.x <= found * (1 + 1e-5) + 1e-6).all()


def test_what_binds_nothing_is_capped_and_said_to_be():
    curves = LogitPower(L=0.0, U=[0.9, 0.4], alpha=[5.0, 0.0], beta=1.0)
    contest = Contest(
        names=("a", "b"),
        curves=CurveTable.batch(curves, 2),
        costs=CostTable.batch(PowerCost(), 2),
        rewards=[0.0, 0.0],
        level=1.0,
    )
    assert bounded_value(contest) is None
    found = steepest_rewards(contest, largest=42.0)
    assert found.status == "capped"
    assert found.rewards.tolist() == [42.0, 0.0]
    assert found.limiting == ()


def test_only_flat_rewards_are_stable_where_overtaking_is_free():
    curves = CurveTable.batch(Linear(intercept=0.0, slope=1.0), 3)
    costs = CostTable.batch(PowerCost(), 3)
    equal = Contest(names=("a", "b", "c"), curves=curves, costs=costs, rewards=np.zeros(3))
    for found in (steepest_rewards(equal, largest=10.0), nearest_rewards(equal, np.array([4.0, 2.0, 0.0]))):
        assert found.status == "flat"
        assert found.rewards.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", range(6))
def test_the_nearest_schedule_is_stable_and_no_grid_schedule_is_nearer(seed):
    contest = random_contest(seed, 3, level=2.0)
    top = bounded_value(contest)
    wanted = np.array([1.6, 0.7, 0.0]) * top
    found = nearest_rewards(contest, wanted)
    assert certified(contest, found.rewards).verdict == "exists"
    prices = price_matrix(contest)
    axis = np.linspace(0.0, top, 201)
    first, second = np.meshgrid(axis, axis, indexing="ij")
    stable = (first >= second) & (second <= prices[2, 1]) & (first - second <= prices[1, 0]) & (first <= prices[2, 0])
    distance = np.maximum(np.abs(first - wanted[0]), np.abs(second - wanted[1]))
    own = float(np.abs(found.rewards - wanted).max())
    assert own <= distance[stable].min() + 1e-7 * top


def test_a_wanted_schedule_that_is_stable_is_kept():
    contest = random_contest(7, 3)
    wanted = 0.5 * steepest_rewards(contest, largest=1e9).rewards
    assert nearest_rewards(contest, wanted).rewards == pytest.approx(wanted, rel=1e-9)


def test_effort_that_costs_nothing_is_refused():
    contest = random_contest(1, 3)
    free = Contest(
        names=contest.names,
        curves=contest.curves,
        costs=CostTable.batch(PowerCost(free=1.0), 3),
        rewards=np.zeros(3),
    )
    with pytest.raises(InputError, match="strictly increasing"):
        steepest_rewards(free, largest=1.0)
