"""The audit of a small field whose true curves are known."""

import math

import numpy as np
import pytest

from headstart.auditing.audit import audit, default_rewards, fitted_contest
from headstart.auditing.values import Audit
from headstart.contest import LogitPower
from headstart.contest import rewards as schedules
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.solve.level import stabilising_level
from headstart.solve.pure import solve_pure

STEPS = np.array([0.0, 10, 30, 100, 300, 1000, 3000])
TRUTH = {
    "strong": LogitPower(L=0.25, U=0.85, alpha=0.4, beta=0.5),
    "middle": LogitPower(L=0.25, U=0.8, alpha=-0.6, beta=0.45),
    "weak": LogitPower(L=0.25, U=0.75, alpha=-1.6, beta=0.45),
    "low": LogitPower(L=0.25, U=0.5, alpha=-1.0, beta=0.4),
}


def field(**more) -> Trajectories:
    rng = np.random.default_rng(5)
    rows = [(name, step, float(curve.score(step))) for name, curve in TRUTH.items() for step in STEPS]
    return Trajectories.from_rows(
        model=[name for name, _, _ in rows],
        step=[step for _, step, _ in rows],
        score=[rng.binomial(2000, score) / 2000 for _, _, score in rows],
        n_items=[2000] * len(rows),
        benchmark="made up",
        **more,
    )


@pytest.fixture(scope="module")
def found() -> Audit:
    return audit(field(), source="somewhere.csv", rewards="winner:500", draws=100)


def test_rankings_prices_and_verdicts_are_those_of_the_fitted_contest(found: Audit) -> None:
    for row in found.levels:
        game = fitted_contest(found.fit, "winner:500").at_level(row.level)
        assert row.ranking == tuple(game.names[m] for m in game.order())
        assert row.verdict == solve_pure(game).verdict
        order = game.order()
        efforts = game.catch_up_effort(order[1:], order[:-1])
        assert [p.effort for p in row.prices] == [e if np.isfinite(e) else None for e in efforts]
        assert [p.cost for p in row.prices] == [p.effort for p in row.prices]  # a step costs one


def test_the_true_ranking_is_found_and_the_true_prices_lie_in_their_intervals(found: Audit) -> None:
    row = next(r for r in found.levels if r.level == 100.0)
    assert row.ranking == ("strong", "middle", "weak", "low")
    for price in row.prices[:2]:
        own, rival = TRUTH[price.model], TRUTH[price.overtakes]
        truth = float(own.effort_to_exceed(rival.score(100.0))) - 100.0
        assert price.low is not None and price.low <= truth <= (price.high or math.inf)
        assert not price.tied


def test_a_missing_price_says_why_and_an_extrapolated_one_how_far_the_measurements_go(found: Audit) -> None:
    prices = [(row.level, p) for row in found.levels for p in row.prices]
    assert any(p.effort is None for _, p in prices)
    for level, p in prices:
        assert (p.effort is None) == (p.cost is None) == (not p.reachable) == (p.reason is not None)
        assert p.extrapolated == (p.effort is None or level + p.effort > 3000)
        assert p.measured_bound == (3000 - level if p.extrapolated else None)


def test_summaries_of_a_level_are_those_of_its_prices(found: Audit) -> None:
    for row in found.levels:
        costs = [math.inf if p.cost is None else p.cost for p in row.prices]
        assert row.unreachable == costs.count(math.inf)
        assert row.cheapest_price == (min(costs) if min(costs) < math.inf else None)
        median = float(np.median(costs))
        assert row.median_price == (median if median < math.inf else None)
        assert row.tied == sum(p.tied for p in row.prices)


def test_the_critical_stakes_decide_the_verdict(found: Audit) -> None:
    for row in found.levels:
        edge = row.critical_stakes["winner"]
        expected = "exists" if edge is None or edge > 500 else "none"
        assert row.verdict == expected
        assert (row.witness is None) == (expected == "exists")
        interval = row.critical_stakes_interval["winner"]
        assert edge is None or (interval.low or 0) <= edge <= (interval.high or math.inf)


def test_the_measured_answer_never_goes_beyond_the_measurements(found: Audit) -> None:
    for row in found.levels:
        if row.verdict == "exists":
            assert row.measured_verdict != "none"
    assert all(not row.extrapolated for row in found.levels if row.level <= 3000)
    beyond = audit(field(), levels=[5000.0], draws=20, backtest_fraction=None).levels[0]
    assert beyond.extrapolated and beyond.measured_verdict == "undecided"


