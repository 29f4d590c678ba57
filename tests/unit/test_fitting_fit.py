"""A fit recovers known curves, says what it cannot know, and does not depend on accidents."""

import warnings

import numpy as np
import pytest

from headstart.contest.curves import LogitPower
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.fit import fit

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000.0])
TRUTH = LogitPower(
    L=[0.26, 0.30, 0.45, 0.50], U=[0.47, 0.52, 0.60, 0.56], alpha=[-11.4, -6.0, -7.0, -9.0], beta=[2.4, 1.3, 1.2, 1.7]
)


def measured(curves=TRUTH, n_items=14000, seed=0, names=None, steps=STEPS):
    rng = np.random.default_rng(seed)
    count = len(curves.L)
    score = np.stack([curves.score(step) for step in steps], axis=1)
    return Trajectories.from_rows(
        model=np.repeat(names or [f"m{i}" for i in range(count)], len(steps)).tolist(),
        step=np.tile(steps, count),
        score=(rng.binomial(n_items, score) / n_items).ravel(),
        n_items=np.full(count * len(steps), n_items),
    )


def alone(scores, *, stderr=0.004, steps=STEPS, **others):
    """Trajectories of models with the given scores, beside the four well-behaved ones."""
    base = measured()
    rows = {name: list(scores) for name, scores in {"x": scores, **others}.items()}
    return Trajectories.from_rows(
        model=[base.models[i] for i in base.model] + [name for name in rows for _ in rows[name]],
        step=[*base.step, *(step for name in rows for step in steps[: len(rows[name])])],
        score=[*base.score, *(score for scores in rows.values() for score in scores)],
        stderr=[*base.stderr, *(stderr for scores in rows.values() for _ in scores)],
    )


def flags_of(found, name):
    return set(found.flags[found.models.index(name)])


def test_known_curves_are_recovered_within_their_standard_errors():
    found = fit(measured())
    for name in ("L", "U", "alpha", "beta"):
        error = getattr(found.curves, name) - getattr(TRUTH, name)
        assert (np.abs(error) < 4 * found.standard_errors[name]).all()
    assert np.abs(found.curves.score(700.0) - TRUTH.score(700.0)).max() < 0.01
    assert found.max_step.tolist() == [4000.0] * 4
    assert found.flags == ((),) * 4
    assert (found.chi2_per_point < 2).all()


def test_draws_are_whole_curves_within_the_score_range():
    found = fit(measured(n_items=500), draws=50)
    assert found.draws.L.shape == (50, 4)
    assert (found.draws.L >= 0).all()
    assert (found.draws.U <= 1).all()
    inside = np.abs(found.draws.score(1000.0) - found.curves.score(1000.0)) < 0.1
    assert inside.all()


def test_fewer_items_mean_wider_draws():
    wide, narrow = (fit(measured(n_items=n)).draws.score(2000.0).std(axis=0) for n in (500, 14000))
    assert (wide > 2 * narrow).all()


