"""From the level found on nobody gains more than the tolerance: at many levels, and in cases with known answers."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Exponential, Linear, LogitPower, Points, PowerCost
from headstart.contest.rewards import geometric, linear, winner
from headstart.errors import InputError
from headstart.solve.incentive import ScoreNoise, incentive
from headstart.solve.incentive_level import incentive_level


def random_contest(rng, n):
    curves = LogitPower(L=0.25, U=rng.uniform(0.5, 0.9, n), alpha=rng.normal(-1, 1, n), beta=rng.uniform(0.3, 1.2, n))
    shape = [linear, winner, lambda m, value: geometric(m, value, ratio=0.7)][rng.integers(3)]
    return Contest(
        names=tuple("abcdefgh"[:n]), curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(scale=rng.uniform(0.5, 2.0, n), exponent=rng.choice([1.0, 1.5])), n),
        rewards=shape(n, float(rng.choice([30.0, 1000.0]))), noise_sd=rng.choice([0.004, 0.02]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_no_level_from_there_on_leaves_a_larger_gain(seed):
    rng = np.random.default_rng(seed)
    contest = random_contest(rng, int(rng.integers(2, 7)))
    tolerance = float(rng.choice([0.003, 0.01, 0.05]))
    found = incentive_level(contest, tolerance=tolerance)
    assert found.status in ("zero", "finite") and found.tolerance == tolerance
    levels = found.level + np.r_[0.0, np.geomspace(1e-3, 1e5, 40)]
    shares = incentive(contest, levels=levels, tolerance=0.01 * tolerance).share
    assert shares.max() <= tolerance * (1 + 1e-9)
    if found.status == "finite":
        assert found.below < found.level <= 1.05 * (1 + found.below)
        assert incentive(contest, levels=[found.below], tolerance=0.01 * tolerance).share.max() > tolerance


def test_a_smaller_tolerance_takes_a_higher_level():
    contest = random_contest(np.random.default_rng(3), 5)
    levels = [incentive_level(contest, tolerance=t).level for t in (0.001, 0.01, 0.1)]
    assert levels == sorted(levels, reverse=True) and levels[0] > levels[-1]


def test_gains_that_no_level_changes_are_found_for_good_or_for_none():
    costs = CostTable.batch(PowerCost(scale=0.01), 2)
    curves = CurveTable.batch(Linear(intercept=[0.5, 0.45], slope=0.01), 2)
    contest = Contest(names=("a", "b"), curves=curves, costs=costs, rewards=[1.0, 0.0], noise_sd=0.05)
    found = incentive_level(contest)
    assert (found.status, found.level, found.below) == ("infinite", None, 0.0)
    assert incentive_level(contest.with_rewards([0.01, 0.0])).status == "zero"
    steeper = CurveTable.batch(Linear(intercept=[0.5, 0.45], slope=[0.01, 0.02]), 2)
    other = Contest(names=("a", "b"), curves=steeper, costs=costs, rewards=[1.0, 0.0], noise_sd=0.05)
    assert incentive_level(other).status == "unknown"


def test_costs_that_start_at_nothing_still_have_a_level_where_scores_saturate():
    curves = CurveTable.of(
        [Exponential(floor=0.2, ceiling=0.9, rate=0.1), Points(effort=[0, 5, 9], score=[0.2, 0.5, 0.6])]
    )
    contest = Contest(
        names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(scale=1e-4, exponent=2.0), 2),
        rewards=[1.0, 0.0], noise_sd=0.05,
    )  # fmt: skip
    found = incentive_level(contest)
    assert found.status == "finite" and 0 < found.level < 60.0


def test_what_cannot_be_asked_says_so():
    contest = random_contest(np.random.default_rng(0), 3)
    silent = incentive_level(contest, noise=ScoreNoise.common(0.0))
    assert silent.status == "unknown" and "without noise" in silent.reason
    assert incentive_level(contest.with_rewards([1.0, 1.0, 1.0])).status == "zero"
    for bad in (0.0, 1.0):
        with pytest.raises(InputError, match="tolerance must be between 0 and 1"):
            incentive_level(contest, tolerance=bad)
