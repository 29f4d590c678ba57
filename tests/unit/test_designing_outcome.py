"""The developers' answers, the front, and what is recommended when a requirement cannot be met."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.contest.catalog import read_catalogue_entry
from headstart.designing.choose import choose
from headstart.designing.figures import agreement, in_first_place
from headstart.designing.levels import Ceiling, Requirements
from headstart.designing.outcome import MOST_NOISY, ProtocolOutcome, protocol_outcome
from headstart.designing.protocols import parse
from headstart.designing.recommend import pareto_front, recommend
from headstart.designing.scenario import known_scenario
from headstart.solve.mixed import solve_mixed


def made(protocol="p", *, share=1.0, tau=0.9, bill=10.0, burnt=0.0, honest=True, places=4) -> ProtocolOutcome:
    return ProtocolOutcome(
        protocol=protocol, level=1.0, places=places, verdict="exists" if honest else "none",
        kind="pure" if honest else "mixed", nobody_tunes=honest, stable_share=share, kendall_tau=tau,
        kendall_tau_interval=None, best_first=1.0, effort_burnt=burnt, bill=bill, exploitability=0.0, note=None,
    )  # fmt: skip


def test_two_lines_are_answered_as_the_closed_form_says():
    # head start .5, stake 1: the weaker is first with probability (1 - .25)/2, efforts .125 and .375
    scenario = known_scenario(read_catalogue_entry("two-lines-close").contest)
    found = protocol_outcome(scenario, parse("direct"))
    assert (found.verdict, found.kind, found.nobody_tunes, found.stable_share) == ("none", "mixed", False, 0.0)
    assert found.best_first == pytest.approx(0.625, abs=0.025)
    assert found.kendall_tau == pytest.approx(0.25, abs=0.05)
    assert found.effort_burnt == pytest.approx(0.5, abs=1e-3)


def test_sampled_agreement_is_the_solver_s_own():
    contest = read_catalogue_entry("power-law-direct").contest
    mixed = solve_mixed(contest)
    found = protocol_outcome(known_scenario(contest), parse("direct"))
    assert found.kendall_tau == pytest.approx(mixed.expected_kendall_tau, abs=0.03)
    assert found.effort_burnt == pytest.approx(float(mixed.expected_cost.sum()))


def test_a_protocol_without_figures_says_why():
    found = protocol_outcome(
        known_scenario(read_catalogue_entry("two-lines-close").contest), parse("direct"), equilibrium=False
    )
    assert found.kind == "none"
    assert found.kendall_tau is None
    assert found.note


def test_a_larger_test_set_leaves_less_to_luck():
    curves = CurveTable.of([Linear(intercept=s, slope=0.0) for s in (0.60, 0.55, 0.50)])  # nobody can improve
    costs = CostTable.batch(PowerCost(), 3)
    scenario = known_scenario(Contest(names=("a", "b", "c"), curves=curves, costs=costs, rewards=[2.0, 1.0, 0.0]))
    few, many = (protocol_outcome(scenario, parse(f"direct+items:{count}")) for count in (50, 5000))
    assert (few.kind, few.nobody_tunes, few.effort_burnt) == ("noisy", True, 0.0)
    assert few.kendall_tau < many.kendall_tau
    assert many.best_first > 0.99


@pytest.mark.parametrize(("slope", "honest"), [(0.0, True), (1e-2, False)])
def test_with_many_models_and_noise_only_nobody_tuning_is_checked(slope, honest):
    n = MOST_NOISY + 1
    curves = CurveTable.of([Linear(intercept=0.4 + 0.01 * m, slope=slope) for m in range(n)])
    costs = CostTable.batch(PowerCost(), n)
    names = tuple(f"m{m}" for m in range(n))
    scenario = known_scenario(Contest(names=names, curves=curves, costs=costs, rewards=np.arange(n)[::-1] * 10.0))
    found = protocol_outcome(scenario, parse("direct+items:100"))
    assert (found.nobody_tunes, found.kind) == ((True, "noisy") if honest else (False, "none"))
    assert f"more than {MOST_NOISY} models" in found.note


def test_models_of_one_tier_neither_agree_nor_disagree():
    scores, quality = np.array([[3.0, 2.0, 1.0]]), np.array([[3.0, 1.0, 2.0]])
    assert agreement(scores, quality, None) == pytest.approx([1 / 3])
    assert agreement(scores, quality, np.array([0, 1, 1])) == pytest.approx([2 / 3])
    assert in_first_place(scores, np.array([0, 0, 1])).tolist() == [[True, True, False]]


def test_the_front_is_what_nothing_dominates():
    random = np.random.default_rng(0)
    answers = [
        made(str(i), tau=round(t, 1), bill=round(b, 1), burnt=round(e, 1))
        for i, (t, b, e) in enumerate(random.uniform(0, 1, (60, 3)))
    ]
    answers.append(made("unknown", tau=None))
    front = pareto_front(answers)
    for one, on in zip(answers[:-1], front[:-1], strict=True):
        dominated = any(
            o.kendall_tau >= one.kendall_tau and o.bill <= one.bill and o.effort_burnt <= one.effort_burnt
            and (o.kendall_tau, o.bill, o.effort_burnt) != (one.kendall_tau, one.bill, one.effort_burnt)
            for o in answers[:-1]
        )  # fmt: skip
        assert on == (not dominated)
    assert not front[-1]
    assert front.any()


def test_the_cheapest_that_meets_every_wish_is_recommended():
    answers = [made("dear", bill=9, tau=0.99), made("cheap", bill=3, tau=0.95), made("loose", bill=1, tau=0.5)]
    found = recommend(answers, Requirements(target_tau=0.9, budget=5))
    assert (found.feasible, found.answer.protocol, found.binding) == (True, "cheap", None)
    assert "Choose cheap" in found.reason


def test_too_small_a_budget_names_the_cheapest_and_the_best_within():
    answers = [made("dear", bill=9, tau=0.99), made("loose", bill=1, tau=0.5)]
    found = recommend(answers, Requirements(target_tau=0.9, budget=5), cost_unit="USD")
    assert (found.feasible, found.answer.protocol, found.binding) == (False, "dear", "budget")
    assert "budget of 5 USD" in found.reason
    assert "loose" in found.reason
    assert "no protocol compared is stable" in recommend(answers[:1], Requirements(budget=5)).reason


def test_a_target_out_of_reach_names_the_most_faithful_and_the_ceiling():
    ceiling = Ceiling(tau=0.97, level=50.0, stable_tau=0.93, stable_level=80.0)
    found = recommend([made("a", tau=0.8), made("b", tau=0.92)], Requirements(target_tau=0.99), ceiling=ceiling)
    assert (found.feasible, found.answer.protocol, found.binding) == (False, "b", "fidelity")
    assert "0.970" in found.reason
    assert "0.930" in found.reason


def test_where_nothing_is_stable_enough_the_nearest_is_named():
    answers = [made("x", share=0.2), made("y", share=0.9), made("mixed", share=None, honest=False)]
    found = recommend(answers, Requirements(confidence=0.95))
    assert (found.feasible, found.answer.protocol, found.binding) == (False, "y", "stability")
    assert "y ranks best among them" in found.reason


def test_one_tier_for_everybody_is_no_ranking_to_recommend():
    answers = [made("one tier", bill=0, tau=0.0, places=1), made("y", share=0.9)]
    found = recommend(answers, Requirements())
    assert (found.feasible, found.answer.protocol) == (False, "y")
    assert "one tier" in found.reason


def test_a_design_asked_for_the_impossible_states_the_ceiling():
    # lines that cross at level 2: agreement with the order at 10 is perfect only beyond
    contest = read_catalogue_entry("crossing-lines").contest
    scenario = known_scenario(contest, reference=10.0)
    found = choose(scenario, Requirements(target_tau=1.0, budget=0.0), compare=[parse("direct")])
    assert found.recommendation.binding == "budget"
    assert found.recommendation.answer.level >= 2.5
    assert found.ceiling is None
    unreachable = choose(
        known_scenario(read_catalogue_entry("two-lines-close").contest),
        Requirements(target_tau=1.0),
        compare=[parse("direct")],
    )
    assert unreachable.recommendation.binding == "stability"
    assert unreachable.ceiling.tau == 1.0
    assert unreachable.ceiling.stable_tau is None
