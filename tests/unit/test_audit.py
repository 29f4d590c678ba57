"""The audit of a small field whose true curves are known."""

import math

import numpy as np
import pytest

from headstart.auditing.audit import audit
from headstart.auditing.evidence import fitted_contest
from headstart.auditing.incentives import needed_share
from headstart.auditing.values import Audit
from headstart.contest import LogitPower
from headstart.contest import rewards as schedules
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError

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


def test_the_ranking_at_a_measured_level_is_that_of_the_measured_scores(found: Audit) -> None:
    data = field()
    for row in found.levels:
        at = data.step == row.level
        scores = {data.models[m]: s for m, s in zip(data.model[at], data.score[at], strict=True)}
        assert row.measured and not row.estimated and not row.absent
        assert row.ranking == tuple(sorted(scores, key=lambda name: -scores[name]))
        for one in row.standings:
            assert one.score == scores[one.name] and one.measured
            assert one.rank == 1 + sum(other > one.score for other in scores.values())
            assert one.best_rank <= one.rank <= one.worst_rank
        assert [name for group in row.ties for name in group.names] == list(row.ranking)


def test_the_true_ranking_is_found_and_the_true_prices_lie_in_their_intervals(found: Audit) -> None:
    row = next(r for r in found.levels if r.level == 100.0)
    assert row.ranking == ("strong", "middle", "weak", "low")
    for price in row.prices[:2]:
        own, rival = TRUTH[price.model], TRUTH[price.overtakes]
        truth = float(own.effort_to_exceed(rival.score(100.0))) - 100.0
        if price.low is None:  # hardly within the horizon, and nothing is said beyond
            assert truth > 2 * STEPS[-1] - 100.0
        else:
            assert price.low <= truth <= (price.high or math.inf)
        assert not price.tied


def test_the_true_incentive_lies_in_its_interval(found: Audit) -> None:
    """Two halves of the true curves of 2,000 items: the gain of the best deviation, by the formula."""
    sd = math.sqrt(2) * found.noise.stderr
    for row in found.levels[1:5]:
        start = {name: float(curve.score(row.level)) for name, curve in TRUTH.items()}
        best = 0.0
        for name, curve in TRUTH.items():
            rivals = [score for other, score in start.items() if other != name]
            first = [first_place(float(curve.score(row.level + e)), rivals, sd) for e in range(0, 500, 4)]
            best = max(best, max(500 * (p - first[0]) - 4 * at for at, p in enumerate(first)))
        share = row.incentive.share
        assert share.low - 0.02 <= best / 500 <= share.high + 0.02


def first_place(score: float, rivals: list[float], sd: float) -> float:
    """Probability to score highest, by integrating over the own noise."""
    own = np.linspace(-5, 5, 801)
    weight = np.exp(-(own**2) / 2) / np.exp(-(own**2) / 2).sum()
    beats = [
        np.array([0.5 * math.erfc(-(score + sd / math.sqrt(2) * z - rival) / sd) for z in own]) for rival in rivals
    ]
    return float((weight * np.prod(beats, axis=0)).sum())


def test_every_figure_lies_inside_its_interval(found: Audit) -> None:
    for row in found.levels:
        for estimate in (row.incentive.share, row.incentive.gain, row.incentive.burnt):
            assert estimate.low <= estimate.value <= estimate.high
        for price in row.prices:
            if price.effort is not None:
                assert (price.low or 0.0) <= price.effort <= (price.high or math.inf)
        for shape, edge in row.critical_stakes.items():
            bounds = row.critical_stakes_interval[shape]
            assert edge is None or (bounds.low or 0.0) <= edge <= (bounds.high or math.inf)
        tau, bounds = row.kendall_tau_to_reference, row.kendall_tau_interval
        assert bounds.low <= tau <= bounds.high


