"""The contest: scores, ranks, payoffs, catch-up efforts and prices, and which conditions of the theory it meets."""

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
from headstart.contest.conditions import conditions
from headstart.errors import InputError


def contest(curves, rewards=None, costs=None, **more) -> Contest:
    n = len(curves)
    return Contest(
        names=tuple("abcdefgh"[:n]),
        curves=CurveTable.of(curves),
        costs=CostTable.of(costs or [PowerCost()] * n),
        rewards=list(range(n))[::-1] if rewards is None else rewards,
        **more,
    )


TWO = contest([Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=2.0)], [4.0, 1.0])


def test_scores_ranks_and_payoffs_by_hand() -> None:
    assert TWO.scores([0.0, 1.0]).tolist() == [1.0, 2.5]
    assert TWO.order([0.0, 1.0]).tolist() == [1, 0]
    assert TWO.ranks().tolist() == [1, 2]
    assert TWO.payoffs([0.0, 1.0]).tolist() == [1.0, 3.0]


def test_the_level_is_given_to_everybody_and_costs_nobody() -> None:
    tuned = TWO.at_level(1.0)
    assert tuned.scores().tolist() == [2.0, 2.5]
    assert tuned.payoffs().tolist() == [1.0, 4.0]
    assert TWO.with_rewards([1.0, 0.0]).payoffs().tolist() == [1.0, 0.0]


def test_catch_up_effort_and_price_by_hand() -> None:
    i, k = np.array([1]), np.array([0])
    assert TWO.catch_up_effort(i, k).tolist() == [0.25]
    assert TWO.price(i, k).tolist() == [0.25]
    assert TWO.catch_up_effort(i, k, [1.0]).tolist() == [0.75]


def test_under_capability_a_tie_goes_to_the_higher_untuned_score() -> None:
    curves = [Linear(intercept=0.5, slope=1.0), Linear(intercept=1.0, slope=1.0)]
    assert contest(curves).ranks([0.5, 0.0]).tolist() == [2, 1]
    assert contest(curves, tie_break="listed").ranks([0.5, 0.0]).tolist() == [1, 2]


def test_equal_untuned_scores_are_ordered_as_listed() -> None:
    same = [Linear(intercept=0.5, slope=s) for s in (1.0, 2.0, 3.0)]
    assert contest(same).order().tolist() == [0, 1, 2]


def test_scores_that_round_to_one_ceiling_are_told_apart_by_their_shortfalls() -> None:
    slow, fast = LogitPower(L=0.0, U=1.0, alpha=0.0, beta=1.0), LogitPower(L=0.0, U=1.0, alpha=1.0, beta=1.0)
    game = contest([slow, fast], level=1e20)
    assert game.scores().tolist() == [1.0, 1.0]
    assert game.order().tolist() == [1, 0]


def test_equal_scores_below_different_ceilings_are_a_tie() -> None:
    # b's shortfall is smaller than c's, which says nothing: their ceilings differ
    curves = [Linear(intercept=0.9, slope=0.0), Linear(intercept=0.5, slope=0.0),
              Exponential(floor=0.5, ceiling=0.8, rate=1.0), Exponential(floor=0.5, ceiling=0.6, rate=1.0)]  # fmt: skip
    assert contest(curves).order().tolist() == [0, 1, 2, 3]
    assert contest(curves[::-1]).order().tolist() == [3, 0, 1, 2]


def test_a_cap_makes_places_beyond_it_unaffordable() -> None:
    curves = [Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=1.0)]
    i, k = np.array([1]), np.array([0])
    assert contest(curves, max_effort=0.6).price(i, k).tolist() == [0.5]
    # drawing level exactly at the cap is not enough for a model that loses ties
    assert contest(curves, max_effort=0.5).price(i, k).tolist() == [np.inf]
    listed = contest(curves[::-1], max_effort=0.5, tie_break="listed")
    assert listed.price(k, i).tolist() == [0.5]


