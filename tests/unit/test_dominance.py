"""Dominance and iterated dominance under noise: checked by brute force on small games and against any rivals."""

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
from headstart.contest.rewards import geometric, linear, winner
from headstart.errors import InputError
from headstart.solve.dominance import (
    dominance_level,
    iterated_dominance,
    iterated_dominance_level,
    iterated_dominance_of_paths,
    own_noise_sd,
)
from headstart.solve.dominance.bound import GainBound
from headstart.solve.dominance.slopes import first_cost, flat_from, steepest
from headstart.solve.incentive import ScoreNoise
from headstart.solve.incentive.field import reward_field
from small_games import largest_mass, payoffs_with_noise, profiles


def random_curve(rng):
    kind = rng.integers(4)
    if kind == 0:
        return LogitPower(L=0.2, U=rng.uniform(0.6, 0.9), alpha=rng.normal(-2, 2), beta=rng.uniform(0.3, 4.0))
    if kind == 1:
        return Exponential(floor=rng.uniform(0.2, 0.5), ceiling=rng.uniform(0.5, 0.9), rate=rng.uniform(0.01, 1.0))
    if kind == 2:
        return Linear(intercept=rng.uniform(0.2, 0.6), slope=rng.choice([0.0, 0.01]))
    return Points(effort=[0.0, 1.0, 4.0, 9.0], score=np.sort(np.round(rng.uniform(0.2, 0.8, 4), 1)))


def random_contest(rng, n, **more):
    shape = [linear, winner, lambda m, value: geometric(m, value, ratio=0.6)][rng.integers(3)]
    fields = {
        "curves": CurveTable.of([random_curve(rng) for _ in range(n)]),
        "costs": CostTable.of([PowerCost(scale=rng.uniform(0.02, 0.5)) for _ in range(n)]),
        "rewards": shape(n, float(rng.uniform(0.2, 2.0))),
    }
    return Contest(names=tuple("abcdef"[:n]), **{**fields, **more})


@pytest.mark.parametrize("seed", range(10))
def test_slopes_are_those_of_the_curve_on_a_fine_grid(seed):
    rng = np.random.default_rng(seed)
    curves = CurveTable.of([random_curve(rng) for _ in range(5)])
    low, width = rng.uniform(0.0, 8.0, 5), rng.uniform(0.1, 30.0, 5)
    at = low + width * np.linspace(0.0, 1.0, 4_001)[:, None]
    score = np.stack([curves.score(row) for row in at])
    slope = (np.diff(score, axis=0) / np.diff(at, axis=0)).max(axis=0)
    assert steepest(curves, low, low + width) == pytest.approx(slope, rel=2e-2, abs=1e-9)
    assert (steepest(curves, low, low + width) >= slope - 1e-9).all()
    assert (steepest(curves, low) >= steepest(curves, low, low + width)).all()


@pytest.mark.parametrize("seed", range(30))
def test_curves_are_flat_from_the_least_effort_on(seed):
    rng = np.random.default_rng(seed)
    curves = CurveTable.of([random_curve(rng) for _ in range(6)])
    for allowed in (0.0, 1e-5, 1e-3, 0.02, 0.3):
        start = flat_from(curves, allowed)
        known = np.isfinite(start)
        there = steepest(curves, np.where(known, start, 0.0))
        assert (there[known] <= allowed * (1 + 1e-9) + 1e-15).all()
        inner = known & (start > 0)
        before = steepest(curves, np.where(inner, start * (1 - 1e-6), 0.0))
        assert (before[inner] > allowed).all()
        assert (steepest(curves, 100.0)[~known] > allowed).all()


def test_the_first_step_costs_the_slope_at_0():
    costs = CostTable.of(
        [
            PowerCost(scale=2.0),
            PowerCost(scale=2.0, exponent=1.5),
            PowerCost(scale=2.0, free=1.0),
            PointsCost(effort=[0.0, 2.0, 3.0], cost=[0.0, 1.0, 4.0]),
        ]
    )
    assert first_cost(costs).tolist() == [2.0, 0.0, 0.0, 0.5]


