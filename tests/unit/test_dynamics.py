"""Simulated play: arms races that escalate and collapse, and learning that stops regretting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PowerCost
from headstart.errors import InputError
from headstart.solve.dynamics import Mover, simulate
from headstart.solve.pure import solve_pure


def line_contest(scores, rewards, **options):
    n = len(scores)
    return Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=CurveTable.batch(Linear(intercept=scores, slope=np.ones(n)), n),
        costs=CostTable.batch(PowerCost(), n),
        rewards=rewards,
        **options,
    )


def test_an_arms_race_escalates_collapses_and_repeats():
    run = simulate(line_contest([1.0, 0.5], [1, 0]), increment=0.01)
    assert run.status == "cycle"
    # both add 0.02 a round (0, 0.51), (0.02, 0.53) ... until passing would cost the weaker one 1.01
    assert run.period == 26
    assert run.amplitude == pytest.approx([0.5, 0.99])
    start, stop = run.summarised
    assert run.mean_cost == pytest.approx(run.efforts[start:stop].sum(axis=1).mean())
    assert run.efforts.shape == run.ranks.shape == run.costs.shape
    assert sorted(set(run.ranks.sum(axis=1).tolist())) == [3]


def test_play_in_a_cycle_really_returns():
    contest = line_contest([0.9, 0.6, 0.55], [2.0, 1.0, 0.0])
    run = simulate(contest, increment=0.02)
    assert run.status == "cycle" and run.period is not None
    longer = run.efforts[-1].copy()
    for _ in range(run.period):
        for i in range(3):
            longer[i] = Mover(contest=contest, i=i).best_reply(longer, 0.02)
    assert longer == pytest.approx(run.efforts[-1], abs=1e-9)


@pytest.mark.parametrize("order", ["round-robin", "random"])
def test_play_settles_at_nobody_tunes_when_that_is_an_equilibrium(order):
    run = simulate(line_contest([2.0, 0.5, -1.0], [1, 0.5, 0]), order=order)
    assert run.status == "settled"
    assert not run.efforts.any()
    assert run.mean_kendall_tau == 1
    assert run.period is None


@given(
    scores=st.lists(st.floats(0, 1), min_size=2, max_size=5, unique=True),
    efforts=st.lists(st.floats(0, 1), min_size=5, max_size=5),
    level=st.sampled_from([0.0, 3.0]),
    cap=st.sampled_from([0.4, np.inf]),
)
def test_the_reply_is_better_than_every_effort_on_a_grid(scores, efforts, level, cap):
    n = len(scores)
    contest = Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=CurveTable.batch(LogitPower(L=0.0, U=1.0, alpha=scores, beta=1.0), n),
        costs=CostTable.batch(PowerCost(), n),
        rewards=np.linspace(2, 0, n),
        level=level,
        max_effort=cap,
    )
    spent = np.minimum(np.array(efforts[:n]), cap)
    increment = 1e-6
    spent[0] = Mover(contest=contest, i=0).best_reply(spent, increment)
    payoff = contest.payoffs(spent)[0]
    for own in np.r_[np.linspace(0, min(cap, 3.0), 41)]:
        tried = spent.copy()
        tried[0] = own
        assert contest.payoffs(tried)[0] <= payoff + 3 * increment


def test_the_same_seed_plays_the_same_and_another_does_not():
    contest = line_contest([0.9, 0.6, 0.55, 0.1], [3.0, 2.0, 1.0, 0.0])
    for dynamics in ("best-response", "regret"):
        runs = [simulate(contest, dynamics, rounds=60, seed=seed, order="random") for seed in (1, 1, 2)]
        assert np.array_equal(runs[0].efforts, runs[1].efforts)
        assert not np.array_equal(runs[0].efforts, runs[2].efforts)
        assert runs[0].settings["seed"] == 1


def test_regret_shrinks_as_play_goes_on():
    contest = line_contest([1.0, 0.5, 0.3], [1.0, 0.5, 0.0])
    short, long = (simulate(contest, "regret", rounds=r, seed=0) for r in (100, 5000))
    assert short.regret is not None and long.regret is not None
    assert long.regret.max() < 0.03
    assert long.regret.max() < short.regret.max()


def test_regret_is_what_the_best_fixed_grid_effort_would_have_added():
    contest = line_contest([1.0, 0.5, 0.5], [1.0, 0.4, 0.0])
    run = simulate(contest, "regret", rounds=200, levels=9, seed=4)
    earned = np.mean([contest.payoffs(row) for row in run.efforts], axis=0)
    for i in range(3):
        best = max(
            np.mean([contest.payoffs(np.where(np.arange(3) == i, e, row))[i] for row in run.efforts])
            for e in np.linspace(0, 1, 9)
        )
        assert run.regret[i] == pytest.approx(max(best - earned[i], 0.0), abs=1e-12)


def test_learning_keeps_still_when_tuning_never_pays():
    run = simulate(line_contest([2.0, 0.5], [1, 0]), "regret", rounds=500)
    assert solve_pure(line_contest([2.0, 0.5], [1, 0])).verdict == "exists"
    assert run.mean_effort.max() < 0.02
    assert run.mean_kendall_tau == 1


def test_caps_and_free_effort_are_respected():
    capped = simulate(line_contest([1.0, 0.5], [1, 0], max_effort=[0.2, 0.6]), increment=0.01)
    assert (capped.efforts <= np.array([0.2, 0.6])).all()
    contest = Contest(
        names=("a", "b"),
        curves=CurveTable.batch(Linear(intercept=[3.0, 0.0], slope=[1.0, 1.0]), 2),
        costs=CostTable.batch(PowerCost(free=0.5), 2),
        rewards=[1, 0],
    )
    run = simulate(contest)
    assert run.status == "settled"
    assert run.efforts[-1] == pytest.approx([0.5, 0.5])
    assert not run.costs.any()


def test_one_model_has_nobody_to_pass():
    run = simulate(line_contest([1.0], [1.0]))
    assert run.status == "settled" and run.mean_kendall_tau is None
    assert run.first_share.tolist() == [1.0]


def test_bad_arguments_are_named():
    contest = line_contest([1.0, 0.5], [1, 0])
    with pytest.raises(InputError, match="rounds must be >= 1"):
        simulate(contest, rounds=0)
    with pytest.raises(InputError, match="dynamics must be"):
        simulate(contest, "fictitious")
    with pytest.raises(InputError, match="increment must be"):
        simulate(contest, increment=0.0)
    with pytest.raises(InputError, match="order must be"):
        simulate(contest, order="alphabetical")


def test_progress_is_reported():
    seen = []
    simulate(line_contest([1.0, 0.5], [1, 0]), "regret", rounds=250, progress=lambda *told: seen.append(told))
    assert seen == [("playing", 0.4), ("playing", 0.8)]
