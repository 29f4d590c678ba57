"""Costs, what they leave free, and their inverses."""

import numpy as np
import pytest

from headstart.contest import CostTable, PointsCost, PowerCost
from headstart.errors import InputError

POWER = PowerCost(scale=2.0, exponent=2.0, free=3.0)
POINTS = PointsCost(effort=[0.0, 4.0, 6.0, 10.0], cost=[0.0, 0.0, 2.0, 10.0])


def test_costs_by_hand() -> None:
    assert POWER.cost([0.0, 3.0, 5.0]).tolist() == [0.0, 0.0, 8.0]
    assert POINTS.cost([0.0, 4.0, 5.0, 8.0, 11.0]).tolist() == [0.0, 0.0, 1.0, 6.0, 12.0]


@pytest.mark.parametrize("cost", [POWER, POINTS], ids=lambda c: c.kind)
def test_the_effort_at_a_cost_is_the_largest_that_costs_no_more(cost) -> None:
    for amount in (0.0, 0.5, 2.0, 7.0, 30.0):
        effort = float(cost.effort_at(amount))
        assert float(cost.cost(effort)) == pytest.approx(amount)
        assert float(cost.cost(effort + 1e-6)) > amount


def test_free_effort_is_the_largest_that_costs_nothing() -> None:
    assert float(POWER.free_effort) == 3.0
    assert float(POINTS.free_effort) == 4.0
    assert float(PointsCost(effort=[0.0, 1.0], cost=[0.0, 1.0]).free_effort) == 0.0


def test_costs_that_overflow_are_infinite_and_warn_of_nothing() -> None:
    assert float(PowerCost(exponent=3.0).cost(1e200)) == np.inf
    assert float(POWER.cost(np.inf)) == np.inf
    assert float(PowerCost(scale=1e-300).effort_at(1e300)) == np.inf


def test_a_table_stacks_families_and_answers_in_the_order_given() -> None:
    costs = [POINTS, POWER, PowerCost(), POINTS]
    table = CostTable.of(costs)
    efforts = np.array([5.0, 5.0, 5.0, 11.0])
    assert table.cost(efforts).tolist() == [1.0, 8.0, 5.0, 12.0]
    assert table.free.tolist() == [4.0, 3.0, 0.0, 4.0]
    np.testing.assert_allclose(table.effort_at(table.cost(efforts)), efforts)
    assert table.take([2, 0]).cost([7.0, 5.0]).tolist() == [7.0, 1.0]


def test_a_common_exponent_of_one_is_linear_and_mixed_exponents_are_not() -> None:
    batch = PowerCost(scale=[1.0, 2.0], exponent=[1.0, 2.0])
    assert batch.cost([3.0, 3.0]).tolist() == [3.0, 18.0]
    assert PowerCost(scale=[1.0, 2.0]).cost([3.0, 3.0]).tolist() == [3.0, 6.0]


BAD = [
    (lambda: PowerCost(scale=0.0), "scale must be > 0, got 0.0"),
    (lambda: PowerCost(exponent=0.5), "exponent must be >= 1 (a smaller one is a concave cost), got 0.5"),
    (lambda: PowerCost(free=-1.0), "free must be >= 0, got -1.0"),
    (lambda: PowerCost(scale=np.inf), "scale must be finite, got inf"),
    (lambda: PointsCost(effort=[0.0], cost=[0.0]), "effort must be a list of two or more"),
    (lambda: PointsCost(effort=[0.0, 1.0], cost=[0.0]), "cost must be 2 numbers long"),
    (lambda: PointsCost(effort=[1.0, 2.0], cost=[0.0, 1.0]), "effort must be rising from 0"),
    (lambda: PointsCost(effort=[0.0, 1.0], cost=[1.0, 2.0]), "cost must be non-decreasing from 0"),
    (lambda: PointsCost(effort=[0.0, 1.0, 2.0], cost=[0.0, 2.0, 3.0]), "cost must be convex (slopes that never fall)"),
    (lambda: PointsCost(effort=[0.0, 1.0], cost=[0.0, 0.0]), "cost must be rising at its last point"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[m for _, m in BAD])
def test_a_bad_field_is_named_with_what_it_must_be_and_what_it_is(make, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).split(": ", 1)[-1].startswith(message)
