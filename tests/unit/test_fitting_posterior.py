"""Draws follow the posterior that the docstring states, and the shared prior is learnt from the models that know."""

import numpy as np
import pytest
from scipy.special import expit

from headstart.fitting.kernel import Prior, Problems
from headstart.fitting.posterior import draw_curves, shared_prior

STEPS = np.array([0, 10, 100, 400, 1000, 4000.0])


def by_brute_force(score, sd, prior, bounds, count=400_000):
    """Weighted curves from the prior itself: flat in first and last score, normal in midpoint and log slope."""
    rng = np.random.default_rng(1)
    near = np.clip(score[[0, -1]][:, None] + 4 * sd * np.array([-1, 1]), 0, 1)  # beyond, the likelihood is nothing
    first, last = near[:, :1] + (near[:, 1:] - near[:, :1]) * rng.random((2, count))
    shape = prior.mean + prior.sd * rng.standard_normal((count, 2))
    x = np.log1p(STEPS)
    f = expit(np.exp(shape[:, 1:]) * (x - shape[:, :1]))
    gain = (last - first) / (f[:, -1] - f[:, 0])
    floor = first - gain * f[:, 0]
    inside = (gain >= 0) & (floor >= 0) & (floor + gain <= 1)
    inside &= ((shape >= bounds[:, 0]) & (shape <= bounds[:, 1])).all(axis=1)
    curve = floor[:, None] + gain[:, None] * f
    weight = np.where(inside, np.exp(-0.5 * (((curve - score) / sd) ** 2).sum(axis=1)), 0.0)
    return floor, floor + gain, shape, weight / weight.sum()


@pytest.mark.parametrize(
    "score",
    [
        [0.30, 0.32, 0.42, 0.50, 0.55, 0.57],  # its own shape
        [0.50, 0.47, 0.52, 0.49, 0.50, 0.48],  # no gain
        [0.02, 0.05, 0.01, 0.04, 0.20, 0.45],  # at the bottom, still rising
        [0.80, 0.90, 0.97, 0.99, 0.98, 1.00],  # at the top
    ],
)
def test_draws_have_the_moments_of_the_posterior(score):
    sd = 0.05
    problems = Problems.of(STEPS[None], np.array([score]), np.full((1, 6), sd**-2.0))
    prior = Prior(mean=np.array([5.0, 0.2]), sd=np.array([1.0, 0.5]))
    floor, ceiling, shape, weight = by_brute_force(np.array(score), sd, prior, problems.bounds)
    found = draw_curves(problems, prior, draws=6000, seed=0)
    pairs = [
        (floor, found.floor[:, 0]),
        (ceiling, found.ceiling[:, 0]),
        (shape[:, 0], found.shape[:, 0, 0]),
        (shape[:, 1], found.shape[:, 0, 1]),
    ]
    for exact, drawn in pairs:
        mean = weight @ exact
        spread = np.sqrt(weight @ (exact - mean) ** 2)
        assert drawn.mean() == pytest.approx(mean, abs=0.08 * spread)
        assert drawn.std() == pytest.approx(spread, rel=0.08)


def test_the_prior_is_learnt_from_the_models_that_determine_their_shape():
    rng = np.random.default_rng(0)
    midpoint, slope = rng.normal(4.0, 0.3, 60), np.exp(rng.normal(0.6, 0.2, 60))
    x = np.log1p(STEPS)
    rising = 0.3 + 0.3 * expit(slope[:, None] * (x - midpoint[:, None])) + 0.002 * rng.standard_normal((60, 6))
    flat = 0.4 + 0.002 * rng.standard_normal((20, 6))
    score = np.vstack([rising, flat])
    prior = shared_prior(Problems.of(np.tile(STEPS, (80, 1)), score, np.full(score.shape, 0.002**-2)))
    assert prior.mean == pytest.approx([4.0, 0.6], abs=0.2)
    assert 0.2 < prior.sd[0] < 0.6
    assert 0.1 < prior.sd[1] < 0.4


def test_a_single_flat_model_leaves_the_default_prior():
    problems = Problems.of(STEPS[None], np.full((1, 6), 0.4), np.full((1, 6), 1e4))
    prior = shared_prior(problems)
    assert prior.mean == pytest.approx([(np.log(11) + np.log(4001)) / 2, 0.0], abs=0.7)
    assert prior.sd[0] > 1.0
