"""Forecasts are posterior draws of whole curves, close to the truth where the truth follows one of the laws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from headstart import registry
from headstart.contest.curves import LogitPower
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.forecast import forecast
from headstart.fitting.models import CURVE_MODELS

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000.0])
LATER = np.array([2000.0, 4000.0])
MODELS = ("pool", "logit-power", "logit-power-discrepancy", "learning-clock", "last-value")


def law_field(rng, count):
    """Curves along the logit power law."""
    floor, beta = rng.uniform(0.25, 0.45, count), np.exp(rng.normal(0.3, 0.2, count))
    law = LogitPower(
        L=floor, U=floor + rng.uniform(0.05, 0.25, count), alpha=-beta * rng.normal(5.3, 0.5, count), beta=beta
    )
    return lambda steps: np.stack([law.score(step) for step in steps], axis=1)


def clock_field(rng, count):
    """Curves in log-odds that learn along clocks and wander while they do."""
    midpoint, slope = rng.normal(5.5, 0.8, count), np.exp(rng.normal(0.3, 0.4, count))
    gain, start = rng.normal(0.6, 0.4, count), rng.normal(-0.5, 0.6, count)

    def scores(steps):
        x = np.log1p(steps)
        begun = expit(-slope * midpoint)[:, None]
        done = (expit(slope[:, None] * (x - midpoint[:, None])) - begun) / (1 - begun)
        walk = np.cumsum(np.sqrt(np.diff(done, axis=1, prepend=0.0)) * rng.normal(0, 0.2, done.shape), axis=1)
        return expit(start[:, None] + gain[:, None] * done + walk)

    return scores


def falling_field(rng, count):
    """A third of the curves falls and recovers in part, a third takes off late, a third follows the law."""
    smooth = law_field(rng, count)

    def scores(steps):
        x, out = np.log1p(steps), smooth(steps)
        third = count // 3
        dip = rng.uniform(0.02, 0.12, (third, 1)) * np.exp(-((x - 5.5) ** 2) / 2)
        out[:third] -= dip
        late = expit(2 * (x - rng.uniform(6.0, 7.5, (third, 1))))
        out[third : 2 * third] = rng.uniform(0.25, 0.3, (third, 1)) + rng.uniform(0.05, 0.2, (third, 1)) * late
        return out

    return scores


def measure(rng, scores, n_items=10000, **more):
    count = len(scores)
    score = rng.binomial(n_items, scores) / n_items
    return Trajectories.from_rows(
        model=np.repeat([f"m{i:02d}" for i in range(count)], scores.shape[1]).tolist(),
        step=np.tile(STEPS, count),
        score=score.ravel(),
        n_items=[n_items] * score.size,
        **more,
    )


def field(seed=0, count=12, kind=law_field):
    rng = np.random.default_rng(seed)
    return measure(rng, kind(rng, count)(STEPS))


def test_every_model_of_this_package_is_registered():
    assert CURVE_MODELS.own == MODELS
    assert [CURVE_MODELS[name].name for name in MODELS] == list(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_draw_is_one_function_of_the_step(name):
    found = forecast(field(), draws=20, curve_model=name)
    grid = np.array([0.0, 3.0, 10.0, 77.5, 1000.0, 1999.0, 5000.0])
    whole = found.score(grid)
    assert whole.shape == (20, 12, 7)
    assert ((whole >= 0) & (whole <= 1)).all()
    for at, step in enumerate(grid):
        assert (found.score(np.array([step]))[..., 0] == whole[..., at]).all()
    assert (found.score(grid[::2]) == whole[..., ::2]).all()
    own = np.tile(grid, (12, 1))
    own[3] = 42.0
    assert (np.delete(found.score_at(own), 3, axis=1) == np.delete(whole, 3, axis=1)).all()


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_draws_whatever_the_order_of_the_rows(name):
    one = field(count=5)
    rows = np.random.default_rng(0).permutation(one.step.size)
    mixed = Trajectories.from_rows(
        model=[one.models[one.model[row]] for row in rows],
        step=one.step[rows],
        score=one.score[rows],
        stderr=one.stderr[rows],
    )
    grid = np.array([0.0, 50.0, 2000.0])
    first = forecast(one, draws=10, seed=3, curve_model=name)
    again = forecast(one, draws=10, seed=3, curve_model=name)
    other = forecast(mixed, draws=10, seed=3, curve_model=name)
    assert (first.score(grid) == again.score(grid)).all()
    assert other.models == mixed.models
    assert (first.score(grid) == other.take(one.models).score(grid)).all()
    assert (forecast(one, draws=10, seed=4, curve_model=name).score(grid) != first.score(grid)).any()


@pytest.mark.parametrize("name", ["pool", "logit-power-discrepancy", "learning-clock"])
def test_draws_pass_the_measured_scores_within_their_noise(name):
    data = field()
    found = forecast(data, draws=200, curve_model=name)
    table = data.per_model()
    middle = np.median(found.score(STEPS), axis=0)
    off = (middle - table.score) / table.stderr
    assert np.abs(off).mean() < 1.2
    assert np.abs(off[:, -1]).max() < 3
    spread = found.score(np.append(STEPS, LATER)).std(axis=0)
    assert (spread[:, -1] > spread[:, -3]).mean() > 0.9  # it grows beyond the last measured step


@pytest.mark.parametrize("kind", [law_field, clock_field, falling_field])
@pytest.mark.parametrize(("name", "seeds"), [("pool", 3), (None, 1)])
def test_intervals_hold_later_scores_of_fields_of_every_kind(kind, name, seeds):
    inside, total, carried, off = 0, 0, 0.0, 0.0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        truth = kind(rng, 18)(np.append(STEPS, LATER))
        data = measure(rng, truth[:, : STEPS.size])
        found = forecast(data, draws=200, seed=seed, curve_model=name)
        draws = found.score(LATER)
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        noise = 0.005  # of the truth as the items show it: the draws know the items only
        later = truth[:, STEPS.size :]
        inside += int(((low - 2 * noise <= later) & (later <= high + 2 * noise)).sum())
        total += later.size
        carried += float(np.abs(truth[:, STEPS.size - 1 : STEPS.size] - later).sum())
        off += float(np.abs(np.median(draws, axis=0) - later).sum())
    assert inside / total > 0.85
    assert off < 1.1 * carried


def test_the_law_is_chosen_where_later_scores_follow_it_and_the_default_where_little_is_known():
    rng = np.random.default_rng(1)
    short = forecast(field(count=3), draws=10)
    assert short.chosen == "pool" and "by default" in short.reason and "got 3" in short.reason
    assert short.choice.mean_crps == {}
    found = forecast(measure(rng, law_field(rng, 12)(STEPS)), draws=10)
    assert set(found.choice.mean_crps) == set(MODELS) - {"last-value"}
    assert found.choice.origins >= 2
    assert found.reason.startswith(found.chosen)


class Knows:
    """A model of another package that knows of a jump."""

    name, candidate = "knows", True

    def draw(self, sample, *, draws, seed):
        base = CURVE_MODELS["last-value"].draw(sample, draws=draws, seed=seed)
        first = sample.score[:, :1]

        class Draws:
            noise_factor = base.noise_factor

            def score(self, step):
                return np.clip(first + np.where(step < 300, 0.0, 0.2) + 0.3 * base.error[..., None], 0, 1)

        return Draws()


class Point:
    """An entry point of another package."""

    name, value, dist = "knows", "elsewhere:MODEL", None

    def __init__(self, found):
        self.found = found

    def load(self):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def offered(monkeypatch):
    def offer(found):
        monkeypatch.setattr(
            registry, "entry_points", lambda group: [Point(found)] if group == CURVE_MODELS.group else []
        )

    yield offer
    CURVE_MODELS._members.pop("knows", None)


def test_a_model_that_forecasts_clearly_better_is_chosen(offered):
    """Scores that are constant but for a jump at a known step: a model that knows it beats every other."""
    rng = np.random.default_rng(2)
    data = measure(rng, np.where(STEPS < 300, 0.3, 0.5) + rng.uniform(0, 0.1, (8, 1)))
    offered(Knows())
    assert "knows" in CURVE_MODELS
    found = forecast(data, draws=10)
    assert found.chosen == "knows"
    assert found.reason.startswith("knows: it forecasts later scores of this file best")


def test_a_model_of_another_package_that_fails_is_named(offered):
    offered(ImportError("No module named 'elsewhere'"))
    with pytest.raises(InputError, match=r"'knows' of an unknown package .*cannot be loaded \(ImportError"):
        forecast(field(count=2), draws=10)
    offered(object())
    with pytest.raises(InputError, match="must have name, candidate, draw, got object without"):
        forecast(field(count=2), draws=10, curve_model="knows")


def test_the_model_shown_in_the_reference_works(offered):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "fitting.md").read_text()
    shown = page.split("```python\n")[1].split("```")[0]
    names = {"__name__": "shown"}
    exec(compile(shown, "docs/reference/fitting.md", "exec"), names)
    model = names["MODEL"]
    offered(model)
    Point.name = "flat"
    try:
        data = field(count=3)
        found = forecast(data, draws=5, curve_model="flat")
    finally:
        Point.name = "knows"
        CURVE_MODELS._members.pop("flat", None)
    assert (found.score(LATER) == data.per_model().score[:, -1][None, :, None]).all()


def test_a_name_that_is_not_registered_is_refused():
    with pytest.raises(InputError, match=r"curve model must be one of pool, .* got 'spline'"):
        forecast(field(count=2), draws=10, curve_model="spline")


def test_nothing_is_said_beyond_five_times_the_last_step():
    one = field(count=3)
    kept = ~((one.model == 1) & (one.step > 100))
    found = forecast(one.where(kept), draws=10)
    assert found.horizon.tolist() == [2000.0, 200.0, 2000.0]
    assert found.farthest.tolist() == [5000.0, 500.0, 5000.0]
    score = found.score(np.array([500.0, 501.0, 5000.0]))
    assert np.isfinite(score[:, 1, 0]).all() and np.isnan(score[:, 1, 1:]).all()
    assert np.isfinite(score[:, [0, 2]]).all()
    assert found.reach(150.0) == ("measured", "forecast", "measured")
    assert found.reach(500.0) == ("measured", "marked", "measured")
    assert found.reach(4000.0) == ("marked", "none", "marked")


def test_models_are_taken_by_name():
    found = forecast(field(count=4), draws=10)
    some = found.take(("m02", "m00"))
    assert (some.score(LATER) == found.score(LATER)[:, [2, 0]]).all()
    assert (some.noise_factor == found.noise_factor[:, [2, 0]]).all()
    assert some.horizon.tolist() == [2000.0, 2000.0]
    with pytest.raises(InputError, match="names must be of models with a forecast, got 'm09'"):
        found.take(("m00", "m09"))


@pytest.mark.parametrize("score_range", [(0.0, 100.0), (-1.0, 1.0)])
@pytest.mark.parametrize("name", MODELS)
def test_another_score_range_rescales_everything(name, score_range):
    one = field(count=4)
    low, high = score_range
    other = Trajectories.from_rows(
        model=[one.models[at] for at in one.model],
        step=one.step,
        score=low + (high - low) * one.score,
        stderr=(high - low) * one.stderr,
        score_range=score_range,
    )
    plain = forecast(one, draws=20, curve_model=name)
    scaled = forecast(other, draws=20, curve_model=name)
    assert scaled.score(LATER) == pytest.approx(low + (high - low) * plain.score(LATER), abs=1e-4 * (high - low))
    assert scaled.noise_sd == pytest.approx((high - low) * plain.noise_sd, rel=1e-4)


def test_without_standard_errors_the_scatter_is_estimated():
    rng = np.random.default_rng(0)
    truth = law_field(rng, 12)(STEPS)
    data = Trajectories.from_rows(
        model=np.repeat([f"m{i:02d}" for i in range(12)], STEPS.size).tolist(),
        step=np.tile(STEPS, 12),
        score=(truth + rng.normal(0, 0.006, truth.shape)).ravel(),
    )
    assert 0.003 < forecast(data, draws=50, curve_model="pool").noise_sd < 0.009


def test_two_models_with_two_points_have_a_wide_forecast():
    data = Trajectories.from_rows(
        model=["a", "a", "b", "b"], step=[0, 100, 0, 100], score=[0.3, 0.35, 0.4, 0.4], stderr=[0.01] * 4
    )
    found = forecast(data, draws=200)
    low, high = np.quantile(found.score(np.array([100.0, 200.0])), [0.025, 0.975], axis=0)
    assert ((high - low)[:, 1] > (high - low)[:, 0]).all()
    assert ((high - low)[:, 1] < 0.5).all()


@pytest.mark.parametrize(("two_scores", "most"), [((0.40, 0.41), 0.5), ((0.9, 0.2), 1.0)])
def test_one_model_with_two_points_hardly_changes_the_others(two_scores, most):
    one = field()
    rows = {"model": [one.models[i] for i in one.model], "step": one.step, "score": one.score, "stderr": one.stderr}
    more = {"model": ["short"] * 2, "step": [0.0, 10.0], "score": two_scores, "stderr": [0.01] * 2}
    both = Trajectories.from_rows(**{key: [*rows[key], *more[key]] for key in rows})
    for name in ("learning-clock", "logit-power-discrepancy"):
        alone = forecast(one, draws=400, curve_model=name).score(LATER)
        beside = forecast(both, draws=400, curve_model=name).take(one.models).score(LATER)
        spread = alone.std(axis=0)
        assert (np.abs(np.median(alone, axis=0) - np.median(beside, axis=0)) < most * spread).all()
        assert np.median(beside.std(axis=0) / spread) == pytest.approx(1.0, abs=0.4 * most)


def test_scores_of_nought_and_one_are_forecast_within_the_range():
    data = Trajectories.from_rows(
        model=["low"] * 4 + ["high"] * 4,
        step=[0, 10, 100, 1000] * 2,
        score=[0.0, 0.0, 0.0, 0.01, 0.99, 1.0, 1.0, 1.0],
        n_items=[100] * 8,
    )
    score = forecast(data, draws=100).score(LATER)
    assert ((score >= 0) & (score <= 1)).all()
    middle = np.median(score, axis=0)
    assert (middle[0] < 0.1).all() and (middle[1] > 0.9).all()


def test_many_models_with_few_steps_are_worked_through_in_blocks():
    rng = np.random.default_rng(0)
    count = 700
    start = rng.normal(0, 1, count)
    score = expit(start[:, None] + np.array([0.0, 0.1, 0.3]) + rng.normal(0, 0.02, (count, 3)))
    data = Trajectories.from_rows(
        model=np.repeat([f"m{i}" for i in range(count)], 3).tolist(),
        step=np.tile([0.0, 100.0, 1000.0], count),
        score=score.ravel(),
        n_items=[5000] * (3 * count),
    )
    found = forecast(data, draws=40)
    later = found.score(np.array([2000.0]))[..., 0]
    gain = logit(np.clip(np.median(later, axis=0), 1e-3, 1 - 1e-3)) - start
    assert later.shape == (40, count)
    assert 0.2 < np.median(gain) < 0.6


def test_draws_are_at_least_two():
    with pytest.raises(InputError, match="draws must be >= 2, got 1"):
        forecast(field(count=2), draws=1)


def test_a_forecast_is_frozen():
    found = forecast(field(count=2), draws=4)
    assert replace(found, noise_sd=1.0).noise_sd == 1.0
    with pytest.raises(AttributeError):
        found.noise_sd = 1.0
