"""What the audit computes at each level, compared with plain loops over the posterior draws."""

import math

import numpy as np
import pytest

from headstart.auditing import equilibria
from headstart.auditing.equilibria import EveryEquilibrium, every_equilibrium
from headstart.auditing.incentives import incentives_at, needed_share, suffice, summarise
from headstart.auditing.levels import MANY_MODELS, levels_between
from headstart.auditing.measured import MeasuredScores, find_fallers
from headstart.auditing.paths import GamingPaths, further_efforts
from headstart.auditing.strict import stabilising, strict_level, verdict_of
from headstart.contest.rewards import linear, top, winner
from headstart.data.trajectories import Trajectories
from headstart.solve.incentive import ScoreNoise
from headstart.solve.strategic_ranks import strategic_ranks_of_paths


class Waves:
    """Posterior draws that rise, fall and cross."""

    def __init__(self, draws: int, models: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.start = rng.uniform(0.3, 0.6, (draws, models, 1))
        self.speed = rng.uniform(0.01, 0.05, (draws, models, 1))
        self.swing = rng.uniform(0.0, 0.05, (draws, models, 1))

    def score(self, step):
        x = np.log1p(np.asarray(step, dtype=float))
        return self.start + self.speed * x + self.swing * np.sin(3 * x)


LEVELS = (0.0, 10.0, 100.0)


@pytest.fixture(scope="module", params=[0, 1])
def paths(request) -> GamingPaths:
    return GamingPaths.of(
        Waves(7, 5, request.param),
        names=tuple("abcde"),
        levels=LEVELS,
        horizon=np.array([200.0, 200.0, 60.0, 200.0, 150.0]),
        cost_per_step=np.array([1.0, 2.0, 1.0, 0.5, 1.0]),
    )


def test_further_efforts_are_whole_steps_up_to_the_end():
    found = further_efforts(10.0, 500.0)
    assert found[0] == 0 and found[1] == 1 and found[-1] == 490
    assert (found == np.round(found)).all() and (np.diff(found) > 0).all()
    assert further_efforts(10.0, 10.5).tolist() == [0.0]


@pytest.mark.parametrize("level", LEVELS)
def test_a_developer_keeps_its_best_checkpoint_within_its_horizon(paths, level):
    models = paths.within_horizon(level)
    further = paths.beyond(level, models)
    assert list(models) == [m for m in range(5) if paths.horizon[m] >= level]
    for d in range(paths.n_draws):
        for at, m in enumerate(models):
            for j, effort in enumerate(further.effort):
                reached = [
                    paths.scores[row, d, m]
                    for row, step in enumerate(paths.steps)
                    if level <= step <= min(level + effort, paths.horizon[m])
                ]
                assert further.score[d, at, j] == max(reached)
    assert (further.cost == paths.cost_per_step[models][:, None] * further.effort).all()


def expected_reward(score: float, rivals: np.ndarray, rewards: np.ndarray, sd: float) -> float:
    """Evenly spaced rewards: each rival beaten is worth one step."""
    step = (rewards[0] - rewards[-1]) / (rewards.size - 1)
    beaten = sum(0.5 * math.erfc(-(score - rival) / sd / math.sqrt(2)) for rival in rivals)
    return rewards[-1] + step * beaten


@pytest.mark.parametrize("level", LEVELS)
def test_incentives_enclose_the_best_gain_on_the_grid(paths, level):
    rewards = linear(5, 60.0)
    found = incentives_at(paths, level, rewards, 0.01)
    further = paths.beyond(level, found.models)
    paid = rewards[: found.models.size]
    for d in range(paths.n_draws):
        for at in range(found.models.size):
            rivals = np.delete(further.score[d, :, 0], at)
            worth = [expected_reward(score, rivals, paid, 0.01) for score in further.score[d, at]]
            gains = np.array(worth) - worth[0] - further.cost[at]
            most = (np.array(worth[1:]) - worth[0] - further.cost[at, :-1]).max()
            upper = found.share[d, at] * found.stake
            assert upper >= gains.max() - 1e-9
            assert upper <= max(most, 0.0) + 1e-9


def test_a_level_is_enough_only_if_every_later_one_is(paths):
    found = [incentives_at(paths, level, linear(5, 60.0), 0.01) for level in LEVELS]
    table = suffice(found, 0.2)
    for d in range(paths.n_draws):
        small = [one.largest[d] <= 0.2 for one in found]
        assert [bool(x) for x in table[d]] == [all(small[at:]) for at in range(len(LEVELS))]


def test_the_summary_names_the_developer_that_gains_most(paths):
    found = incentives_at(paths, 0.0, linear(5, 60.0), 0.01)
    shown = summarise(found, paths.names, 0.25)
    gains = found.share.argmax(axis=1)
    assert shown.model == paths.names[np.bincount(gains).argmax()]
    assert shown.share.low <= shown.share.value <= shown.share.high
    assert shown.gain.value == pytest.approx(shown.share.value * 60.0)
    assert shown.suffices == 0.25


@pytest.mark.parametrize("level", LEVELS)
def test_every_developer_has_its_own_gain_and_none_more_than_the_largest(paths, level):
    found = incentives_at(paths, level, linear(5, 60.0), 0.01)
    shown = summarise(found, paths.names, 0.25)
    assert [one.model for one in shown.developers] == [paths.names[m] for m in found.models]
    for at, one in enumerate(shown.developers):
        assert 0 <= one.share.low <= one.share.value <= one.share.high
        assert one.share.value == pytest.approx(np.median(found.share[:, at]))
        gaining = (found.share[:, at] > 0) & (found.effort[:, at] > 0)
        assert (one.effort is None) == (not gaining.any())
        assert one.effort is None or one.effort == np.median(found.effort[gaining, at])
    assert max(one.share.value for one in shown.developers) <= shown.share.value
    assert max(one.share.high for one in shown.developers) <= shown.share.high


@pytest.mark.parametrize("shape", [winner(5), top(5, k=2), linear(5)])
@pytest.mark.parametrize("level", LEVELS[:2])
def test_critical_stakes_are_those_at_which_somebody_starts_to_gain(paths, level, shape):
    models = paths.within_horizon(level)
    further = paths.beyond(level, models)
    found = strict_level(further, level, {"own": shape}, 30.0 * shape, np.full(models.size, 50.0))
    for d in range(paths.n_draws):
        start = further.score[d, :, 0]
        edge = math.inf
        for i in range(models.size):
            before = (start > start[i]).sum()
            for j in range(further.effort.size):
                after = (np.delete(start, i) >= further.score[d, i, j]).sum()
                gain = shape[min(after, before)] - shape[before]
                if gain > 0:
                    edge = min(edge, further.cost[i, j] / gain)
        assert found.critical["own"][d] == pytest.approx(edge)
        assert found.stable[d] == (edge >= 30.0)


def test_beyond_the_measured_steps_nobody_goes_in_the_measured_verdict(paths):
    models = paths.within_horizon(0.0)
    further = paths.beyond(0.0, models)
    nowhere = strict_level(further, 0.0, {}, linear(5, 1e6), np.zeros(models.size))
    assert nowhere.stable_measured.all() and not nowhere.stable.any()
    assert verdict_of(nowhere.stable_measured) == "exists" and verdict_of(nowhere.stable) == "none"
    assert verdict_of(np.array([True, False])) == "undecided"


def test_the_strict_level_lasts_to_the_last_level_examined(paths):
    rewards = linear(5, 5.0)
    found = []
    for level in LEVELS:
        models = paths.within_horizon(level)
        own = rewards[: models.size]
        found.append(strict_level(paths.beyond(level, models), level, {}, own, np.full(models.size, 150.0)))
    table = np.stack([one.stable for one in found], axis=1)
    least = [next((LEVELS[at] for at in range(3) if row[at:].all()), math.inf) for row in table]
    shown = stabilising(found, 100.0)
    assert shown.share_within_measured == np.isfinite(least).mean()
    middle = sorted(least)[3]
    assert shown.level == (middle if math.isfinite(middle) else None)
    assert shown.level is None or shown.low <= shown.level


def test_needed_share_is_the_least_that_shows_the_confidence():
    from scipy.stats import binom

    for draws in (100, 400, 1000):
        needed = round(needed_share(draws, 0.95) * draws)
        assert binom.sf(needed - 1, draws, 0.95) <= 0.05 < binom.sf(needed - 2, draws, 0.95)


def test_levels_between_keep_the_levels_and_add_whole_steps():
    found = levels_between((0.0, 10.0, 1000.0))
    assert {0.0, 10.0, 1000.0} <= set(found) and len(found) == 7
    assert all(step == round(step) for step in found) and list(found) == sorted(found)
    assert levels_between((0.0, 10.0, 1000.0), MANY_MODELS + 1) == (0.0, 10.0, 1000.0)


def test_the_interval_of_a_gain_runs_from_what_is_reached_to_what_cannot_be_exceeded(paths):
    found = incentives_at(paths, 0.0, linear(5, 30.0), 0.01)
    told = summarise(found, paths.names, 1.0).share
    assert (found.reached <= found.largest).all() and (found.reached < found.largest).any()
    assert told.low == np.quantile(found.reached, 0.025, method="inverted_cdf")
    assert told.high == np.quantile(found.largest, 0.975, method="inverted_cdf")
    assert told.low <= told.value == np.median(found.largest) <= told.high


def trajectories() -> Trajectories:
    return Trajectories.from_rows(
        model=["a", "a", "a", "b", "b", "c"],
        step=[0, 10, 100, 0, 100, 10],
        score=[0.5, 0.7, 0.4, 0.5, 0.49, 0.6],
        stderr=[0.01] * 6,
    )


def test_measured_scores_are_those_of_the_file():
    found = MeasuredScores.of(trajectories())
    assert found.steps.tolist() == [0.0, 10.0, 100.0]
    np.testing.assert_array_equal(found.score, [[0.5, 0.7, 0.4], [0.5, np.nan, 0.49], [np.nan, 0.6, np.nan]])
    assert found.common_steps == (0.0, 10.0, 100.0)
    assert np.isnan(found.at(7.0)[0]).all()
    assert found.typical_stderr == pytest.approx(0.01)


def test_a_fall_is_named_only_beyond_noise():
    (faller,) = find_fallers(MeasuredScores.of(trajectories()))
    assert (faller.name, faller.peak_step, faller.last_step) == ("a", 10.0, 100.0)
    assert faller.last_score - faller.peak_score == pytest.approx(-0.3)
    assert faller.stderr == pytest.approx(math.hypot(0.01, 0.01))


@pytest.mark.parametrize("level", LEVELS)
def test_orders_are_certain_where_no_equilibrium_and_no_noise_can_change_them(paths, level):
    models = paths.within_horizon(level)
    further, n, sd = paths.beyond(level, models), models.size, 0.002
    start, top_score = further.score[:, :, 0], further.score[:, :, -1]
    half = strategic_ranks_of_paths(
        further.score, further.cost, further.effort, rewards=linear(n), noise=ScoreNoise.common(sd)
    ).radius[0, 0]
    pairs = n * (n - 1) / 2

    def share(high):
        return np.median([(low[:, None] - half > up + half).sum() / pairs for low, up in zip(start, high, strict=True)])

    # worth nothing: nobody tunes, and only noise is left; worth everything: all may tune to the end
    nothing = every_equilibrium(further, linear(n, 1e-6), sd)
    assert (nothing.certain, nothing.unique) == (pytest.approx(share(start)), 1.0)
    everything = every_equilibrium(further, linear(n, 1e9), sd)
    assert everything.certain == pytest.approx(share(top_score))
    assert everything.unique < 1.0 and (level > 0 or everything.unique == 0.0)
    between = every_equilibrium(further, linear(n, 30.0), sd)
    assert everything.certain <= between.certain <= nothing.certain


def test_one_model_has_no_orders_and_many_models_leave_uniqueness_out(paths, monkeypatch):
    alone = paths.beyond(0.0, np.array([1]))
    assert every_equilibrium(alone, np.ones(1), 0.01) == EveryEquilibrium(certain=None, unique=None)
    monkeypatch.setattr(equilibria, "MOST_PAIRS", 30)
    monkeypatch.setattr(equilibria, "MOST_SCORES", 10)
    found = every_equilibrium(paths.beyond(0.0, np.arange(5)), linear(5, 30.0), 0.002)
    assert found.unique is None and 0 <= found.certain <= 1
