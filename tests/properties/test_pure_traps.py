"""The traps that every solver must survive, as statements about whole classes of contests."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.contest import Contest, CostTable, CurveTable, Exponential, Linear, LogitPower, Points, PowerCost
from headstart.contest import rewards as schedules
from headstart.solve.level import stabilising_level
from headstart.solve.pure import solve_pure, tightest_pair

unit = st.integers(0, 8).map(lambda k: k / 8)  # exact in binary, so that exact ties are common
number = st.floats(0.01, 1.0)


def some_line(intercept, slope):
    return Linear(intercept=intercept, slope=slope)


def some_exponential(floor, gain, rate):
    return Exponential(floor=floor, ceiling=floor + gain, rate=rate)


def some_logit_power(floor, gain, alpha, beta):
    return LogitPower(L=floor, U=floor + gain, alpha=alpha, beta=beta)


curves = st.one_of(
    st.builds(some_line, unit, unit),
    st.builds(some_exponential, unit, unit, number),
    st.builds(some_logit_power, unit, unit, st.floats(-3, 3), st.floats(0.2, 2)),
    st.lists(unit, min_size=1, max_size=5).map(lambda s: Points(effort=np.arange(len(s)) * 1.0, score=sorted(s))),
)


NO_FREE_EFFORT, NO_CAPS, SOME_CAPS = st.just(0.0), st.just(math.inf), st.one_of(st.just(math.inf), st.just(0.0), unit)


@st.composite
def contests(draw, *, free=NO_FREE_EFFORT, caps=SOME_CAPS, least=1):
    drawn = draw(st.lists(curves, min_size=least, max_size=5))
    n = len(drawn)
    return Contest(
        names=tuple("abcde"[:n]),
        curves=CurveTable.of(drawn),
        costs=CostTable.of([PowerCost(scale=draw(number), exponent=draw(st.sampled_from([1, 1.5, 2])), free=draw(free))
                            for _ in range(n)]),
        rewards=sorted(draw(st.lists(unit, min_size=n, max_size=n)), reverse=True),
        level=draw(st.sampled_from([0.0, 1.0, 7.3, 1e6])),
        max_effort=draw(st.lists(caps, min_size=n, max_size=n)),
        tie_break=draw(st.sampled_from(["capability", "listed"])),
    )  # fmt: skip


def improvement(contest: Contest, efforts: np.ndarray, tries: np.ndarray) -> float:
    """Most that one developer gains by changing to one of ``tries`` (models, tries), by the contest's own payoffs."""
    here, most = contest.payoffs(efforts), 0.0
    for i in range(contest.n):
        for effort in tries[i][tries[i] <= contest.max_effort[i]]:
            profile = efforts.copy()
            profile[i] = effort
            most = max(most, float(contest.payoffs(profile)[i] - here[i]))
    return most


def candidates(contest: Contest, efforts: np.ndarray) -> np.ndarray:
    """Efforts that just draw level with, or just pass, what each rival scores now; free effort; caps; nothing."""
    n = contest.n
    i, k = (index.ravel() for index in np.indices((n, n)))
    reach = contest.catch_up_effort(i, k, efforts[k]).reshape(n, n)
    capped = np.where(np.isfinite(contest.max_effort), contest.max_effort, 0.0)[:, None]
    step = 1e-9 * (1 + contest.level)
    tries = np.hstack([reach, reach + step, reach + 1e3 * step, capped, contest.costs.free[:, None], np.zeros((n, 1))])
    return np.where(np.isfinite(tries), tries, 0.0)


@given(contests())
@settings(max_examples=100)
def test_an_equilibrium_that_exists_is_broken_by_no_effort_in_a_dense_set(contest: Contest) -> None:
    found = solve_pure(contest)
    if found.verdict == "exists":
        assert found.efforts is not None and not found.efforts.any()
        dense = np.tile(np.r_[np.linspace(0, 3, 40), np.geomspace(4, 1e3, 20)], (contest.n, 1))
        assert improvement(contest, found.efforts, np.hstack([dense, candidates(contest, found.efforts)])) <= 1e-12


@given(contests(least=2), st.data())
@settings(max_examples=100)
def test_where_none_exists_every_profile_is_broken(contest: Contest, data) -> None:
    if contest.level > 10 or solve_pure(contest).verdict != "none":
        return  # at a level of a million the efforts that break a tie are lost in rounding
    everyone = st.lists(st.floats(0, 4), min_size=contest.n, max_size=contest.n)
    for kind in ("nobody", "random", "caught up"):
        profile = np.zeros(contest.n)
        if kind == "random":
            profile = np.array(data.draw(everyone))
        if kind == "caught up":
            drawn = candidates(contest, profile)
            chosen = data.draw(st.lists(st.integers(0, drawn.shape[1] - 1), min_size=contest.n, max_size=contest.n))
            profile = drawn[np.arange(contest.n), chosen]
        profile = np.minimum(profile, contest.max_effort)
        assert improvement(contest, profile, candidates(contest, profile)) > 0


