"""The cheapest level and the recommendation on contests whose stabilising level is known, against brute force."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PowerCost
from headstart.contest.catalog import catalogue_names, read_catalogue_entry
from headstart.designing.choose import choose
from headstart.designing.levels import Requirements, ceiling_of, cheapest_level, first_level, rounded_up
from headstart.designing.protocols import parse
from headstart.designing.scenario import known_scenario
from headstart.designing.stakes import stakes_edge
from headstart.errors import InputError
from headstart.solve.pure import solve_pure

KNOWN = [
    entry
    for entry in map(read_catalogue_entry, catalogue_names())
    if entry.expected.stabilising_level is not None and entry.contest.noise_sd is None and entry.contest.n >= 2
]


def line_contest(gap: float, value: float) -> Contest:
    """Two straight lines, ``gap`` apart: the weaker pays ``gap`` steps to pass, at every level."""
    curves = CurveTable.of([Linear(intercept=gap, slope=1.0), Linear(intercept=0.0, slope=1.0)])
    costs = CostTable.batch(PowerCost(), 2)
    return Contest(names=("strong", "weak"), curves=curves, costs=costs, rewards=[value, 0.0])


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.name)
def test_the_cheapest_level_is_the_one_the_catalogue_knows(entry):
    expected = entry.expected.stabilising_level
    least = {"zero": 0.0, "infinite": None, "finite": expected.level}.get(expected.status)
    if expected.status == "union":
        least = min(interval[0] for interval in expected.intervals)
    found = cheapest_level(known_scenario(entry.contest), 0.95, ())
    if least is None:
        assert found.level is None
        assert found.share == 0.0
    else:
        assert found.level == pytest.approx(least, rel=2e-5, abs=1e-12)
        assert found.level >= least


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.name)
def test_no_level_of_a_fine_grid_is_stable_and_cheaper_than_the_recommendation(entry):
    scenario = known_scenario(entry.contest)
    found = choose(scenario, Requirements(), compare=[parse("direct")])
    grid = np.linspace(0.0, 10.0, 401)
    stable = [level for level in grid if solve_pure(scenario.contest.at_level(float(level))).verdict == "exists"]
    recommended = found.recommendation
    if not stable:
        assert not recommended.feasible
        assert recommended.binding == "stability"
    else:
        assert recommended.feasible
        assert recommended.answer.bill <= min(stable) * entry.contest.n * (1 + 2e-5) + 1e-12
        level = recommended.answer.level
        assert solve_pure(scenario.contest.at_level(level)).verdict == "exists"


def test_a_level_that_is_shown_is_the_level_that_is_stable():
    entry = read_catalogue_entry("power-law-direct")
    answer = choose(known_scenario(entry.contest), Requirements(), compare=[parse("direct")]).recommendation.answer
    (shown,) = parse(answer.protocol)
    assert shown.level == answer.level
    assert solve_pure(entry.contest.at_level(shown.level)).verdict == "exists"


@pytest.mark.parametrize("level", [0.0, 1.0, 9440.963054, 1e-7, 123456.5, 3.5])
def test_rounding_goes_up_by_less_than_a_hundred_thousandth(level):
    assert level <= rounded_up(level) <= level * (1 + 1e-5) + 1e-300


def test_the_first_level_that_meets_a_condition_is_refined_towards_the_one_before():
    grid = np.array([0.0, 1.0, 10.0, 100.0])
    assert first_level(grid, lambda level: level >= 3.25) == pytest.approx(3.25, abs=1e-4)
    assert first_level(grid, lambda level: True) == 0.0
    assert first_level(grid, lambda level: False) is None


def test_dropping_either_model_of_the_pair_that_forces_the_level_up_changes_the_level():
    contest = read_catalogue_entry("power-law-direct").contest
    why = cheapest_level(known_scenario(contest), 0.95, ()).sensitivity
    assert why is not None
    for name, without in (
        (why.climber, why.level_without_climber),
        (why.overtaken, why.level_without_overtaken),
    ):
        rest = known_scenario(contest).without(contest.names.index(name))
        assert without == cheapest_level(rest, 0.95, (), sensitivity=False).level
    assert {why.climber, why.overtaken} <= set(contest.names)


def test_the_largest_stable_value_of_first_place_is_the_price_of_it():
    edge = stakes_edge(known_scenario(line_contest(gap=0.25, value=1.0)))
    assert edge.stakes == pytest.approx(np.full(edge.levels.size, 0.25))
    out_of_reach = LogitPower(L=0.0, U=[0.9, 0.4], alpha=[5.0, 0.0], beta=1.0)
    costs = CostTable.batch(PowerCost(), 2)
    contest = Contest(names=("a", "b"), curves=CurveTable.batch(out_of_reach, 2), costs=costs, rewards=[1.0, 0.0])
    assert np.isinf(stakes_edge(known_scenario(contest)).stakes[-1])


def test_a_target_no_level_reaches_is_named_with_the_ceiling_that_the_curves_imply():
    # the order at the reference level 100 is the opposite of the one that is stable up to it
    contest = read_catalogue_entry("crossing-lines").contest
    scenario = known_scenario(contest)
    ceiling = ceiling_of(scenario, 0.95)
    assert ceiling.tau == 1.0  # at level 0, by definition
    far = known_scenario(line_contest(gap=0.25, value=1.0))
    assert ceiling_of(far, 0.95).stable_tau is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: known_scenario(read_catalogue_entry("noisy-equals").contest), "noise_sd must be absent"),
        (lambda c: known_scenario(c, reference=-1.0), "reference must be a finite number >= 0"),
        (lambda c: known_scenario(c).without(0), "models must be two or more"),
        (lambda c: Requirements(confidence=0.0), "confidence must be in"),
        (lambda c: Requirements(target_tau=1.5), "target_tau must be in"),
        (lambda c: Requirements(budget=-1.0), "budget must be >= 0"),
    ],
)
def test_what_cannot_be_designed_is_refused_by_name(change, words):
    with pytest.raises(InputError, match=words):
        change(line_contest(gap=0.25, value=1.0))