def test_a_missing_price_says_why_and_an_extrapolated_one_how_far_the_measurements_go(found: Audit) -> None:
    prices = [(row.level, p) for row in found.levels for p in row.prices]
    assert any(p.effort is None for _, p in prices)
    for level, p in prices:
        assert (p.effort is None) == (p.cost is None) == (not p.reachable) == (p.reason is not None)
        assert p.extrapolated == (p.effort is None or level + p.effort > 3000)
        assert p.measured_bound == (3000 - level if p.extrapolated else None)
        assert p.effort is None or p.effort == round(p.effort)  # whole steps


def test_summaries_of_a_level_are_those_of_its_prices(found: Audit) -> None:
    for row in found.levels:
        costs = [math.inf if p.cost is None else p.cost for p in row.prices]
        assert row.unreachable == costs.count(math.inf)
        assert row.cheapest_price == (min(costs) if min(costs) < math.inf else None)
        median = float(np.median(costs))
        assert row.median_price == (median if median < math.inf else None)
        assert row.tied == sum(p.tied for p in row.prices)


def test_the_decision_is_the_least_measured_level_that_is_enough(found: Audit) -> None:
    enough = [row.level for row in found.levels if row.incentive.suffices >= needed_share(100, 0.95)]
    decision = found.decision
    assert decision.level == (enough[0] if enough else None)
    assert decision.incentive_before == found.levels[0].incentive.share
    if decision.level is not None:
        row = next(row for row in found.levels if row.level == decision.level)
        assert (decision.incentive, decision.suffices) == (row.incentive.share, row.incentive.suffices)
        assert decision.cost == 4 * decision.level  # four models, a step costs one


def test_the_verdict_among_developers_who_know_the_scores_follows_the_draws(found: Audit) -> None:
    for row in found.levels:
        edge = row.critical_stakes_interval["winner"]
        if row.verdict == "exists":
            assert edge.low is None or edge.low >= 500
        if row.verdict == "none":
            assert edge.high is not None and edge.high < 500
        assert (row.witness is None) <= (row.verdict != "none")
        if row.verdict == "exists":
            assert row.measured_verdict == "exists"


def test_a_level_beyond_the_measurements_is_marked_and_never_recommended() -> None:
    found = audit(field(), levels=[0.0, 5000.0], draws=20, backtest_fraction=None)
    beyond = found.levels[1]
    assert beyond.extrapolated and not beyond.measured
    assert set(beyond.estimated) == set(beyond.ranking)
    assert found.decision.level in (None, 0.0)


def test_a_level_beyond_the_horizon_of_every_model_is_refused() -> None:
    with pytest.raises(InputError, match="levels must be at most 6000, as far as a forecast is made"):
        audit(field(), levels=[0.0, 6001.0], draws=20, backtest_fraction=None)


def test_the_strict_curves_agree_with_the_levels(found: Audit) -> None:
    by_shape = {curve.shape: curve for curve in found.stakes}
    assert set(by_shape) == {"winner", "linear"}
    for curve in found.stakes:
        assert curve.levels[0] == 0 and curve.levels[-1] == found.reference_level
        assert all(low <= mid <= high for low, mid, high in zip(curve.low, curve.stakes, curve.high, strict=True))
        at_zero = found.levels[0].critical_stakes[curve.shape]
        assert curve.stakes[0] == (math.inf if at_zero is None else at_zero)


def test_the_incentive_curve_agrees_with_the_levels(found: Audit) -> None:
    drawn = dict(zip(found.incentive_curve.levels, found.incentive_curve.share, strict=True))
    for row in found.levels:
        assert drawn[row.level] == row.incentive.share.value


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
    assert found.rewards_assumed and found.rewards == "linear:1500"
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


def test_an_audit_of_many_models_says_what_its_figures_rest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.auditing.notes.MANY_MODELS", 3)
    monkeypatch.setattr("headstart.auditing.levels.MANY_MODELS", 3)
    found = audit(field(), draws=20, backtest_fraction=None)
    assert any("every share and interval rests on 20 posterior draws" in note for note in found.notes)
    assert found.incentive_curve.levels == tuple(level.level for level in found.levels)
