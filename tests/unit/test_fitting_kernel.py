"""The batch least-squares kernel finds the curves that scipy finds, or better ones."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.special import expit

from headstart.fitting.kernel import Prior, Problems, solve

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000.0])


def law(floor, ceiling, midpoint, slope, step=STEPS):
    return floor + (ceiling - floor) * expit(slope * (np.log1p(step) - midpoint))


def random_problems(n, seed, noise=0.005):
    rng = np.random.default_rng(seed)
    floor = rng.uniform(0.2, 0.6, n)
    ceiling = floor + rng.uniform(0, 0.35, n)
    score = law(*(v[:, None] for v in (floor, ceiling, rng.normal(5.3, 1.3, n), np.exp(rng.normal(0.2, 0.5, n)))))
    score = np.clip(score + noise * rng.standard_normal(score.shape), 0, 1)
    return np.tile(STEPS, (n, 1)), score, np.full(score.shape, noise**-2.0)


def scipy_chi2(step, score, weight, bounds):
    """Best of three starts, on the same bounds; ceiling = floor + (1 - floor) * share keeps the box a box."""
    x, root = np.log1p(step), np.sqrt(weight)

    def residual(p):
        return root * (p[0] + (1 - p[0]) * p[1] * expit(np.exp(p[3]) * (x - p[2])) - score)

    low, high = np.array([0, 0, *bounds[:, 0]]), np.array([1, 1, *bounds[:, 1]])
    starts = [[score.min(), np.ptp(score) / (1 - score.min()), midpoint, 0.0] for midpoint in (3.0, 5.0, 7.0)]
    return min(
        2 * least_squares(residual, np.clip(s, low + 1e-6, high - 1e-6), bounds=(low, high)).cost for s in starts
    )


def test_exact_curves_are_recovered():
    truth = np.array([[0.25, 0.5, 4.6, 1.2], [0.4, 0.41, 5.0, 2.0], [0.0, 1.0, 6.0, 0.8], [0.3, 0.6, 2.0, 4.0]])
    score = np.stack([law(*row) for row in truth])
    solved = solve(Problems.of(np.tile(STEPS, (4, 1)), score, np.full(score.shape, 1e6)))
    found = np.column_stack([solved.floor, solved.ceiling, solved.shape[:, 0], np.exp(solved.shape[:, 1])])
    assert found[:3] == pytest.approx(truth[:3], rel=1e-3, abs=1e-4)
    assert (solved.chi2 < 1e-3).all()  # the fourth rises between two points: many curves fit


def test_chi_square_is_no_worse_than_scipys_on_random_problems():
    problems = Problems.of(*random_problems(40, seed=5))
    solved = solve(problems)
    theirs = [scipy_chi2(STEPS, y, w, problems.bounds) for y, w in zip(problems.y, problems.weight, strict=True)]
    worse = solved.chi2 > np.array(theirs) * (1 + 1e-4) + 1e-4
    assert worse.sum() <= 1


def test_one_at_a_time_equals_the_batch():
    step, score, weight = random_problems(20, seed=1)
    together = solve(Problems.of(step, score, weight))
    for at in range(20):
        alone = solve(Problems.of(step[[at]], score[[at]], weight[[at]]))
        assert alone.chi2[0] == pytest.approx(together.chi2[at], rel=1e-9)
        assert [alone.floor[0], alone.ceiling[0]] == pytest.approx([together.floor[at], together.ceiling[at]], abs=1e-6)


def test_missing_points_count_for_nothing():
    step, score, weight = random_problems(10, seed=2)
    weight[:, 3] = 0.0
    with_gap = solve(Problems.of(step, np.where(weight > 0, score, np.nan), weight))
    keep = np.arange(10) != 3
    without = solve(Problems.of(step[:, keep], score[:, keep], weight[:, keep]))
    assert with_gap.chi2 == pytest.approx(without.chi2, rel=1e-6)


def test_a_falling_trajectory_gets_the_flat_curve_at_its_mean():
    score = np.linspace(0.5, 0.3, 10)[None]
    solved = solve(Problems.of(STEPS[None], score, np.full((1, 10), 1e4)))
    assert solved.floor[0] == pytest.approx(solved.ceiling[0])
    assert solved.floor[0] == pytest.approx(0.4)


def test_the_prior_decides_where_the_points_do_not():
    flat = np.full((1, 10), 0.4)
    prior = Prior(mean=np.array([5.0, 0.3]), sd=np.array([0.5, 0.2]))
    solved = solve(Problems.of(STEPS[None], flat, np.full((1, 10), 1e4)), prior)
    assert solved.shape[0] == pytest.approx([5.0, 0.3], abs=1e-4)
    assert solved.chi2[0] == pytest.approx(0.0, abs=1e-9)
