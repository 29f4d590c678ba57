"""The backtest measures what early checkpoints predict about later ones."""

import numpy as np
import pytest

from headstart.contest.curves import LogitPower
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.backtest import backtest

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000.0])


def measured(curves, n_items=14000, seed=0):
    rng = np.random.default_rng(seed)
    count = len(curves.L)
    score = rng.binomial(n_items, np.stack([curves.score(step) for step in STEPS], axis=1)) / n_items
    return Trajectories.from_rows(
        model=np.repeat([f"m{i:02d}" for i in range(count)], len(STEPS)).tolist(),
        step=np.tile(STEPS, count),
        score=score.ravel(),
        n_items=np.full(score.size, n_items),
    )


def field(count=16, seed=0):
    rng = np.random.default_rng(seed)
    floor, beta = rng.uniform(0.25, 0.45, count), np.exp(rng.normal(0.3, 0.2, count))
    return LogitPower(
        L=floor, U=floor + rng.uniform(0.05, 0.25, count), alpha=-beta * rng.normal(5.3, 0.5, count), beta=beta
    )


BINOMIAL = np.sqrt(0.4 * 0.6 / 14000)
"""Typical noise of the measured scores."""


@pytest.mark.parametrize("curve_model", [None, "logit-power"])
def test_curves_that_follow_the_law_are_predicted_to_about_the_noise(curve_model):
    result = backtest(measured(field()), fraction=0.7, curve_model=curve_model)
    assert result.curve_model == (curve_model or "pool")
    assert result.models == tuple(f"m{i:02d}" for i in range(16))
    assert result.skipped == ()
    assert result.scores == 16 * 3
    assert result.mean_absolute_error < 3 * BINOMIAL
    assert 0.4 * BINOMIAL < result.typical_noise < 1.6 * BINOMIAL
    assert result.mean_crps < result.mean_absolute_error
    assert result.mean_absolute_error < result.carried_forward_error
    assert result.score_coverage > 0.85
    assert result.horizon_scores == 16 and result.horizon_coverage > 0.85
    assert abs(result.mean_error) <= result.mean_absolute_error <= result.root_mean_squared_error


def test_catch_ups_that_later_checkpoints_show_are_predicted():
    climbers = LogitPower(L=[0.25, 0.27, 0.25], U=[0.6, 0.62, 0.58], alpha=[-7.0, -7.2, -7.4], beta=[1.2, 1.2, 1.25])
    still = LogitPower(L=[0.45, 0.5, 0.52], U=[0.46, 0.51, 0.53], alpha=[-6.0] * 3, beta=[1.2] * 3)
    both = LogitPower(**{n: np.r_[getattr(climbers, n), getattr(still, n)] for n in ("L", "U", "alpha", "beta")})
    result = backtest(measured(both), fraction=0.7)
    assert result.catch_ups > 5
    assert result.pair_coverage > 0.8
    assert result.effort_coverage > 0.8
    assert result.called_unreachable < 0.1 * result.catch_ups
    assert 0 < result.predicted_efforts <= result.catch_ups
    assert result.typical_effort_factor < 2


def test_a_break_in_the_law_shows_as_a_biased_prediction():
    score = np.where(STEPS < 1500, 0.30, 0.60)
    jump = Trajectories.from_rows(model=["a"] * 10, step=STEPS, score=score, stderr=np.full(10, 0.004))
    result = backtest(jump, fraction=0.7)
    assert result.mean_error == pytest.approx(-0.3, abs=0.02)
    assert result.score_coverage < 0.5


def test_models_without_enough_early_checkpoints_are_named():
    one = measured(field(3))
    short = Trajectories.from_rows(
        model=[one.models[i] for i in one.model] + ["short"] * 4,
        step=[*one.step, 0, 1, 2, 3],
        score=[*one.score, 0.4, 0.4, 0.4, 0.4],
        stderr=[*one.stderr, 0.004, 0.004, 0.004, 0.004],
    )
    result = backtest(short, fraction=0.6)
    assert result.skipped == ("short",)
    assert "short" not in result.models


def test_checkpoints_beyond_the_farthest_forecast_are_not_judged():
    one = measured(field(3))
    rows = {"model": [one.models[i] for i in one.model], "step": one.step, "score": one.score, "stderr": one.stderr}
    far = {
        "model": [*rows["model"], *one.models],
        "step": [*rows["step"], *[5001.0] * 3],  # more than five times the last early step
        "score": [*rows["score"], *[0.9] * 3],
        "stderr": [*rows["stderr"], *[0.004] * 3],
    }
    result = backtest(Trajectories.from_rows(**far), fraction=7 / 11)
    assert result.scores == 9
    assert result.mean_absolute_error < 0.1


def test_what_came_later_takes_no_part_in_the_prediction():
    one = measured(field(6))
    rows = {"model": [one.models[i] for i in one.model], "step": one.step, "stderr": one.stderr}
    later = one.step > 1000
    high, low = (
        backtest(Trajectories.from_rows(score=np.where(later, value, one.score), **rows), fraction=0.7)
        for value in (0.95, 0.05)
    )
    assert high.mean_error + 0.95 == pytest.approx(low.mean_error + 0.05, abs=1e-12)


def test_the_result_does_not_depend_on_the_run():
    assert backtest(measured(field(4))) == backtest(measured(field(4)))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(InputError, match="fraction must be between 0 and 1"):
        backtest(measured(field(2)), fraction=fraction)


def test_trajectories_too_short_to_split_are_refused():
    with pytest.raises(InputError, match="early checkpoints"):
        backtest(Trajectories.from_rows(model=["a"] * 3, step=[0, 1, 2], score=[0.3, 0.4, 0.5]))
