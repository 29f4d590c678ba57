"""Prices of places in a suite against enumeration, independent solvers and what is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.contest.contest import Contest
from headstart.contest.costs import PowerCost
from headstart.contest.curves import Curve, Exponential, Linear, LogitPower, Points
from headstart.contest.rewards import linear
from headstart.contest.tables import CostTable, CurveTable
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.solve.incentive import ScoreNoise, incentive
from headstart.solve.incentive.field import reward_field
from headstart.solve.prices import price_table
from headstart.suite.aggregations import AGGREGATIONS, ranks_of
from headstart.suite.price.allocation import least_cost
from headstart.suite.price.branch import closed_by_branching
from headstart.suite.price.climb import Climb
from headstart.suite.price.curves import SuiteCurves
from headstart.suite.price.gaming import mean_incentive, mean_noise, mean_paths
from headstart.suite.price.grid import least_cost_on_grid
from headstart.suite.price.majority import head_to_head
from headstart.suite.price.mean import prices_of
from headstart.suite.price.prices import RULES, UNPRICED, mean_prices_of_draws, suite_prices
from headstart.suite.price.pricing import price_suite
from headstart.suite.price.rule import Field
from headstart.suite.price.scale import tasks_or_tuning
from suite_enumeration import COMPUTED, enumerated, least_cost_by_search, logit_suite, milp_on_a_grid, small_suites

# The mean.


@pytest.mark.parametrize("steepest", [1.0, 3.0])
def test_the_price_under_the_mean_is_what_a_search_over_splits_finds(steepest: float) -> None:
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(9):
        suite, level = logit_suite(rng, 2, 2, steepest=steepest), float(rng.choice([0.0, 5.0]))
        found = suite_prices(suite, level)
        price, i = found.next[0], suite.models.index(found.next[0].model)
        if price.upper is None or price.lower is None:
            continue
        gap = float(suite.scores(level)[1 - i].sum() - suite.scores(level)[i].sum())
        searched = least_cost_by_search(suite, i, gap, level)
        # the search tries some splits only, so it can be dearer than the upper bound, never cheaper than the lower
        assert price.lower <= searched * (1 + 1e-9)
        if price.proof == "exact":
            assert price.upper <= searched * (1 + 1e-6)
        compared += 1
    assert compared >= 5


def test_the_efforts_of_a_price_under_the_mean_close_the_gap_and_cost_the_price() -> None:
    rng = np.random.default_rng(5)
    suite = logit_suite(rng, 8, 5, steepest=3.0)
    found = suite_prices(suite, 2.0)
    scores = suite.scores(2.0)
    for price in (*found.next, *found.first):
        if price.effort is None or price.upper is None:
            continue
        i = suite.models.index(price.model)
        k = suite.models.index(price.overtakes or found.ranking[0])
        efforts = np.array([price.effort.get(task, 0.0) for task in suite.tasks])
        tuned = suite.rows(np.array([i])).score(2.0 + efforts)
        assert float(suite.cost_per_step[i] @ efforts) == pytest.approx(price.upper)
        assert float(tuned.sum()) >= float(scores[k].sum()) * (1 - 1e-12)
        # with a little less on the dearest task it is not enough
        efforts[np.argmax(efforts)] *= 1 - 1e-6
        assert float(suite.rows(np.array([i])).score(2.0 + efforts).sum()) < float(scores[k].sum())


@pytest.mark.parametrize("steepest", [1.0, 4.0])
def test_prices_are_exact_with_and_without_a_convex_start(steepest: float) -> None:
    found = suite_prices(logit_suite(np.random.default_rng(0), 8, 6, steepest=steepest, start=-4.0))
    assert {price.proof for price in (*found.next, *found.first)} == {"exact"}


def test_branching_closes_what_duality_leaves_open_and_contradicts_neither_it_nor_the_grid() -> None:
    rng = np.random.default_rng(13)
    opened = 0
    for _ in range(6):
        climb = Climb.of(logit_suite(rng, 2, 5, steepest=4.0, start=-5.0), np.array([0]), 0.0)
        gain = np.array([float(rng.uniform(0.1, 0.7)) * float(climb.most_gain.sum())])
        loose = least_cost(climb, gain)
        close = closed_by_branching(climb, gain, loose)
        opened += float(loose.lower[0]) < float(loose.upper[0]) * (1 - 1e-4)
        assert loose.lower <= close.lower <= close.upper <= loose.upper
        assert close.upper - close.lower <= 1.1e-7 * close.upper
        assert float(climb.gain(climb.level + close.effort).sum()) >= gain[0] * (1 - 1e-12)
        assert float(climb.spent(climb.level + close.effort).sum()) == pytest.approx(float(close.upper[0]))
        low, high, _ = least_cost_on_grid(climb, float(gain[0]), cells=400)
        assert low * (1 - 1e-9) <= close.upper[0] and close.lower[0] <= high * (1 + 1e-9)
    assert opened >= 3


def test_mixtures_of_laws_are_priced_as_a_search_over_splits_finds() -> None:
    rng = np.random.default_rng(14)
    for _ in range(4):
        weak: list[Curve] = [
            Exponential(floor=0.3, ceiling=rng.uniform(0.5, 0.8), rate=rng.uniform(0.01, 0.1)),
            LogitPower(L=0.3, U=0.8, alpha=rng.uniform(-6.0, -2.0), beta=rng.uniform(0.5, 3.0)),
        ]
        if rng.random() < 0.5:
            weak[0] = Linear(intercept=0.3, slope=rng.uniform(0.001, 0.02))
        strong = Points(effort=[0.0], score=[float(rng.uniform(0.35, 0.5))])
        suite = SuiteCurves.of(
            ["strong", "weak"], {f"t{t}": CurveTable.of([strong, one]) for t, one in enumerate(weak)}
        )
        price = suite_prices(suite).next[0]
        assert price.upper is not None and price.lower is not None and price.proof == "exact"
        gap = float(suite.scores(0.0)[0].sum() - suite.scores(0.0)[1].sum())
        if gap <= 0:
            continue
        searched = least_cost_by_search(suite, 1, gap, 0.0)
        assert price.lower <= searched * (1 + 1e-8)
        assert price.upper <= searched * (1 + 1e-6)
        assert price.upper >= searched * (1 - 1e-2)


def test_the_marginal_gains_are_equal_on_the_tasks_that_are_tuned() -> None:
    suite = logit_suite(np.random.default_rng(1), 2, 6, steepest=1.0)
    price = suite_prices(suite).first[0]
    assert price.effort is not None
    i = suite.models.index(price.model)
    efforts = np.array([price.effort.get(task, 0.0) for task in suite.tasks])
    marginal = suite.rows(np.array([i])).gradient(efforts) / suite.cost_per_step[i]
    tuned = efforts > 0
    assert tuned.sum() >= 2
    assert np.ptp(marginal[tuned]) <= 1e-6 * marginal[tuned].max()
    assert (marginal[~tuned] <= marginal[tuned].min() * (1 + 1e-6)).all()


def test_lines_put_everything_on_the_cheapest_task() -> None:
    lines = {
        "a": CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=[0.1, 0.01]), 2),
        "b": CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=[0.1, 0.02]), 2),
    }
    found = suite_prices(SuiteCurves.of(["strong", "weak"], lines)).next[0]
    assert found.effort == {"b": pytest.approx(10.0)}
    assert found.proof == "exact"


def test_a_gap_as_large_as_all_that_is_left_to_gain_is_out_of_reach() -> None:
    curves = {
        task: CurveTable.batch(Exponential(floor=[0.6, 0.2], ceiling=[0.6, 0.6], rate=0.1), 2) for task in ("a", "b")
    }
    found = suite_prices(SuiteCurves.of(["flat", "rising"], curves)).next[0]
    assert (found.lower, found.upper, found.effort) == (None, None, None)
    assert found.reason == "no effort is enough"


def test_a_tie_costs_nothing_where_something_rises_and_cannot_be_broken_where_nothing_does() -> None:
    flat = Points(effort=[0.0], score=[0.5])
    rising = LogitPower(L=0.25, U=0.75, alpha=0.0, beta=1.0)
    assert suite_prices(SuiteCurves.of(["a", "b"], {"t": CurveTable.of([flat, rising])})).next[0].upper == 0.0
    assert suite_prices(SuiteCurves.of(["a", "b"], {"t": CurveTable.of([flat, flat])})).next[0].upper is None


def test_the_grid_gives_the_bounds_that_an_integer_programme_gives() -> None:
    rng = np.random.default_rng(8)
    for _ in range(6):
        suite = logit_suite(rng, 2, 3, steepest=3.0)
        climb = Climb.of(suite, np.array([0]), 0.0)
        gain = 0.6 * float(climb.most_gain.sum())
        low, high, effort = least_cost_on_grid(climb, gain, cells=25)
        assert low == pytest.approx(milp_on_a_grid(climb, gain, 25, 23), rel=1e-6)
        assert high == pytest.approx(milp_on_a_grid(climb, gain, 25, 26), rel=1e-6)
        assert float(climb.spent(effort[None, :]).sum()) == pytest.approx(high)


def test_bounds_of_the_grid_and_of_duality_hold_together() -> None:
    rng = np.random.default_rng(9)
    for _ in range(6):
        suite = logit_suite(rng, 2, 4, steepest=3.5)
        climb = Climb.of(suite, np.array([0]), 0.0)
        gain = 0.4 * float(climb.most_gain.sum())
        both = prices_of(climb, np.array([gain]))[0]
        low, high, _ = least_cost_on_grid(climb, gain, cells=400)
        assert low <= both.upper * (1 + 1e-9)
        assert both.lower <= high * (1 + 1e-9)


def test_curves_of_unknown_form_are_priced_on_the_grid() -> None:
    steps = [0.0, 10.0, 100.0, 1000.0]
    weak = [Points(effort=steps, score=[0.2, 0.2, 0.5, 0.6]), Points(effort=steps, score=[0.2, 0.3, 0.32, 0.7])]
    strong = Points(effort=[0.0], score=[0.35])
    suite = SuiteCurves.of(["strong", "weak"], {f"t{t}": CurveTable.of([strong, one]) for t, one in enumerate(weak)})
    found = suite_prices(suite).next[0]
    assert found.lower is not None and found.upper is not None
    searched = least_cost_by_search(suite, 1, 0.3, 0.0, points=600)
    assert found.lower <= searched <= found.upper * (1 + 1e-3)
    assert found.upper - found.lower < 0.02 * found.upper


# Rules that count, the median and majorities: every combination of efforts, every score computed again.


@pytest.mark.parametrize("rule", COMPUTED)
def test_prices_are_those_of_an_enumeration(rule: str) -> None:
    rng = np.random.default_rng(11)
    finite = 0
    for suite in small_suites(rng, 12):
        found = suite_prices(suite, rule=rule)
        order = [suite.models.index(name) for name in found.ranking]
        values = COMPUTED[rule](suite.scores(0.0))
        assert (np.diff(values[order]) <= 0).all()
        for at, (passing, leading) in enumerate(zip(found.next, found.first, strict=True), start=1):
            for price, rivals in ((passing, [order[at - 1]]), (leading, order[:at])):
                assert price.proof == "exact"
                wanted = enumerated(suite, rule, order[at], rivals)
                got = np.inf if price.upper is None else price.upper
                assert got == pytest.approx(wanted, rel=1e-6, abs=1e-9), (price, rivals)
                finite += bool(np.isfinite(wanted))
    assert finite > 30


def test_a_majority_against_one_rival_takes_the_cheapest_tasks() -> None:
    lines = {f"t{t}": CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=0.1 / (t + 1)), 2) for t in range(5)}
    field = Field(suite=SuiteCurves.of(["strong", "weak"], lines), level=0.0)
    found = head_to_head(field, 1, 0)
    assert found.upper == pytest.approx(1.0 + 2.0 + 3.0)


def test_first_place_costs_no_less_than_any_rival_above() -> None:
    suite = logit_suite(np.random.default_rng(4), 9, 6, steepest=1.5)
    field = Field(suite=suite, level=0.0)
    for rule in RULES.values():
        order = np.argsort(-rule.standing(field), kind="stable").tolist()
        for at in (2, 5):
            whole = rule.first(field, [order[at]], [order[:at]])[0]
            single = rule.pairs(field, [order[at]] * at, order[:at])
            assert whole.upper >= max(one.lower for one in single) * (1 - 1e-9)


def test_a_rule_without_prices_says_why() -> None:
    suite = logit_suite(np.random.default_rng(4), 2, 2, steepest=1.5)
    with pytest.raises(InputError, match="rule must be one with prices, got 'zscore': one score moves the mean"):
        suite_prices(suite, rule="zscore")
    with pytest.raises(InputError, match="rule must be one of mean"):
        suite_prices(suite, rule="mode")


# Gaming under noise, tasks against tuning.


@pytest.mark.parametrize("steepest", [1.0, 3.0])
def test_the_best_mean_for_a_cost_is_what_a_search_over_splits_finds(steepest: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(8):
        suite, level = logit_suite(rng, 2, 2, steepest=steepest), float(rng.choice([0.0, 3.0]))
        budget = np.tile(np.array([0.0, 2.0, 20.0, 400.0]), (2, 1))
        paths = mean_paths(suite, level, budget)
        for i in range(2):
            share = np.linspace(0.0, 1.0, 4001)
            for at in range(1, 4):
                searched = np.mean(
                    [
                        np.asarray(
                            suite.table[i * 2 + task].score(level + budget[i, at] * part / suite.cost_per_step[i, task])
                        )
                        for task, part in enumerate((share, 1 - share))
                    ],
                    axis=0,
                ).max()
                assert paths.bound[i, at] >= searched - 1e-12
                # the allocation found is the best one where curves are concave, and one of the bounds elsewhere
                assert paths.reached[i, at] >= searched - 1e-6 or paths.bound[i, at] > paths.reached[i, at] + 1e-9
                assert paths.reached[i, at] <= paths.bound[i, at]
        if steepest <= 1.0:
            assert np.allclose(paths.reached, paths.bound, rtol=1e-9)


def test_the_incentive_holds_what_trying_every_split_gains() -> None:
    rng = np.random.default_rng(6)
    suite = logit_suite(rng, 3, 2, steepest=2.0)
    rewards, noise = linear(3, 60.0), mean_noise(np.full((3, 2), 0.03))
    found = mean_incentive(suite, rewards, noise, costs=192)
    untuned = suite.scores(0.0).mean(axis=1)
    field = reward_field(untuned, rewards, noise)
    efforts = np.r_[0.0, np.geomspace(0.05, 60.0, 160)]
    for i in range(3):
        one, two = (np.asarray(suite.table[i * 2 + task].score(efforts)) for task in range(2))
        mean = ((one[:, None] + two[None, :]) / 2).ravel()
        cost = (suite.cost_per_step[i, 0] * efforts[:, None] + suite.cost_per_step[i, 1] * efforts[None, :]).ravel()
        model = np.full(mean.size, i)
        gain = field.value(model, mean) - float(field.value(np.array([i]), untuned[i : i + 1])[0]) - cost
        assert gain.max() <= found.upper[i] + 1e-9
        assert found.lower[i] >= gain.max() - 0.01 * 60.0
        assert found.upper[i] - found.lower[i] < 0.02 * 60.0


def test_noise_of_the_mean_is_that_of_independent_tasks() -> None:
    assert mean_noise([[0.03, 0.04], [0.0, 0.1]]).sd == pytest.approx([0.025, 0.05])


def test_more_tasks_and_higher_levels_are_compared_on_the_same_sets() -> None:
    suite = logit_suite(np.random.default_rng(7), 5, 6, steepest=1.0)
    found = tasks_or_tuning(suite, levels=[0.0, 50.0], sizes=[2, 6], subsets=4, seed=1)
    again = tasks_or_tuning(suite, levels=[50.0], sizes=[2, 6], subsets=4, seed=1)
    assert np.array_equal(found.cheapest[:, 1], again.cheapest[:, 0], equal_nan=True)
    assert np.isnan(found.cheapest[1, :, 1:]).all()  # one set of all tasks
    prices = [price.upper for price in suite_prices(suite, 50.0).first]
    whole = sorted(np.inf if price is None else price for price in prices)
    assert found.cheapest[1, 1, 0] == pytest.approx(whole[0])
    assert found.middle[1, 1, 0] == pytest.approx(whole[1])  # of four models below the first
    table = found.summary(found.cheapest)
    sets = found.cheapest[0, 0]
    assert table["mean"][0, 0] == pytest.approx(sets.mean())
    assert table["sd"][0, 0] == pytest.approx(sets.std(ddof=1))
    assert np.isnan(table["sd"][1, 0])
    assert table["low"][0, 0] <= table["median"][0, 0] <= table["high"][0, 0]


# Fitted curves.


def measured(tasks: int = 2, models: int = 4) -> dict[str, Trajectories]:
    rng = np.random.default_rng(0)
    steps = [0.0, 10.0, 100.0, 1000.0, 3000.0]
    found: dict[str, Trajectories] = {}
    for t in range(tasks):
        names, step, score = [], [], []
        for i in range(models):
            law = LogitPower(L=0.25, U=0.8 - 0.05 * i, alpha=-3.0 + 0.1 * t, beta=0.6)
            names += [f"m{i}"] * len(steps)
            step += steps
            score += np.clip(law.score(steps) + rng.normal(0, 0.003, len(steps)), 0, 1).tolist()
        found[f"t{t}"] = Trajectories.from_rows(
            benchmark=f"t{t}", model=names, step=step, score=score, stderr=[0.003] * len(names)
        )
    return found


def test_trajectories_are_fitted_task_by_task_and_prices_have_intervals_under_the_mean() -> None:
    suite = SuiteCurves.fitted(measured(), draws=20)
    found = suite_prices(suite, 100.0)
    for price in (*found.next, *found.first):
        assert price.interval is not None and price.interval_reason is None
        if price.upper is not None and price.interval.high is not None and price.interval.low is not None:
            assert price.interval.low <= price.interval.high
    median = suite_prices(suite, 100.0, "median")
    assert {price.interval_reason for price in median.next} == {"intervals are computed for the mean only"}
    assert suite.stderr is not None and suite.stderr == pytest.approx(np.full((4, 2), 0.003))


def test_the_draws_of_different_tasks_do_not_move_together() -> None:
    same = measured(tasks=1)["t0"]
    suite = SuiteCurves.fitted({"a": same, "b": same}, draws=200)
    assert suite.draws is not None
    scores = suite.draws.score(0.0)
    for i in range(4):
        assert abs(np.corrcoef(scores[:, i, 0], scores[:, i, 1])[0, 1]) < 0.3


def test_prices_of_draws_are_the_prices_of_each_draw_as_a_suite() -> None:
    suite = SuiteCurves.fitted(measured(), draws=3)
    assert suite.draws is not None
    lower, upper = np.array([1, 3]), np.array([0, 2])
    low, high = mean_prices_of_draws(suite, 50.0, lower, upper)
    for d in range(3):
        curves = {
            task: CurveTable.batch(suite.draws.map(lambda v, d=d, t=t: v[d, :, t]), 4)
            for t, task in enumerate(suite.tasks)
        }
        one = SuiteCurves.of(suite.models, curves)
        field = Field(suite=one, level=50.0)
        for at, (i, k) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
            price = RULES["mean"].pairs(field, [i], [k])[0]
            assert low[d, at] <= price.upper * (1 + 1e-9)
            assert price.lower <= high[d, at] * (1 + 1e-9)


def test_models_without_a_curve_on_every_task_are_left_out_and_named() -> None:
    given = measured()
    partial = measured(models=3)["t1"]
    found = price_suite({"t0": given["t0"], "t1": partial}, rules=("mean",), subsets=2)
    assert found.left_out == (("m3", "no curve on t1"),)
    assert len(found.prices[0].next) == 2


def test_every_rule_ranks_as_the_aggregation_of_its_name() -> None:
    rng = np.random.default_rng(12)
    for suite in small_suites(rng, 15):
        field = Field(suite=suite, level=0.0)
        for name, rule in RULES.items():
            standing, value = rule.standing(field), AGGREGATIONS[name].values(field.scores)
            assert np.array_equal(ranks_of(np.round(standing, 9)), ranks_of(np.round(value, 9))), name
    assert set(RULES) | set(UNPRICED) == set(AGGREGATIONS.own)


# A suite of one task is the contest of one score.


@pytest.mark.parametrize("rule", ["mean", "median"])
def test_with_one_task_prices_are_those_of_the_contest(rule: str) -> None:
    rng = np.random.default_rng(15)
    suite = logit_suite(rng, 12, 1, steepest=2.5)
    costs = CostTable.batch(PowerCost(scale=suite.cost_per_step[:, 0]), 12)
    contest = Contest(names=suite.models, curves=suite.table, costs=costs, rewards=linear(12, 1.0), level=7.0)
    wanted = {(row.model, row.overtakes): row for row in price_table(contest)}
    found = suite_prices(suite, 7.0, rule)
    assert len(found.next) == len(wanted) == 11
    for price in found.next:
        row = wanted[(price.model, price.overtakes or "")]
        assert (price.upper is None) == (row.cost is None)
        if price.upper is not None:
            assert price.upper == pytest.approx(row.cost, rel=1e-8)


def test_with_one_task_the_incentive_is_that_of_the_contest() -> None:
    suite = logit_suite(np.random.default_rng(16), 6, 1, steepest=1.0)
    rewards, noise = linear(6, 200.0), ScoreNoise.independent(np.full(6, 0.02))
    costs = CostTable.batch(PowerCost(scale=suite.cost_per_step[:, 0]), 6)
    contest = Contest(names=suite.models, curves=suite.table, costs=costs, rewards=rewards)
    wanted, found = incentive(contest, noise=noise), mean_incentive(suite, rewards, noise)
    assert (found.lower <= wanted.upper + 1e-9).all() and (wanted.lower <= found.upper + 1e-9).all()
    assert (found.upper - found.lower).max() < 0.05 * 200.0