def test_the_draws_of_different_models_are_independent():
    draws = fit(measured(), draws=2000).draws.score(500.0)
    correlation = np.corrcoef(draws.T)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 0.1


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    first, again, other = (fit(measured(), seed=seed).draws.U for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_the_order_of_the_models_changes_nothing():
    found = fit(measured())
    one = measured()
    order = [2, 0, 3, 1]
    rows = np.concatenate([np.flatnonzero(one.model == i) for i in order])
    shuffled = fit(
        Trajectories.from_rows(
            model=[one.models[i] for i in one.model[rows]],
            step=one.step[rows],
            score=one.score[rows],
            stderr=one.stderr[rows],
        )
    )
    assert shuffled.models == tuple(found.models[i] for i in order)
    for name in ("L", "U", "alpha", "beta"):
        assert (getattr(shuffled.draws, name) == getattr(found.draws, name)[:, order]).all()
        assert (getattr(shuffled.curves, name) == getattr(found.curves, name)[order]).all()


def test_another_score_range_gives_the_same_curves_rescaled():
    one = measured()
    percent = Trajectories.from_rows(
        model=[one.models[i] for i in one.model],
        step=one.step,
        score=100 * one.score,
        stderr=100 * one.stderr,
        score_range=(0.0, 100.0),
    )
    found, scaled = fit(one), fit(percent)
    assert np.allclose(scaled.curves.U, 100 * found.curves.U, rtol=1e-6)
    assert scaled.rmse == pytest.approx(100 * found.rmse, rel=1e-6)
    assert scaled.chi2_per_point == pytest.approx(found.chi2_per_point, rel=1e-6)


def test_without_stated_errors_the_residuals_tell_the_noise():
    one = measured()
    bare = Trajectories.from_rows(model=[one.models[i] for i in one.model], step=one.step, score=one.score)
    found, stated = fit(bare), fit(one)
    assert np.isnan(found.chi2_per_point).all()
    ratio = found.draws.score(1000.0).std(axis=0) / stated.draws.score(1000.0).std(axis=0)
    assert ((ratio > 0.4) & (ratio < 2.5)).all()


def test_two_points_are_fitted_but_flagged_and_one_is_left_out():
    found = fit(alone([0.3, 0.35], y=[0.4]))
    assert "too few points" in flags_of(found, "x")
    assert [item.name for item in found.excluded] == ["y"]
    assert found.excluded[0].reason == "fewer than 2 distinct steps"
    assert "y" not in found.models
    assert len(found.cost_per_step) == len(found.models)


def test_a_model_still_rising_has_no_identified_ceiling():
    law = LogitPower(L=0.3, U=0.9, alpha=-9.0, beta=1.0)
    found = fit(alone(law.score(STEPS)))
    assert "ceiling not identified" in flags_of(found, "x")
    upper = np.quantile(found.draws.U[:, found.models.index("x")], 0.975)
    assert upper > law.score(4000.0) + 0.05


def test_a_poor_fit_is_flagged_and_widens_the_draws():
    zigzag = 0.5 + 0.03 * (-1.0) ** np.arange(10)
    found = fit(alone(zigzag))
    at = found.models.index("x")
    assert "poor fit" in found.flags[at]
    assert found.noise_scale[at] > 10


def test_a_model_that_forgets_is_fitted_held_or_left_out_as_asked():
    falling = [0.40, 0.42, 0.46, 0.50, 0.50, 0.49, 0.45, 0.44, 0.43, 0.43]
    kept, held, gone = (fit(alone(falling), on_forgetting=how) for how in ("keep", "peak", "exclude"))
    at = kept.models.index("x")
    assert "forgets" in kept.flags[at]
    assert "all points fitted" in kept.treatment[at]
    assert kept.treatment[0] is None
    assert kept.curves.score(4000.0)[at] < 0.48
    assert held.curves.score(4000.0)[at] == pytest.approx(0.50, abs=0.01)
    assert "fitted up to step" in held.treatment[at]
    assert [item.name for item in gone.excluded] == ["x"]
    assert "forgets" in gone.excluded[0].reason
    assert "x" not in gone.models


def test_a_held_peak_counts_as_one_measurement():
    peak_last = [0.40, 0.40, 0.41, 0.45]
    then_falls = [*peak_last, 0.40, 0.38, 0.35, 0.33, 0.30, 0.30]
    spread = [
        fit(alone(scores), on_forgetting="peak", draws=1000).draws.score(4000.0)[:, -1].std()
        for scores in (peak_last, then_falls)
    ]
    assert spread[1] > 0.003  # ten copies of the peak taken as measurements would give 0.0015


def test_everything_excluded_is_an_error_that_says_why():
    only = Trajectories.from_rows(model=["a"] * 4, step=[0, 1, 10, 100], score=[0.6, 0.5, 0.4, 0.3], stderr=[0.004] * 4)
    with pytest.raises(InputError, match="a: forgets"):
        fit(only, on_forgetting="exclude")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"on_forgetting": "hide"}, "on_forgetting must be one of keep, exclude, peak, got 'hide'"),
        ({"draws": 1}, "draws must be >= 2, got 1"),
        ({"chance": 1.5}, r"chance must be within the score range \[0, 1\], got 1.5"),
    ],
)
def test_options_out_of_range_are_refused(option, said):
    with pytest.raises(InputError, match=said):
        fit(measured(), **option)


def test_perfect_scores_and_zero_errors_do_not_break_the_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit(alone([1.0] * 10, stderr=0.0, y=[0.0] * 10))
    assert found.curves.score(100.0)[found.models.index("x")] > 0.98
    assert found.curves.score(100.0)[found.models.index("y")] < 0.02


def test_progress_is_reported_until_all_models_are_done():
    calls = []
    fit(measured(), progress=lambda what, share: calls.append((what, share)))
    assert calls[-1] == ("fitting the curves", 1.0)