BAD = [
    ({"names": ()}, "models must be a non-empty list"),
    ({"names": ("a", "a")}, "names must be unique and not empty, got ('a', 'a')"),
    ({"names": ("a", "")}, "names must be unique and not empty"),
    ({"names": ("a", "b", "c")}, "curves must be 3 long, got 2"),
    ({"rewards": [1.0]}, "rewards must be 2 long, one per rank, got 1"),
    ({"level": -1.0}, "level must be a finite number >= 0, got -1.0"),
    ({"level": np.inf}, "level must be a finite number >= 0, got inf"),
    ({"max_effort": [1.0, -1.0]}, "max_effort must be >= 0, got [ 1. -1.]"),
    ({"max_effort": np.nan}, "max_effort must be >= 0"),
    ({"tie_break": "random"}, "tie_break must be 'capability' or 'listed', got 'random'"),
    ({"noise_sd": -0.1}, "noise_sd must be >= 0"),
    ({"noise_sd": np.inf}, "noise_sd must be finite"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[m for _, m in BAD])
def test_a_bad_field_is_named_with_what_it_must_be_and_what_it_is(change, message: str) -> None:
    fields = {"names": TWO.names, "curves": TWO.curves, "costs": TWO.costs, "rewards": TWO.rewards}
    with pytest.raises(InputError) as caught:
        Contest(**(fields | change))
    assert str(caught.value).split(": ", 1)[-1].startswith(message)


@pytest.mark.parametrize("efforts", [[-0.1, 0.0], [0.0, 0.9]])
def test_payoffs_refuse_efforts_that_no_developer_can_make(efforts) -> None:
    capped = contest([Linear(intercept=1.0, slope=1.0)] * 2, max_effort=0.5)
    with pytest.raises(InputError, match=r"efforts must be within \[0, max_effort\]"):
        capped.payoffs(efforts)


def holds(game: Contest) -> dict[str, bool | None]:
    found = {c.name: c for c in conditions(game)}
    assert all(c.why for c in found.values())
    return {name: c.holds for name, c in found.items()}


PAPER = [LogitPower(L=0.2, U=0.9, alpha=a, beta=b) for a, b in ((1.0, 0.8), (0.0, 0.8), (-1.0, 0.5))]


def test_the_papers_setting_meets_every_condition() -> None:
    assert all(holds(contest(PAPER)).values())


def test_free_effort_is_no_strict_cost_and_is_common_only_if_nobody_differs() -> None:
    free = [PowerCost(free=2.0)] * 3
    found = holds(contest(PAPER, costs=free))
    assert (found["strictly increasing cost"], found["common free effort"]) == (False, True)
    assert not holds(contest(PAPER, costs=[*free[:2], PowerCost()]))["common free effort"]
    assert not holds(contest(PAPER, costs=free, max_effort=[np.inf, np.inf, 1.0]))["common free effort"]


def test_a_common_convex_cost_means_one_cost_and_no_caps() -> None:
    assert not holds(contest(PAPER, costs=[PowerCost(), PowerCost(), PowerCost(scale=2.0)]))["common convex cost"]
    assert not holds(contest(PAPER, max_effort=[np.inf, np.inf, 1.0]))["common convex cost"]
    points = PointsCost(effort=[0.0, 1.0], cost=[0.0, 1.0])
    assert not holds(contest(PAPER, costs=[points, PowerCost(), PowerCost()]))["common convex cost"]


def test_curves_that_cross_fail_c1_and_c3_and_ties_fail_c1_alone() -> None:
    crossing = [LogitPower(L=0.2, U=0.9, alpha=a, beta=b) for a, b in ((1.0, 0.5), (0.0, 0.8))]
    found = holds(contest(crossing))
    assert (found["C1 strictly ordered curves"], found["C3 growing catch-up effort"]) == (False, False)
    tied = [Linear(intercept=0.5, slope=1.0)] * 2
    found = holds(contest(tied))
    assert (found["C1 strictly ordered curves"], found["C3 growing catch-up effort"]) == (False, True)


def test_what_cannot_be_established_is_none() -> None:
    mixed = holds(contest([PAPER[0], Exponential(floor=0.2, ceiling=0.9, rate=1.0)]))
    assert mixed["C3 growing catch-up effort"] is None
    assert holds(contest([Points(effort=[0.0, 1.0], score=[0.1, 0.2])] * 2))["C2 concave and saturating curves"] is None


def test_c2_is_about_the_curve_from_the_level_on() -> None:
    steep = [LogitPower(L=0.2, U=0.9, alpha=-5.0, beta=2.0)] * 2
    assert not holds(contest(steep))["C2 concave and saturating curves"]
    assert holds(contest(steep, level=100.0))["C2 concave and saturating curves"]
    assert not holds(TWO)["C2 concave and saturating curves"]


def test_the_tie_rule_fails_where_a_model_could_buy_a_tie_that_the_other_cannot_break() -> None:
    # the first buys a tie with the second, wins it by the list, and the second cannot answer
    rising, flat = Linear(intercept=0.0, slope=1.0), Linear(intercept=1.0, slope=0.0)
    assert not holds(contest([rising, flat], tie_break="listed"))["tie rule"]
    assert holds(contest([flat, rising], tie_break="listed"))["tie rule"]
    assert holds(contest([rising, flat]))["tie rule"]
    lines = [rising, Linear(intercept=1.0, slope=1.0)]
    assert holds(contest(lines, tie_break="listed"))["tie rule"]
    assert not holds(contest(lines, tie_break="listed", max_effort=[np.inf, 0.0]))["tie rule"]
