"""A simulated arms race as a page: always called a simulation, never cut without saying so."""

from pathlib import Path

import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.errors import InputError
from headstart.report.page_simulation import SHOWN_ROUNDS, simulation_page, write_simulation_page
from headstart.solve.dynamics import Simulation, simulate

NAMES = ("strong", "<b>weak</b>")


def race(**options: object) -> Simulation:
    curves = CurveTable.of([Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=1.0)])
    contest = Contest(names=NAMES, curves=curves, costs=CostTable.batch(PowerCost(), 2), rewards=[1.0, 0.0])
    return simulate(contest, **options)  # pyright: ignore[reportArgumentType]


def test_the_page_says_that_it_shows_a_simulation():
    page = simulation_page(race(increment=0.01), NAMES)
    assert "Simulation, not an equilibrium" in page
    assert "it repeats itself" in page
    assert "round (simulated)" in page


def test_names_are_escaped():
    page = simulation_page(race(increment=0.01), NAMES)
    assert "<b>weak" not in page
    assert "&lt;b&gt;weak" in page


def test_a_long_run_is_shown_in_part_and_says_so():
    page = simulation_page(race(dynamics="regret", rounds=SHOWN_ROUNDS + 50), NAMES)
    assert f"The charts show the first {SHOWN_ROUNDS} of {SHOWN_ROUNDS + 50} rounds" in page
    assert "Regret (USD)" in simulation_page(race(dynamics="regret", rounds=10), NAMES, cost_unit="USD")


def test_names_must_match_the_simulation(tmp_path: Path):
    with pytest.raises(InputError, match="names must be 2 names, got 1"):
        write_simulation_page(race(increment=0.1), NAMES[:1], tmp_path / "page.html")
