"""What is exported to Gambit is the same game."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.contest.gambit import write_nfg
from headstart.errors import InputError

pygambit = pytest.importorskip("pygambit", reason="needs Gambit's own reader")


def line_contest(scores, rewards, **options):
    n = len(scores)
    return Contest(
        names=tuple(f"model {i}" for i in range(n)),
        curves=CurveTable.batch(Linear(intercept=scores, slope=np.ones(n)), n),
        costs=CostTable.batch(PowerCost(), n),
        rewards=rewards,
        **options,
    )


@pytest.mark.parametrize(
    ("scores", "rewards"),
    [([1.0, 0.5], [1, 0]), ([0.1, 0.7, 0.4], [2.0, 0.3, 0.0]), ([0.1, 0.7, 0.4, 0.4], [2.0, 0.3, 0.3, 0.0])],
)
def test_gambit_reads_the_contest_s_payoffs(tmp_path, scores, rewards):
    contest = line_contest(scores, rewards)
    grids = [np.linspace(0, 1 + 0.1 * i, 3 + i % 2) for i in range(contest.n)]
    write_nfg(contest, tmp_path / "game.nfg", levels=grids)
    game = pygambit.read_nfg(str(tmp_path / "game.nfg"))
    assert list(game.players) == list(contest.names)
    payoffs = [np.asarray(table, dtype=float) for table in game.to_arrays()]
    for index in np.ndindex(payoffs[0].shape):
        profile = [grid[at] for grid, at in zip(grids, index, strict=True)]
        assert [table[index] for table in payoffs] == contest.payoffs(profile).tolist()


def test_default_levels_span_the_useful_efforts(tmp_path):
    contest = line_contest([1.0, 0.5], [1, 0], max_effort=[0.25, np.inf])
    write_nfg(contest, tmp_path / "game.nfg", levels=3)
    game = pygambit.read_nfg(str(tmp_path / "game.nfg"))
    labels = [list(game.get_strategies(player)) for player in game.players]
    assert labels == [["0", "0.125", "0.25"], ["0", "0.5", "1"]]


def test_gambit_finds_the_equilibrium_nobody_tunes(tmp_path):
    write_nfg(line_contest([2.0, 0.5], [1, 0]), tmp_path / "game.nfg", levels=5)
    found = pygambit.nash.enumpure_solve(pygambit.read_nfg(str(tmp_path / "game.nfg"))).equilibria
    assert [(e["model 0"]["0"], e["model 1"]["0"]) for e in found] == [(1, 1)]


def named(names):
    return Contest(
        names=names,
        curves=CurveTable.batch(Linear(intercept=[1.0, 0.0], slope=[1.0, 1.0]), 2),
        costs=CostTable.batch(PowerCost(), 2),
        rewards=[1, 0],
    )


def test_names_with_quotes_survive_and_those_gambit_would_change_are_refused(tmp_path):
    write_nfg(named(('the "best"', "é b")), tmp_path / "game.nfg", levels=2)
    assert list(pygambit.read_nfg(str(tmp_path / "game.nfg")).players) == ['the "best"', "é b"]
    with pytest.raises(InputError, match="free of backslashes"):
        write_nfg(named(("a", "b\\")), tmp_path / "other.nfg", levels=2)


def test_a_game_too_large_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"at most 1,000,000 payoffs, got 97,656,250"):
        write_nfg(line_contest(np.arange(10.0), np.arange(10.0)[::-1]), tmp_path / "game.nfg", levels=5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([[0, 1]], "2 lists"),
        ([[0, 0.5], []], "non-empty list of efforts for model 1"),
        ([[0, 0.5], [0, -1]], "between 0 and the cap for model 1"),
        ([[0, 0.6], [0]], "between 0 and the cap for model 0"),
        ([[0], [1, 0.5]], "rising efforts for model 1"),
        (0, ">= 1"),
    ],
)
def test_bad_levels_are_named(tmp_path, levels, message):
    with pytest.raises(InputError, match=message):
        write_nfg(line_contest([1, 0], [1, 0], max_effort=[0.5, 2.0]), tmp_path / "game.nfg", levels=levels)


def test_the_suffix_must_be_gambit_s(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.nfg"):
        write_nfg(line_contest([1, 0], [1, 0]), tmp_path / "game.txt")
