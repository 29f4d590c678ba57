"""Prices of ranks, and the stakes up to which nobody tuning is an equilibrium."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PowerCost
from headstart.contest import rewards as schedules
from headstart.errors import InputError
from headstart.solve.prices import catch_up_efforts, critical_stakes, price_matrix, price_table
from headstart.solve.pure import solve_pure

LINES = Contest(
    names=("low", "high", "middle", "flat"),
    curves=CurveTable.of([Linear(intercept=0.0, slope=1.0), Linear(intercept=3.0, slope=1.0),
                          Linear(intercept=1.0, slope=0.5), Linear(intercept=-1.0, slope=0.0)]),
    costs=CostTable.of([PowerCost(scale=2.0), PowerCost(), PowerCost(exponent=2.0), PowerCost()]),
    rewards=[3.0, 2.0, 1.0, 0.0],
    max_effort=[0.5, np.inf, np.inf, np.inf],
)  # fmt: skip


def test_the_prices_of_neighbours_by_hand() -> None:
    middle, low, flat = price_table(LINES)
    assert (middle.model, middle.overtakes, middle.effort, middle.cost) == ("middle", "high", 4.0, 16.0)
    assert middle.reachable and middle.reason is None
    assert (low.model, low.overtakes, low.effort, low.cost, low.reachable) == ("low", "middle", 1.0, 2.0, False)
    assert low.reason == "needs more than max_effort = 0.5"
    assert (flat.effort, flat.cost, flat.reachable) == (None, None, False)
    assert flat.reason == "the score to beat is at or above this model's ceiling"


def test_all_pairs_hold_every_lower_model_against_every_higher_one() -> None:
    rows = price_table(LINES, all_pairs=True)
    assert len(rows) == 6
    assert {(r.model, r.overtakes): r.cost for r in rows}["low", "high"] == 6.0


def test_the_matrix_agrees_with_the_table() -> None:
    matrix, order = price_matrix(LINES), [LINES.names[m] for m in LINES.order()]
    for row in price_table(LINES, all_pairs=True):
        entry = matrix[order.index(row.model), order.index(row.overtakes)]
        assert entry == (row.cost if row.reachable else np.inf)
    assert np.isinf(matrix[np.triu_indices(4)]).all()


def test_one_model_has_no_prices() -> None:
    alone = Contest(names=("a",), curves=CurveTable.of([Linear(intercept=0.0, slope=1.0)]),
                    costs=CostTable.of([PowerCost()]), rewards=[1.0])  # fmt: skip
    assert price_table(alone) == price_table(alone, all_pairs=True) == ()


def test_a_cost_that_overflows_is_missing_with_the_reason() -> None:
    lines = Linear(intercept=[1e200, 0.0], slope=1.0)
    dear = Contest(names=("a", "b"), curves=CurveTable.batch(lines, 2), rewards=[1.0, 0.0],
                   costs=CostTable.batch(PowerCost(exponent=2.0), 2))  # fmt: skip
    (row,) = price_table(dear)
    assert (row.cost, row.reason) == (None, "the cost is too large for floating point")


def worlds(rng: np.random.Generator, number: int, n: int) -> LogitPower:
    shape = (number, n)
    return LogitPower(L=rng.uniform(0.1, 0.3, shape), U=rng.uniform(0.6, 0.9, shape),
                      alpha=rng.normal(size=shape), beta=rng.uniform(0.3, 1.2, shape))  # fmt: skip


def one(curves: LogitPower, w: int, cost: np.ndarray, rewards: np.ndarray, level: float, caps=np.inf) -> Contest:
    n = curves.L.shape[1]
    own = LogitPower(L=curves.L[w], U=curves.U[w], alpha=curves.alpha[w], beta=curves.beta[w])
    return Contest(names=tuple(map(str, range(n))), curves=CurveTable.batch(own, n), rewards=rewards, level=level,
                   costs=CostTable.batch(PowerCost(scale=cost), n), max_effort=caps)  # fmt: skip


def test_catch_up_efforts_of_many_worlds_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    curves, i, k = worlds(rng, 20, 5), np.array([1, 4, 2]), np.array([0, 2, 4])
    found = catch_up_efforts(curves, i, k, 7.0)
    for w in range(20):
        each = one(curves, w, np.ones(5), schedules.winner(5), 7.0).catch_up_effort(i, k)
        np.testing.assert_allclose(found[w], each)


SHAPES = {
    "winner": schedules.winner(6),
    "linear": schedules.linear(6),
    "top": schedules.top(6, k=3),
    "geometric": schedules.geometric(6, ratio=0.4),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("level", [0.0, 50.0])
def test_the_verdict_flips_exactly_at_the_critical_stakes(shape: np.ndarray, level: float) -> None:
    rng = np.random.default_rng(1)
    curves, cost = worlds(rng, 50, 6), rng.uniform(0.5, 2.0, 6)
    edge = critical_stakes(curves, cost, level, shape)
    finite = 0
    for w, value in enumerate(edge):
        if np.isfinite(value):
            finite += 1
            assert solve_pure(one(curves, w, cost, shape * value * (1 - 1e-6), level)).verdict == "exists"
            assert solve_pure(one(curves, w, cost, shape * value * (1 + 1e-6), level)).verdict == "none"
        else:
            assert solve_pure(one(curves, w, cost, shape * 1e30, level)).verdict == "exists"
    assert finite > 20


def test_the_critical_stakes_respect_a_bound_on_the_effort() -> None:
    rng = np.random.default_rng(2)
    curves, cost, shape = worlds(rng, 50, 5), np.ones(5), schedules.linear(5)
    most = np.array([2.0, 5.0, 10.0, 20.0, 40.0])
    edge = critical_stakes(curves, cost, 1.0, shape, most_total_effort=most)
    assert np.isfinite(edge).any()
    for w, value in enumerate(edge):
        if np.isfinite(value):
            assert solve_pure(one(curves, w, cost, shape * value * (1 - 1e-6), 1.0, most - 1.0)).verdict == "exists"
            assert solve_pure(one(curves, w, cost, shape * value * (1 + 1e-6), 1.0, most - 1.0)).verdict == "none"


def test_with_equal_rewards_no_stakes_are_critical() -> None:
    assert critical_stakes(worlds(np.random.default_rng(0), 3, 4), np.ones(4), 0.0, np.ones(4)).tolist() == [np.inf] * 3


def test_a_shape_that_rises_with_rank_is_refused() -> None:
    with pytest.raises(InputError, match="shape must be non-increasing"):
        critical_stakes(worlds(np.random.default_rng(0), 3, 2), np.ones(2), 0.0, np.array([0.0, 1.0]))