@given(contests(free=st.sampled_from([0.0, 0.5, 2.0]), caps=NO_CAPS))
def test_free_effort_is_spent_in_the_equilibrium_returned_and_nothing_beyond_it_pays(contest: Contest) -> None:
    found = solve_pure(contest)
    if found.verdict == "exists":
        assert found.efforts is not None and found.efforts.tolist() == contest.costs.free.tolist()
        dense = np.tile(np.linspace(0, 6, 40), (contest.n, 1))
        assert improvement(contest, found.efforts, np.hstack([dense, candidates(contest, found.efforts)])) <= 1e-12


@given(contests())
def test_with_equal_rewards_nobody_tunes_at_any_level(contest: Contest) -> None:
    equal = contest.with_rewards(np.full(contest.n, 0.7))
    found = solve_pure(equal)
    assert (found.verdict, found.witness) == ("exists", None)
    assert stabilising_level(equal).status == "zero"


@given(contests())
def test_with_every_cap_at_zero_nobody_tunes(contest: Contest) -> None:
    bound = Contest(names=contest.names, curves=contest.curves, costs=contest.costs, rewards=contest.rewards,
                    level=contest.level, max_effort=0.0, tie_break=contest.tie_break)  # fmt: skip
    assert solve_pure(bound).witness is None


@given(contests())
def test_a_common_factor_on_rewards_and_costs_changes_no_verdict(contest: Contest) -> None:
    scaled = Contest(
        names=contest.names, curves=contest.curves, rewards=contest.rewards * 1024.0, level=contest.level,
        costs=CostTable.of([PowerCost(scale=c.scale * 1024.0, exponent=c.exponent, free=c.free)
                            for c in (contest.costs[i] for i in range(contest.n))]),
        max_effort=contest.max_effort, tie_break=contest.tie_break,
    )  # fmt: skip
    assert solve_pure(scaled).verdict == solve_pure(contest).verdict


@given(contests(least=2))
def test_the_order_in_which_models_are_listed_changes_no_verdict_where_nothing_is_tied(contest: Contest) -> None:
    scores = np.sort(contest.scores())
    if contest.tie_break == "listed" or (np.diff(scores) < 1e-9).any():
        return
    back = np.arange(contest.n)[::-1]
    turned = Contest(names=contest.names[::-1], curves=contest.curves.take(back), costs=contest.costs.take(back),
                     rewards=contest.rewards, level=contest.level, max_effort=contest.max_effort[back])  # fmt: skip
    assert solve_pure(turned).verdict == solve_pure(contest).verdict


@given(st.lists(unit, min_size=2, max_size=6), st.integers(1, 8))
def test_a_cost_equal_to_the_gap_is_never_decided_by_rounding(intercepts, scale) -> None:
    """Lines of slope 1 and one common cost: the price of a jump is the distance; every gap is made equal to one."""
    heights = (np.sort(intercepts) + np.arange(len(intercepts)))[::-1]  # all different
    n = heights.size
    for shift in (0.0, 0.1, 1e3 / 3):  # with a shift that is not exact the prices carry rounding errors
        contest = Contest(
            names=tuple("abcdefg"[:n]), curves=CurveTable.batch(Linear(intercept=heights + shift, slope=1.0), n),
            costs=CostTable.batch(PowerCost(scale=scale / 8), n), rewards=heights * (scale / 8),
        )  # fmt: skip
        found = solve_pure(contest)
        assert found.verdict == "undecided" and abs(found.slack) <= 1e-9
        assert solve_pure(contest.with_rewards(contest.rewards * (1 - 1e-6))).verdict == "exists"
        assert solve_pure(contest.with_rewards(contest.rewards * (1 + 1e-6))).verdict == "none"


@pytest.mark.parametrize("level", [0.0, 3.0, 1e3, 1e9, 1e15])
def test_tied_models_that_can_rise_exclude_an_equilibrium_at_every_level(level: float) -> None:
    twin = LogitPower(L=0.2, U=0.9, alpha=[0.3, 0.3], beta=0.8)
    contest = Contest(names=("a", "b"), curves=CurveTable.batch(twin, 2), costs=CostTable.batch(PowerCost(), 2),
                      rewards=[1e9, 0.0], level=level)  # fmt: skip
    assert solve_pure(contest).verdict == "none"