@pytest.mark.parametrize("n", [2, 3, 6])
def test_the_own_noise_is_what_the_others_noise_does_not_tell(n):
    rng = np.random.default_rng(n)
    factor = rng.normal(size=(n, 2))
    matrix = factor @ factor.T + np.diag(rng.uniform(0.5, 2.0, n))
    for covariance in (matrix, np.diag(np.diag(matrix)), np.eye(n), 0.5 * np.eye(n) + 0.5):
        # a large shock that all share changes no rank, and hides everything but differences
        blurred = covariance + 1e6
        inverse = np.linalg.inv(blurred)
        expected = 1 / np.sqrt(np.diag(inverse))
        assert own_noise_sd(ScoreNoise.covariance(covariance), n) == pytest.approx(expected, rel=1e-4)
    # a rival without noise is a fixed mark: nothing of the own noise is lost or added
    assert own_noise_sd(ScoreNoise.independent([0.3, 0.0, 0.0][:n] if n < 4 else [0.3] + [0.0] * (n - 1)), n)[
        0
    ] == pytest.approx(0.3)
    same = ScoreNoise.covariance(np.full((n, n), 0.2))
    assert own_noise_sd(same, n).tolist() == [0.0] * n


@pytest.mark.parametrize("seed", range(12))
def test_from_the_dominance_level_on_no_effort_gains_whatever_the_others_do(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    sd = rng.uniform(0.03, 0.3, n)
    contest = random_contest(rng, n, noise_sd=sd)
    found = dominance_level(contest)
    checked = 0
    for i in np.flatnonzero(np.isfinite(found.levels)):
        level = float(found.levels[i])
        game = contest.at_level(level * (1 + 1e-9))
        for _ in range(6):
            # any efforts of the others, any rewards for ranks between the same first and last
            rivals = rng.choice([0.0, 0.1, 1.0, 10.0, 1000.0], n)
            middle = np.sort(rng.choice([0.0, 1.0, rng.random()], n - 2))[::-1]
            stake = contest.rewards[0] - contest.rewards[-1]
            rewards = contest.rewards[-1] + stake * np.r_[1.0, middle, 0.0]
            scores = np.array(game.scores(np.where(np.arange(n) == i, 0.0, rivals)))
            field = reward_field(scores, rewards, ScoreNoise.independent(sd))
            efforts = np.r_[0.0, np.geomspace(1e-6, 1e4, 200)]
            reached = contest.curves[i].score(game.level + efforts)
            earned = field.value(np.full(efforts.size, i), reached)
            gain = earned - earned[0] - contest.costs[i].cost(efforts)
            assert gain.max() <= 1e-9 * stake
            checked += 1
    assert checked or not np.isfinite(found.levels).any()


def test_the_dominance_level_is_sharp_for_two_models():
    curves = CurveTable.of([Exponential(floor=0.2, ceiling=0.9, rate=0.01), Linear(intercept=0.7, slope=0.0)])
    costs = CostTable.batch(PowerCost(scale=0.001), 2)
    contest = Contest(names=("a", "b"), curves=curves, costs=costs, rewards=[1.0, 0.0], noise_sd=0.05)
    found = dominance_level(contest)
    assert found.status == "finite" and found.levels[1] == 0.0
    level = found.level * (1 - 1e-3)
    score = contest.curves[0].score(level)
    field = reward_field(np.array([score, score]), contest.rewards, ScoreNoise.of(contest))  # a rival just there
    efforts = np.r_[0.0, 0.01]
    earned = field.value(np.zeros(2, dtype=int), contest.curves[0].score(level + efforts))
    assert earned[1] - earned[0] > 0.001 * 0.01


def test_levels_that_do_not_exist_say_why():
    costs = CostTable.batch(PowerCost(scale=0.001), 2)
    lines = CurveTable.batch(Linear(intercept=[0.5, 0.4], slope=0.1), 2)
    game = {"names": ("a", "b"), "rewards": [1.0, 0.0]}
    rising = dominance_level(Contest(**game, curves=lines, costs=costs, noise_sd=0.01))
    assert rising.status == "infinite" and "keeps rising by 0.1 a step" in rising.reason
    curves = CurveTable.batch(Exponential(floor=0.2, ceiling=[0.9, 0.8], rate=0.01), 2)
    assert dominance_level(Contest(**game, curves=curves, costs=costs)).status == "unknown"
    free = CostTable.batch(PowerCost(scale=0.001, free=3.0), 2)
    without = dominance_level(
        Contest(**game, curves=CurveTable.batch(LogitPower(L=0, U=1, alpha=[0, 1], beta=1), 2), costs=costs)
    )
    assert (without.status, without.levels.tolist()) == ("unknown", [np.inf, np.inf])
    assert "costs a nothing" in dominance_level(Contest(**game, curves=curves, costs=free, noise_sd=0.01)).reason
    open_level = iterated_dominance_level(Contest(**game, curves=curves, costs=free, noise_sd=0.01))
    assert (open_level.status, open_level.level) == ("unknown", None)
    equal = dominance_level(Contest(names=("a", "b"), rewards=[1.0, 1.0], curves=lines, costs=costs))
    assert (equal.status, equal.level) == ("zero", 0.0)
    # where nothing is contested, efforts that cost nothing remain
    worthless = Contest(names=("a", "b"), rewards=[1.0, 1.0], curves=lines, costs=free, noise_sd=0.01)
    found = iterated_dominance(worthless)
    assert not found.unique and found.effort == pytest.approx([3.0, 3.0])
    assert iterated_dominance(Contest(names=("a", "b"), rewards=[1.0, 1.0], curves=lines, costs=costs)).unique
    capped = Contest(**game, curves=lines, costs=costs, noise_sd=0.01, max_effort=0.0)
    assert dominance_level(capped).status == "zero"
    assert iterated_dominance(capped).unique


def random_noise(rng, n, rewards):
    sd = float(rng.choice([0.02, 0.1, 0.3]))
    kind = rng.integers(3 if np.ptp(np.diff(rewards)) < 1e-12 else 2)
    if kind == 0:
        return ScoreNoise.common(sd)
    if kind == 1:
        return ScoreNoise.independent(sd * rng.uniform(0.5, 1.5, n))
    factor = rng.normal(size=(n, 2)) * sd * 0.5
    return ScoreNoise.covariance(factor @ factor.T + np.diag(rng.uniform(0.2, 1.0, n) * sd**2))


@pytest.mark.parametrize("n", [2, 3])
def test_no_correlated_equilibrium_uses_a_deleted_effort(n):
    rng = np.random.default_rng(10 + n)
    excluding = unique = 0
    for _ in range(60 if n == 2 else 25):
        contest = random_contest(rng, n, level=float(rng.choice([0.0, 3.0, 30.0])))
        noise = random_noise(rng, n, contest.rewards)
        most = np.minimum(contest.costs.effort_at(1.1 * contest.rewards[0]), 60.0)
        efforts = [np.unique(np.r_[0.0, t * rng.uniform(0.0, 1.0, 7 if n == 2 else 3), 0.01, t]) for t in most]
        table = profiles(efforts)
        found = iterated_dominance(contest, noise=noise)
        spent = np.array([[efforts[i][at] for i, at in enumerate(row)] for row in table])
        reached = np.array([contest.scores(row) for row in spent])
        wrong = (reached > found.high * (1 + 1e-12)).any(axis=1)
        if not wrong.any():
            continue
        excluding += 1
        unique += found.unique
        assert largest_mass(payoffs_with_noise(contest, efforts, table, noise), table, wrong) < 1e-7
    assert excluding >= 10 and unique >= 2


@pytest.mark.parametrize("compiled", [False, True])
def test_no_correlated_equilibrium_of_a_grid_uses_an_effort_deleted_from_paths(compiled):
    if compiled:
        pytest.importorskip("numba")
    rng = np.random.default_rng(4)
    excluding = unique = 0
    for _ in range(25):
        contest = random_contest(rng, 3, level=float(rng.choice([0.0, 3.0, 30.0])))
        noise = ScoreNoise.common(float(rng.choice([0.02, 0.1, 0.3])))
        efforts = np.r_[0.0, np.geomspace(0.5, 30.0, 4)]
        score = np.stack([contest.scores(np.full(3, e)) for e in efforts], axis=1)
        cost = np.stack([contest.costs.cost(np.full(3, e)) for e in efforts], axis=1)
        found = iterated_dominance_of_paths(
            score, cost, rewards=contest.rewards, noise=noise, least_effort=True, compiled=compiled
        )
        table = profiles([efforts] * 3)
        reached = score[np.arange(3), table]
        wrong = (reached > found.high).any(axis=1)
        if not wrong.any():
            continue
        excluding += 1
        unique += bool(found.unique)
        assert largest_mass(payoffs_with_noise(contest, [efforts] * 3, table, noise), table, wrong) < 1e-7
    assert excluding >= 8 and unique >= 2


@pytest.mark.parametrize("shape", [linear, winner])
def test_bounds_on_gains_and_slopes_hold_for_any_rivals_and_are_sharp_against_known_ones(shape):
    rng = np.random.default_rng(12)
    n = 5
    rewards, sd = shape(n, 4.0), rng.uniform(0.02, 0.1, n)
    noise = ScoreNoise.independent(sd)
    bound = GainBound.of(rewards, noise)
    for _ in range(40):
        low = rng.uniform(0.4, 0.6, n)
        high = low + rng.choice([0.0, 0.01, 0.1], n)
        most, slope = bound.gain(low, high), bound.slope(low, high)
        field = reward_field(low + rng.random(n) * (high - low), rewards, noise)
        for i in range(n):
            ends = np.array([low[i], high[i]])
            earned = field.value(np.full(2, i), ends)
            assert earned[1] - earned[0] <= most[i] + 1e-12
            at = low[i] + rng.random() * (high[i] - low[i])
            near = field.value(np.full(2, i), np.array([at - 1e-5, at + 1e-5]))
            assert high[i] == low[i] or (near[1] - near[0]) / 2e-5 <= slope[i] * (1 + 1e-6)
    if shape is linear:
        at = np.array([0.5, 0.51, 0.52, 0.9, 0.1])
        field = reward_field(at, rewards, noise)
        near = field.value(np.repeat(np.arange(n), 2), (at[:, None] + [-1e-5, 1e-5]).ravel()).reshape(n, 2)
        assert bound.slope(at, at + 1e-9) == pytest.approx((near[:, 1] - near[:, 0]) / 2e-5, rel=1e-4)


def test_the_compiled_sweep_deletes_the_same_efforts():
    pytest.importorskip("numba")
    rng = np.random.default_rng(6)
    batch, n, efforts = (4, 8), 15, 20
    score = rng.uniform(0.3, 0.6, (*batch, n, 1)) + np.sort(rng.uniform(0, 0.1, (*batch, n, efforts)))
    cost = np.r_[0.0, np.cumsum(rng.uniform(0, 2.0, efforts - 1))] * rng.uniform(0.2, 1.0, (*batch, n, 1))
    noise = ScoreNoise.common(np.geomspace(0.003, 0.3, 8))
    for rewards in (linear(n, 14.0), geometric(n, 9.0, ratio=0.8)):
        same = {"rewards": rewards, "noise": noise, "least_effort": True}
        slow = iterated_dominance_of_paths(score, cost, compiled=False, **same)
        fast = iterated_dominance_of_paths(score, cost, compiled=True, **same)
        assert fast.high == pytest.approx(slow.high, abs=1e-12)
        assert (fast.unique == slow.unique).all()
        assert (slow.high < score[..., -1]).mean() > 0.3


def test_paths_are_no_narrower_than_the_contest_they_enclose():
    rng = np.random.default_rng(1)
    for _ in range(15):
        contest = random_contest(rng, 3, level=5.0)
        noise = ScoreNoise.common(0.1)
        exact = iterated_dominance(contest, noise=noise)
        efforts = np.r_[0.0, np.geomspace(1e-3, float(contest.costs.effort_at(contest.rewards[0]).max()), 300)]
        score = np.stack([contest.scores(np.full(3, e)) for e in efforts], axis=1)
        cost = np.stack([contest.costs.cost(np.full(3, e)) for e in efforts], axis=1)
        found = iterated_dominance_of_paths(score, cost, rewards=contest.rewards, noise=noise)
        assert (found.high >= exact.high - 1e-9).all()
        assert not found.unique or exact.unique


def test_iterated_dominance_settles_lower_levels_than_dominance():
    rng = np.random.default_rng(0)
    n = 8
    curves = LogitPower(L=0.25, U=rng.uniform(0.5, 0.9, n), alpha=rng.normal(-1, 1, n), beta=rng.uniform(0.3, 1.2, n))
    contest = Contest(
        names=tuple("abcdefgh"), curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(), n), rewards=linear(n, 500.0), noise_sd=0.01,
    )  # fmt: skip
    simple, found = dominance_level(contest), iterated_dominance_level(contest)
    assert found.status == simple.status == "finite"
    assert found.level < 0.7 * simple.level
    assert found.below < found.level <= found.below + 2e-3 * (1 + found.level)
    # with noise this small the next levels below may have other equilibria: there the question stays open
    assert not iterated_dominance(contest, level=0.5 * found.below).unique
    listed = iterated_dominance_level(contest, levels=[0.0, found.level, simple.level])
    assert listed.level == found.level and listed.unique.tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": [1.0]}, "score_path must be for 1 models"),
        ({"cost": [0.0, -1.0]}, "cost must be non-decreasing"),
        ({"noise": ScoreNoise.independent([0.1])}, "noise sd must be for 2 models"),
    ],
)
def test_bad_paths_are_refused(change, message):
    good = {"score_path": [[0.5, 0.6], [0.1, 0.2]], "cost": [0.0, 1.0], "rewards": [1.0, 0.0]}
    with pytest.raises(InputError, match=message):
        iterated_dominance_of_paths(**{**good, "noise": ScoreNoise.common(0.1), **change})


@pytest.mark.parametrize(
    ("levels", "message"), [([], "levels must be a non-empty list"), ([1.0, 0.5], "levels must be rising")]
)
def test_bad_levels_are_refused(levels, message):
    contest = random_contest(np.random.default_rng(0), 2, noise_sd=0.1)
    with pytest.raises(InputError, match=message):
        iterated_dominance_level(contest, levels=levels)
