"""The incentive to game is what simulated rankings and a search over all efforts say it is."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, Points, PointsCost, PowerCost
from headstart.contest.rewards import geometric, linear, top, winner
from headstart.errors import InputError
from headstart.solve.incentive import ScoreNoise, effort_grid, incentive, incentive_of_paths
from headstart.solve.incentive.count import ERROR, ExpectedCount
from headstart.solve.incentive.field import IntegratedField, PairwiseField, SeparateFields, reward_field
from headstart.solve.pure import solve_pure


def random_contest(rng, n, rewards, **more):
    curves = LogitPower(
        L=np.full(n, 0.25), U=rng.uniform(0.5, 0.9, n), alpha=rng.normal(-1, 1, n), beta=rng.uniform(0.3, 1.2, n)
    )
    return Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(scale=rng.uniform(0.5, 2.0, n)), n),
        rewards=rewards,
        **more,
    )


def covariance(rng, n, sd):
    factor = rng.normal(size=(n, 3)) * 0.5 * sd
    return factor @ factor.T + np.diag(rng.uniform(0.5, 1.5, n) * sd**2)


def paths_of(contest, efforts):
    """Scores and costs of everybody at many efforts, shape (models, efforts)."""
    spent = effort_grid(np.minimum(contest.costs.effort_at(contest.rewards[0] - contest.rewards[-1]), 1e6), efforts)
    score = np.stack([contest.curves.score(contest.level + e) for e in spent.T], axis=1)
    return score, np.stack([contest.costs.cost(e) for e in spent.T], axis=1), spent


@pytest.mark.parametrize("sd", [1e-7, 0.003, 0.2, 5.0])
def test_the_count_of_beaten_rivals_is_the_sum_over_rivals(sd):
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.2, 0.8, 200)
    at = np.r_[rng.uniform(0.0, 1.0, 500), scores, scores + sd * rng.normal(size=200)]
    direct = PairwiseField(scores=scores, worth=1.0, sd=np.full((200, 200), sd), tie_break="capability")
    model = rng.integers(0, 200, at.size)
    computed = reward_field(scores, linear(200, 199.0), ScoreNoise.common(sd)).value(model, at)
    # a score rounded in its last place moves a count by 1e-16 / sd
    assert np.abs(computed - direct.value(model, at)).max() < 200 * (ERROR + 1e-16 / sd)


def test_far_away_scores_beat_everybody_or_nobody():
    count = ExpectedCount.of(np.array([0.1, 0.5, 0.9]), 1e-3)
    assert count.at(np.array([-1e300, 0.3, 0.7, 1e300])).tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("kind", ["common", "independent", "covariance"])
@pytest.mark.parametrize("shape", ["linear", "winner", "top", "geometric"])
def test_expected_rewards_agree_with_simulated_rankings(kind, shape):
    rng = np.random.default_rng(7)
    n, draws = 8, 200_000
    rewards = {"linear": linear(n), "winner": winner(n), "top": top(n, k=3), "geometric": geometric(n, ratio=0.6)}[
        shape
    ]
    matrix = {
        "common": 0.05**2 * (0.4 + 0.6 * np.eye(n)),
        "independent": np.diag(rng.uniform(0.02, 0.08, n) ** 2),
        "covariance": covariance(rng, n, 0.05),
    }[kind]
    noise = ScoreNoise.covariance(matrix)
    scores = rng.uniform(0.4, 0.6, n)
    if kind == "covariance" and shape != "linear":
        with pytest.raises(InputError, match="noise must be independent"):
            reward_field(scores, rewards, noise)
        return
    field = reward_field(scores, rewards, noise)
    shocks = rng.multivariate_normal(np.zeros(n), matrix, draws)
    for i in (0, 3, 7):
        for raised in (0.0, 0.03, 0.2):
            true = scores.copy()
            true[i] += raised
            observed = true + shocks
            rank = (observed > observed[:, i : i + 1]).sum(axis=1)
            earned = rewards[rank] - rewards[-1]
            error = earned.std() / np.sqrt(draws)
            computed = field.value(np.array([i]), true[i : i + 1])[0]
            assert computed == pytest.approx(earned.mean(), abs=5 * error + 20 / draws)  # events too rare to be seen


@pytest.mark.parametrize("n", [3, 9, 40])
@pytest.mark.parametrize("uneven", [False, True])
def test_both_ways_to_integrate_over_the_own_noise_agree(n, uneven):
    rng = np.random.default_rng(n)
    scores, sd = rng.uniform(0.3, 0.5, n), rng.uniform(0.004, 0.03, n) if uneven else np.full(n, 0.01)
    rewards = geometric(n, ratio=0.7)
    one = reward_field(scores, rewards, ScoreNoise.independent(sd))
    other = SeparateFields(scores=scores, rewards=rewards, sd=sd)
    assert isinstance(one, IntegratedField)
    model, at = rng.integers(0, n, 60), rng.uniform(0.25, 0.6, 60)
    assert one.value(model, at) == pytest.approx(other.value(model, at), abs=1e-10)


def test_uneven_rewards_computed_by_integration_agree_with_the_exact_even_ones():
    rng = np.random.default_rng(3)
    scores, n = rng.uniform(0.3, 0.5, 12), 12
    noise = ScoreNoise.independent(rng.uniform(0.01, 0.03, n))
    almost = linear(n, 11.0) + np.r_[1e-6, np.zeros(n - 1)]
    model, at = rng.integers(0, n, 50), rng.uniform(0.25, 0.6, 50)
    exact = reward_field(scores, linear(n, 11.0), noise)
    integrated = reward_field(scores, almost, noise)
    assert isinstance(exact, PairwiseField)
    assert isinstance(integrated, IntegratedField)
    assert integrated.value(model, at) == pytest.approx(exact.value(model, at), abs=2e-6)


@pytest.mark.parametrize("shape", ["linear", "winner"])
@pytest.mark.parametrize("kind", ["common", "independent"])
def test_the_enclosure_of_a_contest_holds_the_best_of_many_efforts(shape, kind):
    rng = np.random.default_rng(11)
    for _ in range(4):
        n = int(rng.integers(2, 9))
        rewards = (linear if shape == "linear" else winner)(n, 200.0)
        contest = random_contest(rng, n, rewards, level=float(rng.choice([0.0, 5.0, 100.0])))
        noise = ScoreNoise.common(0.01) if kind == "common" else ScoreNoise.independent(rng.uniform(0.005, 0.02, n))
        found = incentive(contest, noise=noise, tolerance=1e-5)
        assert (found.upper >= found.lower).all()
        assert (found.upper - found.lower <= 1e-5 * 200 + 1e-12).all()
        field = reward_field(contest.scores(), rewards, noise)
        for i in range(n):
            efforts = np.r_[0.0, np.geomspace(1e-4, 400.0, 4000)]
            earned = field.value(np.full(efforts.size, i), contest.curves[i].score(contest.level + efforts))
            gain = earned - earned[0] - contest.costs[i].cost(efforts)
            assert gain.max() <= found.upper[i] + 1e-9
            assert gain.max() >= found.lower[i] - 0.5  # the grid's own coarseness
            there = field.value(np.array([i]), contest.curves[i].score(contest.level + found.best_effort[i : i + 1]))
            assert there - earned[0] - found.best_cost[i] == pytest.approx(found.lower[i], abs=1e-9)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", ["common", "independent", "differences", "partly none"])
def test_paths_enclose_what_the_contest_says(kind, compiled):
    if compiled:
        pytest.importorskip("numba")
    rng = np.random.default_rng(5)
    n = 7
    contest = random_contest(rng, n, linear(n, 300.0), level=10.0)
    noise = {
        "common": ScoreNoise.common(0.01),
        "independent": ScoreNoise.independent(rng.uniform(0.005, 0.02, n)),
        "differences": ScoreNoise.covariance(covariance(rng, n, 0.01)),
        "partly none": ScoreNoise.independent(np.where(np.arange(n) < 3, 0.0, 0.01)),
    }[kind]
    exact = incentive(contest, noise=noise, tolerance=1e-6)
    score, cost, effort = paths_of(contest, 300)
    found = incentive_of_paths(score, cost, effort, rewards=contest.rewards, noise=noise, compiled=compiled)
    assert (found.lower <= exact.upper + 1e-9).all()
    assert (found.upper >= exact.lower - 1e-9).all()
    assert (found.upper - found.lower).max() < 0.1 * 300
    if kind == "common":
        assert found.lower == pytest.approx(exact.lower, abs=0.02 * 300)


@pytest.mark.parametrize("kind", ["common", "independent", "differences"])
@pytest.mark.parametrize("tie_break", ["capability", "listed"])
def test_the_compiled_sweep_gives_the_same_numbers(kind, tie_break):
    pytest.importorskip("numba")
    rng = np.random.default_rng(2)
    batch, n, efforts = (3, 4), 9, 20
    score = np.round(rng.uniform(0.3, 0.6, (*batch, n, 1)) + np.sort(rng.uniform(0, 0.2, (*batch, n, efforts))), 2)
    score[..., 1:] = np.maximum.accumulate(score, axis=-1)[..., 1:]
    cost = np.cumsum(np.r_[0.0, rng.uniform(0, 1, efforts - 1)])
    noise = {
        "common": ScoreNoise.common(rng.uniform(0.01, 0.1, (3, 1))),
        "independent": ScoreNoise.independent(rng.choice([0.0, 0.02], (4, n))),
        "differences": ScoreNoise.differences(np.round(covariance(rng, n, 1.0).clip(0), 2)),
    }[kind]
    for last_is_cap in (False, True):
        same = {"rewards": linear(n, 8.0), "noise": noise, "tie_break": tie_break, "last_is_cap": last_is_cap}
        slow = incentive_of_paths(score, cost, cost, compiled=False, **same)
        fast = incentive_of_paths(score, cost, cost, compiled=True, **same)
        assert fast.lower == pytest.approx(slow.lower, abs=1e-11)
        assert fast.upper == pytest.approx(slow.upper, abs=1e-11)
        assert (fast.best_cost == slow.best_cost).mean() > 0.95  # equal gains may be found at either effort
        # the same draws and levels, one at a time
        for d, at in [(0, 0), (2, 3)]:
            own = ScoreNoise(kind=noise.kind, sd=np.broadcast_to(noise.sd, (*batch, *noise.sd.shape[-_INNER[kind] :])
                             if _INNER[kind] else batch)[d, at])  # fmt: skip
            alone = incentive_of_paths(score[d, at], cost, cost, **{**same, "noise": own})
            assert alone.lower == pytest.approx(slow.lower[d, at], abs=1e-11)


_INNER = {"common": 0, "independent": 1, "differences": 2}


def test_without_noise_the_incentive_is_exact_and_positive_where_nobody_tuning_is_no_equilibrium():
    rng = np.random.default_rng(9)
    verdicts = set()
    for _ in range(60):
        n = int(rng.integers(2, 6))
        contest = random_contest(
            rng, n, linear(n, float(rng.choice([0.05, 1.0, 30.0]))), level=float(rng.choice([0, 9]))
        )
        found = incentive(contest)
        assert (found.lower == found.upper).all()
        verdict = solve_pure(contest).verdict
        verdicts.add(verdict)
        assert (found.lower.max() <= 0) == (verdict == "exists")
        # the least noise gives nearly the same
        small = incentive(contest, noise=ScoreNoise.common(1e-9))
        assert small.lower == pytest.approx(found.lower, abs=2e-4 * float(contest.rewards[0]))
    assert verdicts == {"exists", "none"}


def test_ties_without_noise_follow_the_rule_of_the_contest():
    curves = CurveTable.of([Points(effort=[0, 1], score=[0.2, 0.5]), Points(effort=[0, 1], score=[0.5, 0.5])])
    costs = CostTable.batch(PowerCost(scale=0.1), 2)
    contest = Contest(names=("climber", "leader"), curves=curves, costs=costs, rewards=[1.0, 0.0])
    listed = Contest(names=("climber", "leader"), curves=curves, costs=costs, rewards=[1.0, 0.0], tie_break="listed")
    assert incentive(contest).lower.tolist() == [0.0, 0.0]
    assert incentive(listed).lower == pytest.approx([0.9, 0.0])
    path, cost = [[0.2, 0.5], [0.5, 0.5]], [0.0, 0.1]
    for tie_break, gain in (("capability", 0.0), ("listed", 0.9)):
        found = incentive_of_paths(
            np.array(path), cost, cost, rewards=[1.0, 0.0], noise=ScoreNoise.common(0.0), tie_break=tie_break
        )
        assert found.lower == pytest.approx([gain, 0.0])


def test_levels_are_rows_and_caps_bound_efforts():
    rng = np.random.default_rng(4)
    contest = random_contest(rng, 5, linear(5, 100.0), max_effort=7.0, noise_sd=0.01)
    found = incentive(contest, levels=[0.0, 50.0, 5000.0])
    assert found.lower.shape == (3, 5)
    assert found.best_effort.max() <= 7.0
    assert found.best_cost == pytest.approx(np.array([contest.costs.cost(e) for e in found.best_effort]))
    one = incentive(contest.at_level(50.0))
    assert one.lower == pytest.approx(found.lower[1])
    assert (found.largest[0] == found.lower.max(axis=1)).all()
    assert (found.share <= 1).all()


def test_convex_costs_given_by_points_and_free_effort_are_taken_as_they_are():
    curves = CurveTable.batch(Linear(intercept=[0.5, 0.45], slope=0.01), 2)
    free = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(free=10.0), 2), rewards=[1.0, 0.0])
    assert incentive(free).lower.tolist() == [0.0, 1.0]
    steep = CostTable.of([PointsCost(effort=[0, 1, 2], cost=[0, 0.1, 1.2])] * 2)
    contest = Contest(names=("a", "b"), curves=curves, costs=steep, rewards=[1.0, 0.0], noise_sd=0.05)
    found = incentive(contest, tolerance=1e-6)
    efforts = np.linspace(0, 3, 3001)
    field = reward_field(contest.scores(), contest.rewards, ScoreNoise.of(contest))
    earned = field.value(np.ones(3001, dtype=int), 0.45 + 0.01 * efforts)
    gain = earned - earned[0] - contest.costs[1].cost(efforts)
    assert found.lower[1] == pytest.approx(gain.max(), abs=1e-5)


def test_one_model_or_equal_rewards_leave_nothing_to_gain():
    rng = np.random.default_rng(0)
    alone = random_contest(rng, 1, [5.0], noise_sd=0.1)
    assert incentive(alone).upper.tolist() == [0.0]
    assert incentive(alone).share.tolist() == [0.0]
    equal = random_contest(rng, 3, [5.0, 5.0, 5.0], noise_sd=0.1)
    assert incentive(equal).upper.tolist() == [0.0] * 3


def test_covariances_are_reduced_to_what_ranks_depend_on():
    assert ScoreNoise.covariance(np.full((3, 3), 0.04) + np.diag([0.01, 0.04, 0.09])).kind == "independent"
    assert ScoreNoise.covariance(0.04 * np.eye(3)).common_sd(3) == pytest.approx(np.sqrt(0.08))
    paired = ScoreNoise.covariance([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert paired.difference_sd(3)[0] == pytest.approx([0.0, np.sqrt(0.2), np.sqrt(2.0)])
    assert paired.own_sd(3) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score_path": [[0.5, 0.4], [0.1, 0.1]]}, "score_path must be non-decreasing"),
        ({"score_path": [[0.5, np.nan], [0.1, 0.1]]}, "score_path must be finite"),
        ({"score_path": [[0.5, 0.6]]}, "score_path must be for 2 models"),
        ({"cost": [0.1, 0.2]}, "cost must be 0 for no effort"),
        ({"cost": [0.0, 1.0, 2.0]}, "cost must be of a shape"),
        ({"effort": [0.0, -1.0]}, "effort must be non-decreasing"),
        ({"noise": ScoreNoise.independent([0.1, 0.1, 0.1])}, "noise sd must be for 2 models"),
        ({"noise": ScoreNoise.common(np.full(5, 0.1))}, "noise sd must be of a shape"),
    ],
)
def test_bad_paths_are_refused(change, message):
    good = {
        "score_path": [[0.5, 0.6], [0.1, 0.1]], "cost": [0.0, 1.0], "effort": [0.0, 1.0], "rewards": [1.0, 0.0],
        "noise": ScoreNoise.common(0.1),
    }  # fmt: skip
    incentive_of_paths(**good)
    with pytest.raises(InputError, match=message):
        incentive_of_paths(**{**good, **change})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScoreNoise.common(-0.1), "noise sd must be >= 0"),
        (lambda: ScoreNoise.independent([np.inf]), "noise sd must be finite"),
        (lambda: ScoreNoise.differences([[0.0, 1.0], [0.5, 0.0]]), "a symmetric matrix"),
        (lambda: ScoreNoise.covariance([[1.0, 0.5], [0.4, 1.0]]), "covariance must be symmetric"),
        (lambda: ScoreNoise.covariance([[1.0, 3.0], [3.0, 1.0]]), "covariance must be that of some noise"),
        (lambda: effort_grid(10.0, 2), "efforts must be >= 3"),
        (lambda: effort_grid(np.inf), "most_effort must be finite"),
    ],
)
def test_bad_noise_and_grids_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