def test_a_tie_that_only_rounding_makes_is_undecided_where_it_decides() -> None:
    logit = LogitPower(L=0.2, U=0.9, alpha=0.3, beta=0.8)
    flat = Linear(intercept=float(logit.score(2.0)), slope=0.0)  # above or below the curve by less than rounding
    for listed in ([flat, logit], [logit, flat]):
        contest = Contest(names=("a", "b"), curves=CurveTable.of(listed), costs=CostTable.of([PowerCost()] * 2),
                          rewards=[1.0, 0.0], level=2.0)  # fmt: skip
        assert solve_pure(contest).verdict == "undecided"


def test_a_cap_equal_to_the_catch_up_effort_is_undecided() -> None:
    lines = Linear(intercept=[0.3, 0.1], slope=1.0)  # 0.3 - 0.1 is not 0.2 in floating point
    contest = Contest(names=("a", "b"), curves=CurveTable.batch(lines, 2), costs=CostTable.batch(PowerCost(), 2),
                      rewards=[1.0, 0.0], max_effort=0.2)  # fmt: skip
    assert solve_pure(contest).verdict == "undecided"


def test_a_price_equal_to_a_gap_two_places_up_is_not_skipped() -> None:
    # both rivals are tied, so both places cost 10: the nearer is not worth it, the farther exactly so
    lines = Linear(intercept=[10.0, 10.0, 0.0], slope=1.0)
    contest = Contest(names=("a", "b", "c"), curves=CurveTable.batch(lines, 3), costs=CostTable.batch(PowerCost(), 3),
                      rewards=[10.0, 10.0, 0.0])  # fmt: skip
    assert solve_pure(contest).verdict == "undecided"
    steps = contest.with_rewards([10.0, 5.0, 0.0])
    pair = tightest_pair(steps)
    assert pair is not None and pair.slack <= 0


def test_a_target_at_the_ceiling_cannot_be_passed_and_a_finite_prize_changes_nothing() -> None:
    low, high = LogitPower(L=0.0, U=0.6, alpha=0.0, beta=1.0), Linear(intercept=0.6, slope=0.0)
    contest = Contest(names=("high", "low"), curves=CurveTable.of([high, low]), costs=CostTable.of([PowerCost()] * 2),
                      rewards=[1e300, 0.0])  # fmt: skip
    found = solve_pure(contest)
    assert (found.verdict, found.unique, found.slack) == ("exists", True, math.inf)


def test_an_effort_that_overflows_is_no_price() -> None:
    slow = LogitPower(L=0.0, U=1.0, alpha=[5.0, 0.0], beta=[0.001, 0.001])
    contest = Contest(names=("a", "b"), curves=CurveTable.batch(slow, 2), costs=CostTable.batch(PowerCost(), 2),
                      rewards=[1e9, 0.0])  # fmt: skip
    assert solve_pure(contest).verdict == "exists"


@pytest.mark.parametrize("free", [0.0, 3.0])
def test_one_model_has_nothing_to_compete_for(free: float) -> None:
    contest = Contest(names=("a",), curves=CurveTable.of([Linear(intercept=0.5, slope=1.0)]),
                      costs=CostTable.of([PowerCost(free=free)]), rewards=[5.0])  # fmt: skip
    found = solve_pure(contest)
    assert (found.verdict, found.efforts.tolist(), found.slack) == ("exists", [free], math.inf)
    assert found.unique == (free == 0)  # any effort that is free is an equilibrium too
    assert stabilising_level(contest).status == "zero"


@pytest.mark.parametrize("kind", ["winner", "linear", "tied"])
def test_thousands_of_models_agree_with_all_pairs(kind: str) -> None:
    n, rng = 1500, np.random.default_rng(1)
    alpha = rng.normal(size=n) if kind != "tied" else np.round(rng.normal(size=n), 2)
    curves = LogitPower(L=0.25, U=0.9, alpha=alpha, beta=rng.uniform(0.3, 1.5, n) if kind != "tied" else 0.7)
    for value in (1e-6, 1e-2, 1.0, 1e4):
        contest = Contest(
            names=tuple(map(str, range(n))), curves=CurveTable.batch(curves, n),
            costs=CostTable.batch(PowerCost(scale=rng.uniform(0.5, 2, n)), n), level=10.0,
            rewards=schedules.linear(n, value) if kind == "linear" else schedules.winner(n, value),
        )  # fmt: skip
        # in place of all pairs: the score bought for each gap, against the rival's
        order, score = contest.order(), contest.scores()
        pays = False
        for high in range(n - 1) if kind == "linear" else [0]:
            below = order[high + 1 :]
            gap = contest.rewards[high] - contest.rewards[high + 1 :]
            bought = contest.curves.take(below).score(10.0 + gap / contest.costs.families[0].scale[below])
            pays |= bool((bought > score[order[high]]).any())
        assert solve_pure(contest).verdict == ("none" if pays else "exists")