def test_the_stabilising_level_is_that_of_the_fitted_contest_within_its_interval(found: Audit) -> None:
    exact, told = stabilising_level(fitted_contest(found.fit, "winner:500")), found.stabilising_level
    assert (told.status, len(told.intervals)) == (exact.status, len(exact.intervals))
    assert told.level == pytest.approx(exact.level, rel=1e-5)
    assert told.level is not None and told.low is not None
    assert told.low <= told.level <= (told.high or math.inf)
    assert 0 <= told.share_within_measured <= 1
    assert told.measured_level is None or told.measured_level <= told.level * (1 + 1e-6)


def test_the_map_is_drawn_beyond_the_measurements_and_agrees_with_the_levels(found: Audit) -> None:
    by_shape = {curve.shape: curve for curve in found.stakes}
    assert set(by_shape) == {"winner", "linear"}
    for curve in found.stakes:
        assert curve.levels[0] == 0 and curve.levels[-1] == 10 * found.reference_level
        assert all(low <= high for low, high in zip(curve.low, curve.high, strict=True))
        at_zero = found.levels[0].critical_stakes[curve.shape]
        assert curve.stakes[0] == (math.inf if at_zero is None else at_zero)


def test_model_rows_come_best_tuned_first_with_their_rank_intervals(found: Audit) -> None:
    assert [row.tuned_rank for row in found.models] == [1, 2, 3, 4]
    for row in found.models:
        for rank, (best, worst) in (
            (row.direct_rank, row.direct_rank_interval),
            (row.tuned_rank, row.tuned_rank_interval),
        ):
            assert best <= rank <= worst


def test_tau_compares_with_the_reference_level(found: Audit) -> None:
    assert found.reference_level == 3000
    assert found.levels[-1].level == 3000 and found.levels[-1].kendall_tau_to_reference == 1.0


def test_the_same_seed_gives_the_same_audit() -> None:
    one, two = (audit(field(), draws=20, backtest_fraction=None, seed=3) for _ in range(2))
    assert one.levels == two.levels and one.stabilising_level == two.stabilising_level
    assert one.stakes == two.stakes


def test_without_stakes_the_default_is_taken_and_said_to_be_assumed() -> None:
    found = audit(field(cost_per_step=0.5, cost_unit="USD"), draws=20, backtest_fraction=None)
    assert found.rewards_assumed and found.rewards == default_rewards(found.fit, 3000.0) == "linear:1500"
    assert any("1,500 USD" in note for note in found.notes)
    assert (found.backtest, found.backtest_reason) == (None, "switched off")
    assert found.levels[0].prices[0].cost == pytest.approx(0.5 * found.levels[0].prices[0].effort)


def test_levels_are_reported_in_rising_order_each_once() -> None:
    found = audit(field(), levels=[100.0, 0.0, 100.0], draws=20, backtest_fraction=None)
    assert [row.level for row in found.levels] == [0.0, 100.0]


def test_the_default_levels_are_the_measured_steps(found: Audit) -> None:
    assert [row.level for row in found.levels] == STEPS.tolist()


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "levels must be a non-empty list"),
        ([-1.0], "levels must be finite numbers >= 0, got -1.0"),
        ([math.inf], "levels must be finite numbers >= 0, got inf"),
    ],
)
def test_levels_that_cannot_be_are_refused(levels, message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit(field(), levels=levels, draws=20)


def test_a_model_that_cannot_be_fitted_is_left_out_with_the_reason_and_two_must_remain() -> None:
    rows = {"model": ["a"] * 4 + ["b"] * 4 + ["c"], "step": [0, 10, 100, 1000] * 2 + [0],
            "score": [0.3, 0.4, 0.5, 0.6, 0.2, 0.3, 0.35, 0.4, 0.5]}  # fmt: skip
    found = audit(Trajectories.from_rows(**rows), draws=20, backtest_fraction=None)
    assert [name for name, _ in found.excluded] == ["c"] and found.excluded[0][1]
    assert "c" not in found.levels[0].ranking
    few = {key: values[4:] for key, values in rows.items()}
    with pytest.raises(InputError, match=r"an audit needs two models with a fitted curve, got 1 .*c: "):
        audit(Trajectories.from_rows(**few), draws=20)


def test_rewards_in_the_short_form_are_checked() -> None:
    with pytest.raises(InputError, match="rewards must be winner:VALUE"):
        audit(field(), rewards="lots", draws=20)


def test_an_own_reward_shape_is_reported_beside_the_standard_ones() -> None:
    found = audit(field(), rewards="top:2:100", draws=20, backtest_fraction=None)
    assert set(found.levels[0].critical_stakes) == {"winner", "linear", "top:2"}
    game = fitted_contest(found.fit, "top:2:100")
    assert game.rewards.tolist() == schedules.top(4, 100.0, k=2).tolist()


def test_progress_runs_from_start_to_end() -> None:
    shares: list[float] = []
    audit(field(), draws=20, backtest_fraction=None, progress=lambda _, share: shares.append(share))
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
