"""Strategic rank intervals hold every equilibrium of small games, and are what plain loops over pairs give."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, Points, PointsCost, PowerCost
from headstart.contest.rewards import geometric, linear, top, winner
from headstart.errors import InputError
from headstart.solve.incentive import ScoreNoise
from headstart.solve.simultaneous import pair_radii, range_quantile, two_sided
from headstart.solve.strategic_ranks import certain_pairs, strategic_ranks, strategic_ranks_of_paths
from small_games import largest_mass, payoffs_with_noise, payoffs_without_noise, profiles

SHAPES = {
    "linear": linear,
    "winner": winner,
    "top": lambda n, value: top(n, value, k=max(n - 1, 1)),
    "geometric": lambda n, value: geometric(n, value, ratio=0.5),
}


def random_curve(rng):
    kind = rng.integers(3)
    if kind == 0:
        return LogitPower(L=0.2, U=rng.uniform(0.6, 0.9), alpha=rng.normal(), beta=rng.uniform(0.3, 1.5))
    if kind == 1:
        return Linear(intercept=rng.uniform(0.2, 0.8), slope=rng.choice([0.0, 0.05, 0.2]))
    steps = np.sort(np.round(rng.uniform(0.2, 0.8, 3), 1))  # plateaus, and scores that tie
    return Points(effort=[0.0, 1.0, 3.0], score=steps)


def random_cost(rng):
    if rng.random() < 0.3:
        return PointsCost(effort=[0.0, 1.0, 2.0], cost=[0.0, rng.choice([0.0, 0.2]), 1.0])
    return PowerCost(scale=rng.uniform(0.2, 1.0), exponent=rng.choice([1.0, 1.5]), free=rng.choice([0.0, 0.0, 1.0]))


def random_contest(rng, n):
    shape = SHAPES[rng.choice(list(SHAPES))]
    return Contest(
        names=tuple("abcd"[:n]),
        curves=CurveTable.of([random_curve(rng) for _ in range(n)]),
        costs=CostTable.of([random_cost(rng) for _ in range(n)]),
        rewards=shape(n, float(rng.uniform(0.1, 2.0))),
        level=float(rng.choice([0.0, 1.0])),
        max_effort=rng.choice([0.5, 3.0, np.inf], n),
        tie_break=str(rng.choice(["capability", "listed"])),
    )


def grid(rng, contest, points):
    top_efforts = np.minimum(np.minimum(contest.max_effort, contest.costs.effort_at(contest.rewards[0] * 1.3)), 20.0)
    return [np.unique(np.r_[0.0, t * rng.uniform(0.02, 1.0, points - 2), t]) for t in top_efforts]


def outside(contest, efforts, table, found):
    """Profiles in which some true score lies above its interval."""
    spent = np.array([[efforts[i][at] for i, at in enumerate(row)] for row in table])
    return (np.array([contest.scores(row) for row in spent]) > found.high).any(axis=1)


@pytest.mark.parametrize("n", [2, 3])
def test_every_correlated_equilibrium_of_a_small_game_lies_in_the_intervals(n):
    rng = np.random.default_rng(n)
    excluding = 0
    for _ in range(40):
        contest = random_contest(rng, n)
        efforts = grid(rng, contest, 9 if n == 2 else 5)
        table = profiles(efforts)
        payoffs, ranks = payoffs_without_noise(contest, efforts, table)
        found = strategic_ranks(contest)
        wrong = outside(contest, efforts, table, found)
        wrong |= ((ranks < found.best) | (ranks > found.worst)).any(axis=1)
        pairs = [(i, k) for i in range(n) for k in range(n) if i != k and found.surely_above(i, k)]
        for i, k in pairs:
            wrong |= ranks[:, i] > ranks[:, k]
        assert float(found.certain) == pytest.approx(len(pairs) / (n * (n - 1) / 2))
        if wrong.any() and not wrong.all():
            excluding += 1
            assert largest_mass(payoffs, table, wrong) < 1e-7
        early = strategic_ranks(contest, rounds=1)
        assert (early.high >= found.high).all() and (early.best <= found.best).all()
    assert excluding >= 15


@pytest.mark.parametrize("kind", ["common", "uneven"])
def test_every_correlated_equilibrium_under_noise_lies_in_the_intervals(kind):
    rng = np.random.default_rng(5)
    excluding = 0
    for _ in range(12):
        contest = random_contest(rng, 2)
        sd = rng.choice([0.01, 0.05, 0.2])
        noise = ScoreNoise.common(sd) if kind == "common" else ScoreNoise.independent(sd * rng.uniform(0.5, 1.5, 2))
        efforts = grid(rng, contest, 8)
        table = profiles(efforts)
        found = strategic_ranks(contest, noise=noise)
        wrong = outside(contest, efforts, table, found)
        if wrong.any():
            excluding += 1
            assert largest_mass(payoffs_with_noise(contest, efforts, table, noise), table, wrong) < 1e-7
    assert excluding >= 3


def test_ranks_that_are_nearly_certain_still_leave_small_efforts_worth_while():
    # both models can buy a tenth of a standard deviation for a thousandth of first prize, and in equilibrium they do
    tau = 0.05
    curves = CurveTable.batch(Linear(intercept=[0.5 + 2.1 * tau, 0.5], slope=0.1 * tau), 2)
    contest = Contest(
        names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(scale=0.001), 2), rewards=[1.0, 0.0],
        max_effort=1.0,
    )  # fmt: skip
    noise, efforts = ScoreNoise.common(tau), [np.array([0.0, 0.5, 1.0])] * 2
    table = profiles(efforts)
    payoffs = payoffs_with_noise(contest, efforts, table, noise)
    both = (table == 2).all(axis=1)
    assert largest_mass(payoffs, table, both) == pytest.approx(1.0)
    assert largest_mass(payoffs, table, ~both) < 1e-7
    found = strategic_ranks(contest, noise=noise)
    assert found.surely_above(0, 1) and found.effort.tolist() == pytest.approx([1.0, 1.0])


def test_observed_ranks_lie_in_their_intervals_with_the_confidence_stated():
    rng = np.random.default_rng(3)
    n, draws = 12, 20_000
    contest = Contest(
        names=tuple("abcdefghijkl"),
        curves=CurveTable.batch(
            LogitPower(L=0.2, U=rng.uniform(0.5, 0.9, n), alpha=rng.normal(size=n), beta=rng.uniform(0.3, 1.2, n)), n
        ),
        costs=CostTable.batch(PowerCost(scale=0.5), n), rewards=linear(n, 20.0), level=10.0,
    )  # fmt: skip
    uneven = rng.uniform(0.01, 0.03, n)
    for noise, sd in [(ScoreNoise.common(0.02), np.full(n, 0.02 / np.sqrt(2))),
                      (ScoreNoise.independent(uneven), uneven)]:  # fmt: skip
        found = strategic_ranks(contest, noise=noise)
        # the worst the field can do: one half at its highest scores, the other untuned
        scores = np.where(rng.random((draws, n)) < 0.5, found.low, found.high)
        observed = scores + sd * rng.normal(size=(draws, n))
        ranks = 1 + (observed[:, None, :] > observed[:, :, None]).sum(axis=2)
        assert ((ranks >= found.best) & (ranks <= found.worst)).all(axis=1).mean() >= 0.95
        assert (found.best > 1).any() and (found.worst < n).any()


def by_loops(path, cheapest, rewards, radius):
    """The same narrowing in plain loops, without noise in what is gained (radius 0) or until nothing changes."""
    n, efforts = path.shape
    top_cell = [max(k for k in range(efforts) if cheapest[i, k] <= rewards[0] - rewards[-1]) for i in range(n)]
    while True:
        high = [path[i, top_cell[i]] for i in range(n)]
        best = [1 + sum(path[j, 0] - radius > high[i] + radius for j in range(n)) for i in range(n)]
        worst = [1 + sum(high[j] + radius >= path[i, 0] - radius for j in range(n) if j != i) for i in range(n)]
        cells = [
            max(k for k in range(top_cell[i] + 1) if cheapest[i, k] <= rewards[best[i] - 1] - rewards[worst[i] - 1])
            for i in range(n)
        ]
        if cells == top_cell:
            return high, best, worst
        top_cell = cells


@pytest.mark.parametrize("least_effort", [False, True])
def test_paths_without_noise_agree_with_plain_loops(least_effort):
    rng = np.random.default_rng(8)
    batch, n, efforts = 20, 6, 9
    path = np.round(rng.uniform(0.3, 0.6, (batch, n, 1)) + np.sort(rng.uniform(0, 0.3, (batch, n, efforts))), 2)
    path[..., 1:] = np.maximum.accumulate(path, axis=-1)[..., 1:]
    cost = np.r_[0.0, np.cumsum(rng.uniform(0.1, 1.5, efforts - 1))]
    rewards = geometric(n, 6.0, ratio=0.7)
    found = strategic_ranks_of_paths(path, cost, cost, rewards=rewards, least_effort=least_effort)
    cheapest = np.r_[0.0, cost[1] if least_effort else 0.0, cost[1:-1]]
    narrowed = 0
    for b in range(batch):
        high, best, worst = by_loops(path[b], np.tile(cheapest, (n, 1)), rewards, 0.0)
        assert found.high[b].tolist() == high
        assert (found.best[b].tolist(), found.worst[b].tolist()) == (best, worst)
        narrowed += high != path[b, :, -1].tolist()
    assert narrowed > batch / 2
    assert found.certain.shape == (batch,)
    assert 0 < found.certain.mean() < 1
    pairs = [(found.low[b, i] > found.high[b]).sum() for b in range(batch) for i in range(n)]
    assert found.certain.mean() == pytest.approx(sum(pairs) / batch / (n * (n - 1) / 2))
    assert certain_pairs(found.low, found.low, found.radius).min() >= found.certain.min()


def test_paths_that_enclose_a_contest_are_no_narrower_than_it():
    rng = np.random.default_rng(2)
    for _ in range(20):
        contest = random_contest(rng, 3)
        efforts = np.r_[0.0, np.geomspace(0.01, 20.0, 60)]
        capped = np.minimum(efforts, contest.max_effort[:, None])
        score = np.stack([contest.scores(column) for column in capped.T], axis=1)
        cost = np.stack([contest.costs.cost(column) for column in capped.T], axis=1)
        for noise in (None, ScoreNoise.common(0.03)):
            exact = strategic_ranks(contest, noise=noise)
            found = strategic_ranks_of_paths(score, cost, capped, rewards=contest.rewards, noise=noise)
            if (exact.effort <= 20.0).all():
                assert (found.high >= exact.high - 1e-9).all()
                assert (found.best <= exact.best).all() and (found.worst >= exact.worst).all()


def test_who_cannot_tune_keeps_its_score():
    curves = CurveTable.batch(Linear(intercept=[0.9, 0.8], slope=1.0), 2)
    contest = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(), 2), rewards=[1.0, 0.0])
    both = strategic_ranks(contest)
    assert float(both.certain) == 0.0
    one = strategic_ranks(contest, movable=[True, False])
    assert one.effort.tolist() == [0.0, 0.0]  # the leader then has nothing to fear
    assert float(one.certain) == 1.0
    assert one.high[1] == pytest.approx(0.8)


def test_ties_are_never_certain_and_one_model_has_no_pairs():
    curves = CurveTable.batch(Linear(intercept=[0.5, 0.5], slope=0.0), 2)
    contest = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(), 2), rewards=[1.0, 0.0])
    found = strategic_ranks(contest)
    assert (found.best.tolist(), found.worst.tolist(), float(found.certain)) == ([1, 1], [2, 2], 0.0)
    alone = strategic_ranks_of_paths([[0.5, 0.6]], [0.0, 1.0], [0.0, 1.0], rewards=[1.0], noise=ScoreNoise.common(0.1))
    assert (alone.best.tolist(), alone.worst.tolist()) == ([1], [1]) and np.isnan(alone.certain)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_radii_hold_for_all_pairs_at_once(n):
    rng = np.random.default_rng(n)
    draws = 20_000
    own = rng.uniform(0.5, 2.0, n)
    factor = rng.normal(size=(n, 3)) * 0.5
    covariance = factor @ factor.T + np.diag(own**2)
    cases = [
        (ScoreNoise.common(np.sqrt(2.0)), np.eye(n), 0.005),
        (ScoreNoise.independent(own), np.diag(own**2), None),
        (ScoreNoise.covariance(covariance), covariance, None),
    ]
    for noise, matrix, exact in cases:
        shocks = rng.multivariate_normal(np.zeros(n), matrix, draws)
        for missing in (0.05, 0.01):
            radius = pair_radii(noise, n, missing)
            held = (np.abs(shocks[:, :, None] - shocks[:, None, :]) <= radius[:, None] + radius).all(axis=(1, 2)).mean()
            assert held >= 1 - missing - 0.005
            if exact:
                assert held == pytest.approx(1 - missing, abs=exact)


def test_quantiles_of_ranges_and_of_many_normals():
    assert range_quantile(2, 0.05) == pytest.approx(1.959964 * np.sqrt(2), abs=1e-5)
    assert range_quantile(20, 0.01) == pytest.approx(5.645, abs=1e-3)  # tables of the studentized range
    assert two_sided(10, 0.05) == pytest.approx(2.7996, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": 1.0}, "confidence must be between 0 and 1"),
        ({"rounds": 0}, "rounds must be >= 1"),
        ({"rewards": [1.0, 0.5, 0.0]}, "score_path must be for 3 models"),
        ({"score_path": [[0.5, 0.4], [0.1, 0.2]]}, "score_path must be non-decreasing"),
        ({"noise": ScoreNoise.independent([0.1, 0.1, 0.1])}, "noise sd must be for 2 models"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    good = {"score_path": [[0.5, 0.6], [0.1, 0.2]], "cost": [0.0, 1.0], "effort": [0.0, 1.0], "rewards": [1.0, 0.0]}
    with pytest.raises(InputError, match=message):
        strategic_ranks_of_paths(**{**good, "noise": ScoreNoise.common(0.1), **change})
