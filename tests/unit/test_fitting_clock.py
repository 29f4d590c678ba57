"""The recursions behind the curve models, compared with dense normal algebra and with brute force."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from headstart.data.trajectories import Trajectories
from headstart.fitting import clock as clock_module
from headstart.fitting.clock import START_VARIANCE, ClockProblem, Hyper, Posterior, clock, draw_hypers
from headstart.fitting.origins import origins
from headstart.fitting.paths import draw_path, interpolate
from headstart.fitting.sample import Sample
from headstart.fitting.scoring import crps, inside

STEPS = [0.0, 10, 30, 100, 300, 1000]
HYPER = Hyper(
    gain=0.6, on_start=-0.3, gain_sd=0.4, wander=0.2, noise_factor=0.7, midpoint=(5.0, 1.0), log_slope=(0.2, 0.5)
)


def sample(count=4, seed=0, short=0) -> Sample:
    rng = np.random.default_rng(seed)
    rows = [(f"m{i}", step) for i in range(count) for step in STEPS[: len(STEPS) - (short if i == 1 else 0)]]
    return Sample.of(
        Trajectories.from_rows(
            model=[name for name, _ in rows],
            step=[step for _, step in rows],
            score=[0.4 + 0.03 * np.log1p(step) / 3 + rng.normal(0, 0.02) for _, step in rows],
            stderr=rng.uniform(0.005, 0.02, len(rows)),
        )
    )


def dense(problem: ClockProblem, model: int, cell: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and covariance of (log-odds at the points, b) before the measurements, and which points are there."""
    seen = np.isfinite(problem.variance[model])
    done = clock(problem.x[model, seen], problem.cells.midpoint[cell], np.exp(problem.cells.log_slope[cell]))
    slope = HYPER.on_start / problem.start_sd
    # in terms of the start and of what the gain has beside it
    one, done_ = np.ones(done.size), done[:, None]
    on_start, on_rest = one + slope * done, done
    size = (HYPER.wander * problem.cells.size[cell]) ** 2
    covariance = START_VARIANCE * np.outer(on_start, on_start) + HYPER.gain_sd**2 * np.outer(on_rest, on_rest)
    covariance += size * np.minimum(done_, done_.T)
    with_gain = START_VARIANCE * slope * on_start + HYPER.gain_sd**2 * on_rest
    gain = HYPER.gain_sd**2 + slope**2 * START_VARIANCE
    whole = np.block([[covariance, with_gain[:, None]], [with_gain[None, :], np.array([[gain]])]])
    return np.append(problem.start + HYPER.gain * done, HYPER.gain), whole, seen


def test_the_compiled_filter_gives_the_numbers_of_the_plain_one(monkeypatch):
    pytest.importorskip("numba")
    problem = ClockProblem.of(sample(short=2))
    found: list[Posterior] = []
    for compiled in (True, False):
        monkeypatch.setattr(clock_module, "COMPILED", compiled)
        found.append(problem.posterior(HYPER, problem.ticks()))
    for name in ("log_density", "gain", "gain_variance"):
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), rtol=1e-12, atol=1e-13)


def test_the_filter_gives_the_likelihood_and_the_gain_of_dense_algebra():
    problem = ClockProblem.of(sample(short=2))
    found = problem.posterior(HYPER, problem.ticks())
    prior = problem.cells.log_prior(HYPER)
    assert np.logaddexp.reduce(prior) == pytest.approx(0.0, abs=1e-12)
    for model in range(4):
        for cell in (0, 17, 100, 209):
            mean, covariance, seen = dense(problem, model, cell)
            points = int(seen.sum())
            noisy = covariance[:points, :points] + np.diag(HYPER.noise_factor**2 * problem.variance[model, seen])
            y = problem.y[model, seen]
            density = multivariate_normal(mean[:points], noisy).logpdf(y) + points * np.log(2 * np.pi) / 2
            assert found.log_density[model, cell] - prior[cell] == pytest.approx(density, rel=1e-9)
            weight = np.linalg.solve(noisy, covariance[:points, points])
            assert found.gain[model, cell] == pytest.approx(mean[points] + weight @ (y - mean[:points]), rel=1e-9)
            variance = covariance[points, points] - weight @ covariance[:points, points]
            assert found.gain_variance[model, cell] == pytest.approx(variance, rel=1e-7)


def test_the_start_given_the_gain_is_that_of_dense_algebra():
    problem = ClockProblem.of(sample())
    mean, covariance, _ = dense(problem, 0, 30)
    start_mean, start_variance = problem.start_given(HYPER, np.array([1.3]))
    on_gain = covariance[0, -1] / covariance[-1, -1]
    assert start_mean[0] == pytest.approx(mean[0] + on_gain * (1.3 - HYPER.gain))
    assert start_variance == pytest.approx(covariance[0, 0] - on_gain * covariance[0, -1])


def test_the_slope_of_the_cells_prior_is_that_of_differences():
    cells = ClockProblem.of(sample()).cells
    weight = np.random.default_rng(0).uniform(0, 2, cells.size.size)

    def value(z):
        moved = Hyper(
            gain=0.0, on_start=0.0, gain_sd=1.0, wander=1.0, noise_factor=1.0,
            midpoint=(z[0], np.exp(z[1])), log_slope=(z[2], np.exp(z[3])),
        )  # fmt: skip
        return weight @ cells.log_prior(moved)

    z = np.array([5.0, 0.1, 0.2, -0.6])
    slope = cells.prior_slope(
        Hyper(
            gain=0.0, on_start=0.0, gain_sd=1.0, wander=1.0, noise_factor=1.0,
            midpoint=(z[0], np.exp(z[1])), log_slope=(z[2], np.exp(z[3])),
        ),
        weight,
    )  # fmt: skip
    by_differences = [(value(z + 1e-5 * e) - value(z - 1e-5 * e)) / 2e-5 for e in np.eye(4)]
    assert slope == pytest.approx(by_differences, rel=1e-6)


def test_draws_of_the_shared_numbers_lie_within_their_priors_and_vary():
    problem = ClockProblem.of(sample(count=6))
    found = draw_hypers(problem, 30, np.random.default_rng(0))
    factor = np.array([one.noise_factor for one in found])
    assert len(found) == 30 and len(set(factor.tolist())) > 10
    assert ((factor > 0.7 * np.exp(-5 * 0.4)) & (factor < 0.7 * np.exp(5 * 0.4))).all()


def test_paths_have_the_mean_and_covariance_of_dense_algebra():
    rng = np.random.default_rng(0)
    growth = np.array([0.3, 0.0, 0.5, 0.2, 1.0])
    drift = np.array([0.1, 0.0, -0.2, 0.3, 0.5])
    value = np.array([0.4, 0.0, 1.0, 0.0, 0.0])
    variance = np.array([0.1, np.inf, 0.2, np.inf, np.inf])
    path = draw_path(
        start_mean=np.full((40_000, 1), 0.2), start_variance=np.full((40_000, 1), 0.5), drift=drift, growth=growth,
        value=value, variance=variance, normals=rng.standard_normal((40_000, 1, 5)),
    )[:, 0]  # fmt: skip
    clock_ = 0.5 + np.cumsum(growth)
    prior_mean, prior = 0.2 + np.cumsum(drift), np.minimum(clock_[:, None], clock_)
    seen = np.isfinite(variance)
    weight = prior[:, seen] @ np.linalg.inv(prior[np.ix_(seen, seen)] + np.diag(variance[seen]))
    mean = prior_mean + weight @ (value - prior_mean)[seen]
    covariance = prior - weight @ prior[seen]
    assert path.mean(axis=0) == pytest.approx(mean, abs=0.02)
    assert np.cov(path.T) == pytest.approx(covariance, abs=0.02)
    assert path[:, 1] == pytest.approx(path[:, 0], abs=1e-12)  # nothing changes where the variance does not grow


def test_paths_are_linear_between_nodes_and_constant_outside():
    x = np.array([[1.0, 2.0, 2.0, 4.0], [0.0, 1.0, 2.0, 3.0]])
    path = np.array([[[0.0, 1.0, 1.0, 3.0], [5.0, 6.0, 5.0, 7.0]]])
    at = np.array([[0.0, 1.5, 2.0, 3.0, 9.0], [0.0, 0.5, 1.5, 3.0, 4.0]])
    assert interpolate(x, path, at)[0].tolist() == [[0.0, 0.5, 1.0, 2.0, 3.0], [5.0, 5.5, 5.5, 7.0, 7.0]]


def test_the_score_is_that_of_all_pairs_of_draws():
    rng = np.random.default_rng(0)
    draws, measured = rng.normal(size=(17, 5)), rng.normal(size=5)
    apart = np.abs(draws[:, None] - draws[None, :]).sum(axis=(0, 1)) / (17 * 16)
    assert crps(draws, measured) == pytest.approx(np.abs(draws - measured).mean(axis=0) - apart / 2)
    assert inside(draws, np.median(draws, axis=0)).all()
    assert not inside(draws, draws.max(axis=0) + 1).any()


def test_origins_hold_back_the_last_points_and_look_no_further_than_a_forecast():
    whole = sample(short=1)
    found = list(origins(whole))
    assert [len(origin.all.names) for origin in found] == [3, 4]
    for origin, held_back in zip(found, (2, 1), strict=True):
        for at, name in enumerate(origin.all.names):
            count = int(origin.all.points[at])
            early = int(origin.early.points[at])
            assert early == count - held_back and name == origin.early.names[at]
            assert origin.early.step[at, :early].tolist() == STEPS[:early]
            expected = [step for step in STEPS[early:count] if step <= 5 * STEPS[early - 1]]
            assert origin.all.step[at][origin.later[at]].tolist() == expected
    assert list(origins(whole.first(np.full(4, 4)))) == []


def test_samples_with_the_same_content_have_the_same_digest():
    assert sample().digest() == sample().digest()
    assert sample().digest() != sample(seed=1).digest()
    assert sample().digest() != sample().take(np.array([0, 1, 2])).digest()
