"""Verdicts, prices and levels that arithmetic can prove, on contests whose answers are known."""

from __future__ import annotations

import ast
import math
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from scipy.interpolate import PchipInterpolator

import headstart.certificate as certificate
from headstart.certificate import digest, verify
from headstart.certificate.compare import compare
from headstart.certificate.curves import Exponential, LogitPower, Points
from headstart.certificate.document import read
from headstart.certificate.forever import Side, cell_end, stays_behind
from headstart.certificate.game import Game, conditions
from headstart.certificate.numbers import Real, Signs, parse
from headstart.contest.contest_file import read_document
from headstart.errors import InputError
from headstart.solve.prove import certified_decision, prove


def decimals(value):
    if isinstance(value, dict):
        return {key: decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decimals(item) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


def contest(*models, rewards, level=0, tie_break="capability"):
    listed = [{"name": f"m{at}", "max_effort": None, "cost": cost(), **model} for at, model in enumerate(models)]
    return decimals({
        "schema": "headstart.contest/1", "level": level, "rewards": rewards, "tie_break": tie_break, "noise_sd": None,
        "models": listed,
    })  # fmt: skip


def cost(scale=1, exponent=1, free=0):
    return {"kind": "power", "scale": scale, "exponent": exponent, "free": free}


def line(intercept, slope, **more):
    return {"curve": {"kind": "linear", "intercept": intercept, "slope": slope}, **more}


def power_law(alpha, beta, low=0.0, high=1.0, **more):
    return {"curve": {"kind": "logit_power", "L": low, "U": high, "alpha": alpha, "beta": beta}, **more}


def exponential(floor, ceiling, rate, **more):
    return {"curve": {"kind": "exponential", "floor": floor, "ceiling": ceiling, "rate": rate}, **more}


def points(effort, score, **more):
    return {"curve": {"kind": "points", "effort": effort, "score": score}, **more}


def proved(document):
    """The proof, after checking that it verifies."""
    proof = prove(document)
    verification = verify(proof)
    assert verification.ok, verification.reason
    return proof


# verdicts


def test_a_price_equal_to_the_reward_gap_is_an_equilibrium():
    decision = certified_decision(contest(line(1, 1), line(0, 1), rewards=[1, 0]))
    assert (decision.verdict, decision.unique, decision.proof) == ("exists", True, "exact")


def test_a_price_below_the_gap_in_the_last_of_forty_digits_is_none():
    document = contest(line(1, 1), line(0, 1), rewards=[Decimal("1." + "0" * 39 + "1"), 0])
    assert certified_decision(document).verdict == "none"
    assert proved(document)["pure"]["proof"] == "exact"


def test_twins_that_can_rise_admit_no_equilibrium_and_twins_that_cannot_do():
    assert certified_decision(contest(line(1, 1), line(1, 1), rewards=[1, 0])).verdict == "none"
    assert certified_decision(contest(power_law(0.1, 1.3), power_law(0.1, 1.3), rewards=[1, 0])).verdict == "none"
    assert certified_decision(contest(line(1, 0), line(1, 0), rewards=[1, 0])).verdict == "exists"
    assert proved(contest(power_law(0.1, 1.3), power_law(0.1, 1.3), rewards=[1, 0]))["stabilising_level"] == {
        "status": "infinite", "from": "0", "proof": "exact", "witness": {"model": "m1", "overtakes": "m0"}
    }  # fmt: skip
    assert proved(contest(line(1, 0), line(1, 0), rewards=[1, 0]))["stabilising_level"]["status"] == "zero"


def test_equal_rewards_are_not_worth_any_effort():
    document = contest(line(1, 1), line(1, 1), line(0.5, 2), rewards=[1, 1, 1])
    assert proved(document)["stabilising_level"]["status"] == "zero"


def test_an_overtake_of_two_places_is_found_where_neighbours_do_not_pay():
    # second place is worth nothing more than third, first place much more
    document = contest(line(1, 1), line(0.9, 1), line(0.8, 3), rewards=[1, 0, 0])
    decision = certified_decision(document)
    assert decision.verdict == "none"
    assert decision.witness["overtakes"] == "m0"


def test_a_tie_that_is_won_on_a_plateau_pays_and_one_that_costs_the_gap_does_not():
    climber = points([0, 1], [0, 0.5])
    enough = contest(climber, line(0.5, 0), rewards=[2, 0], tie_break="listed")
    assert certified_decision(enough).verdict == "undecided"  # broken, but ties of flat curves are not covered
    just = contest(climber, line(0.5, 0), rewards=[1, 0], tie_break="listed")
    assert certified_decision(just).verdict == "exists"


def test_a_tie_at_the_cap_pays_exactly_if_the_tie_is_won():
    capped = line(0, 1, max_effort=0.5)
    assert certified_decision(contest(capped, line(0.5, 1), rewards=[1, 0], tie_break="listed")).verdict == "none"
    assert certified_decision(contest(capped, line(0.5, 1), rewards=[1, 0])).verdict == "exists"


def test_ties_of_power_laws_are_recognised_where_the_equation_has_a_solution():
    # (1 + 3)^1 = (1 + 1)^2: with effort 3 the slower model draws level with the faster at effort 1
    slow, fast = LogitPower(*map(fmpq, (0, 1, 0, 1))), LogitPower(*map(fmpq, (0, 1, 0, 2)))
    assert (slow.exact(fmpq(3)), fast.exact(fmpq(1))) == (fmpq(4, 5), fmpq(4, 5))
    for alpha in (0, 0.5):
        document = contest(power_law(alpha, 2), power_law(alpha, 1), rewards=[2, 0], level=1)  # price 2 at level 1
        assert certified_decision(document).verdict == "exists"


def test_an_irrational_reach_is_decided_by_balls():
    # cost e^2 reaches sqrt(2) for a gap of 2
    for margin, verdict in (("1.41421356237309504880", "none"), ("1.41421356237309504881", "exists")):
        document = contest(line(Decimal(margin), 1), line(0, 1, cost=cost(exponent=2)), rewards=[2, 0])
        decision = certified_decision(document)
        assert decision.verdict == verdict
    assert decision.proof == "interval"


def test_free_effort_is_a_self_imposed_level():
    free = {"cost": cost(free=2)}
    document = contest(power_law(0.5, 1, **free), power_law(0, 1, **free), rewards=[3, 0])
    assert certified_decision(document).verdict == "none"
    later = certified_decision(contest(*document["models"], rewards=[3, 0], level=2))
    assert (later.verdict, later.unique, later.efforts) == ("exists", False, ("2", "2"))


def test_free_effort_that_reverses_the_order_is_decided_where_ties_cannot_be_held():
    free = {"cost": cost(free=2)}
    # m0 wins ties but ranks second; m1 rises out of any tie at next to no cost, so nothing but the candidate can last
    decision = certified_decision(contest(line(1, 0.5, **free), line(0.5, 1, **free), rewards=[5, 0]))
    assert (decision.verdict, decision.witness["model"]) == ("none", "m0")
    # m1 is at its cap there: m0 can draw level and keep the first place
    stuck = contest(line(1, 0.5, **free), line(0.5, 1, max_effort=2, **free), rewards=[5, 0])
    decision = certified_decision(stuck)
    assert decision.verdict == "undecided"
    assert "only one" in decision.reason


def test_free_efforts_may_differ():
    # m1 tunes three steps for nothing and leads with 3.5; m0 passes it with a little more than 2.5 steps
    one, other = line(1, 1), line(0.5, 1, cost=cost(free=3))
    proof = proved(contest(one, other, rewards=[3, 0]))
    assert (proof["pure"]["verdict"], proof["pure"]["rests_on"]) == ("none", ["B", "E"])
    assert proof["conditions"][5] == {
        "name": "ties cannot be bought and held", "holds": True, "feeds": ["A", "B", "E"]
    }  # fmt: skip
    assert proved(contest(one, other, rewards=[2, 0]))["pure"]["efforts"] == ["0", "3"]


def test_a_proof_that_states_the_conditions_before_t_rests_on_them_alone():
    def without_t(proof):
        older = {**proof, "conditions": proof["conditions"][:5]}
        return {**older, "sha256": digest(older)}

    strict = proved(contest(line(1, 1), line(0.5, 1), rewards=[1, 0]))
    assert verify(without_t(strict)).ok
    differing = proved(contest(line(1, 1), line(0.5, 1, cost=cost(free=3)), rewards=[3, 0]))
    assert verify(without_t(differing)).reason == "the conditions that make the candidate the only one do not all hold"


def test_a_tie_at_the_untuned_scores_is_broken_by_a_witness_of_an_effort_that_can_be_told():
    flat, rising = line(0.2, 0), exponential(0.2, 0.6, 1)
    decision = certified_decision(contest(flat, rising, rewards=[0.5, 0]))
    assert (decision.verdict, decision.witness["model"]) == ("none", "m1")


def test_a_listed_tie_rule_needs_every_curve_to_rise():
    flat, rising = points([0, 1], [1, 1]), line(0.9, 1)
    document = contest(rising, flat, rewards=[1, 0], tie_break="listed")
    assert certified_decision(document).verdict == "undecided"
    assert certified_decision({**document, "tie_break": "capability"}).verdict == "none"


def test_one_developer_has_nothing_to_win():
    assert proved(contest(line(0, 1), rewards=[1]))["stabilising_level"]["status"] == "zero"


def test_noise_is_refused():
    with pytest.raises(InputError, match="noise"):
        certified_decision({**contest(line(1, 1), line(0, 1), rewards=[1, 0]), "noise_sd": Decimal("0.1")})


# prices


def test_prices_of_lines_are_exact_and_those_of_power_laws_enclosed():
    third = proved(contest(line(1, 3), line(0, 3), rewards=[1, 0]))["prices"][0]
    assert (third["effort"], third["cost"]) == (["1/3", "1/3"], ["1/3", "1/3"])
    law = proved(contest(power_law(0.5, 1), power_law(0, 1), rewards=[1, 0]))["prices"][0]
    low, high = map(float, law["effort"])
    assert low < math.exp(0.5) - 1 < high


def test_out_of_reach_is_stated_with_its_reason():
    ceiling = proved(contest(power_law(0.5, 1), power_law(0, 1, high=0.6), rewards=[1, 0]))["prices"][0]
    assert (ceiling["reachable"], ceiling["reason"], ceiling["effort"]) == (False, "ceiling", None)
    cap = proved(contest(line(1, 1), line(0, 1, max_effort=1), rewards=[1, 0]))["prices"][0]
    assert (cap["reachable"], cap["reason"]) == (False, "cap")


# levels


def test_the_stabilising_level_of_equal_power_laws_is_enclosed():
    # e^(1/2) (1 + D) - (1 + D) = 3
    level = proved(contest(power_law(0.5, 1), power_law(0, 1), rewards=[3, 0]))["stabilising_level"]
    exact = 3 / (math.exp(0.5) - 1) - 1
    assert float(level["low"]) < exact <= float(level["high"])
    assert float(level["high"]) - float(level["low"]) < 1e-6 * exact
    assert level["half_line"] is True


def test_equal_betas_with_other_floors_are_settled_by_all_digits_of_the_parameters():
    # catch-up effort 1 + d (1 + D) with d = 2 exp(alpha) - 1 = 9.417e-18: the decimal is not -log 2
    level = proved(contest(power_law(-0.6931471805599453, 1, low=0.5), power_law(0, 1), rewards=[2, 0]))
    level = level["stabilising_level"]
    assert (level["status"], level["half_line"]) == ("finite", None)
    assert float(level["low"]) < 1.06188e17 * (1 + 1e-5) and float(level["high"]) > 1.06188e17 * (1 - 1e-5)
    # just below -log 2 the order turns over near 1.02e16; then 2 steps are enough up to 3 times that
    other = proved(contest(power_law(-0.6931471805599454, 1, low=0.5), power_law(0, 1), rewards=[2, 0]))
    assert float(other["stabilising_level"]["high"]) == pytest.approx(3 / 9.0583e-17, rel=1e-4)


def test_parallel_lines_are_never_stabilised_and_diverging_ones_are():
    assert proved(contest(line(1, 1), line(0.5, 1), rewards=[1, 0]))["stabilising_level"]["status"] == "infinite"
    level = proved(contest(line(1, 2), line(0.5, 1), rewards=[1, 0]))["stabilising_level"]
    assert (level["low"], level["high"], level["proof"]) == ("0.49999999", "0.5", "exact")


def test_equal_rates_are_never_stabilised_and_faster_leaders_are():
    same = contest(exponential(0.5, 1, 0.1), exponential(0.3, 1, 0.1), rewards=[10, 0])
    assert proved(same)["stabilising_level"]["status"] == "infinite"
    faster = contest(exponential(0.5, 1, 0.1), exponential(0.3, 1, 0.05), rewards=[10, 0])
    # log(0.5) - 0.1 D = log(0.7) - 0.05 (D + 10)
    exact = (math.log(0.5 / 0.7) + 0.5) / 0.05
    level = proved(faster)["stabilising_level"]
    assert float(level["low"]) < exact <= float(level["high"])


def test_the_level_is_the_last_of_several_thresholds_when_curves_cross():
    # m1 passes m0 for good at level 3.75: unstable around the crossing, stable after
    document = contest(points([0, 10], [1, 2]), points([0, 10], [0.4, 3]), rewards=[1, 0])
    level = proved(document)["stabilising_level"]
    assert level["half_line"] is None
    # stable again once the slower needs more than 1: 1 + 0.1 (D + 1) = 0.4 + 0.26 D
    assert float(level["low"]) < 0.7 / 0.16 <= float(level["high"])


def test_a_free_zone_lowers_the_stabilising_level_by_its_length():
    free = {"cost": cost(free=2)}
    own = proved(contest(power_law(0.5, 1), power_law(0, 1), rewards=[3, 0]))["stabilising_level"]
    freed = proved(contest(power_law(0.5, 1, **free), power_law(0, 1, **free), rewards=[3, 0]))["stabilising_level"]
    assert float(freed["high"]) == pytest.approx(float(own["high"]) - 2, abs=1e-6)


def test_twins_are_stable_from_where_their_free_effort_saturates_them():
    free = {"cost": cost(scale=2, free=0.5)}
    twin = points([0, 1], [1.5, 3.5], **free)
    for tie_break in ("listed", "capability"):
        level = proved(contest(twin, twin, line(4, 0, **free), rewards=[2, 1, 0.75], level=1, tie_break=tie_break))
        assert (level["stabilising_level"]["low"], level["stabilising_level"]["high"]) == ("0.49999999", "0.5")


def test_a_lead_that_shrinks_before_it_grows_is_not_taken_for_lasting():
    low, high = LogitPower(*map(parse, ("0", "1", "1", "0.9"))), LogitPower(*map(parse, ("0", "1", "0", "1")))
    ahead, tuned = Side(curve=low, effort=Real.rational(fmpq(0))), Side(curve=high, effort=Real.rational(fmpq(10)))
    assert stays_behind(Signs(), ahead, tuned, fmpq(0)) is None  # overtaken around level 90
    assert stays_behind(Signs(), ahead, tuned, fmpq(10**6)) == 1


def test_a_dip_below_is_seen_between_power_laws_with_other_floors_and_one_beta():
    # the one with the higher floor is ahead by little at 0, behind at 4, ahead for good later
    low, high = (LogitPower(*map(parse, p)) for p in (("0", "1", "-1.06", "2"), ("0.5", "1", "-1.57", "2")))
    ahead, behind = Side(curve=high, effort=Real.rational(fmpq(0))), Side(curve=low, effort=Real.rational(fmpq(1)))
    assert compare(Signs(), *behind.at(fmpq(0)), *ahead.at(fmpq(0))) == -1
    assert compare(Signs(), *behind.at(fmpq(4)), *ahead.at(fmpq(4))) == 1
    assert stays_behind(Signs(), behind, ahead, fmpq(0)) is None
    assert stays_behind(Signs(), behind, ahead, fmpq(100)) == 1


# the verifier itself


def test_a_deviation_that_pays_now_is_not_taken_to_pay_for_ever():
    # m1 passes m0 at any level, but from level 1 on m2 is first and second place is worth nothing
    document = contest(line(1, 1), line(0.5, 1), line(0, 2), rewards=[1, 0, 0])
    proof = proved(document)
    assert proof["stabilising_level"]["status"] == "finite"
    names = {"model": "m1", "overtakes": "m0"}
    for_ever = {"status": "infinite", "from": "0", "proof": "exact", "witness": names}
    forged = {**proof, "stabilising_level": for_ever}
    assert (
        verify({**forged, "sha256": digest(forged)}).reason == "the witness is not shown to gain at every higher level"
    )


def test_a_witness_alone_does_not_prove_that_there_is_no_equilibrium():
    document = contest(line(0.9, 1), points([0, 1], [1, 1]), rewards=[1, 0])
    proof = {**proved(document), "stabilising_level": None}
    listed = {**proof["contest"], "tie_break": "listed"}
    known = conditions(Game(document=read(listed), signs=Signs()))
    forged = {**proof, "contest": listed, "conditions": known}
    reason = "the conditions that make the candidate the only one do not all hold"
    assert verify({**forged, "sha256": digest(forged)}).reason == reason


def test_a_contest_file_is_proved_with_its_numbers_as_written(tmp_path):
    file = tmp_path / "contest.toml"
    file.write_text(
        """
        schema = "headstart.contest/1"
        rewards = { kind = "winner" }
        models = [
          { name = "a", curve = { kind = "linear", intercept = 0.30, slope = 1 } },
          { name = "b", curve = { kind = "linear", intercept = 0.1, slope = 1e0 } },
        ]
        [defaults]
        cost = { kind = "power", scale = 5.0 }
        """
    )
    proof = proved(read_document(file))
    assert proof["contest"]["models"][0]["curve"]["intercept"] == "0.30"
    # 0.3 - 0.1 is 0.2 in decimals, and costs exactly what it gains; in binary it is less
    assert (0.3 - 0.1) * 5 < 1
    assert (proof["pure"]["verdict"], proof["prices"][0]["cost"]) == ("exists", ["1", "1"])


def test_the_verifier_imports_no_solver_and_no_floating_point():
    allowed = {*sys.stdlib_module_names, "flint", "headstart.errors"}
    for file in Path(certificate.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                inside = name.startswith("headstart.certificate")
                assert inside or name in allowed or name.split(".")[0] in allowed, (file.name, name)


def test_interpolated_points_are_those_of_the_floating_point_curve():
    effort, score = [0, 1, 3, 4, 10], [0.1, 0.2, 0.2, 0.7, 0.9]
    exact = Points(tuple(map(fmpq, effort)), tuple(parse(repr(s)) for s in score))
    curve = PchipInterpolator(effort, score)
    for at in np.linspace(0, 10, 101):
        value = exact.exact(fmpq(*float(at).as_integer_ratio()))
        assert float(value.p) / float(value.q) == pytest.approx(float(curve(at)), abs=1e-14)


def test_balls_contain_the_scores_of_the_floating_point_curves():
    from headstart.contest import curves

    law, exact_law = curves.LogitPower(L=0.25, U=0.75, alpha=-1.5, beta=0.5), ("0.25", "0.75", "-1.5", "0.5")
    decay, exact_decay = curves.Exponential(floor=0.25, ceiling=0.75, rate=0.125), ("0.25", "0.75", "0.125")
    pairs = ((law, LogitPower(*map(parse, exact_law))), (decay, Exponential(*map(parse, exact_decay))))
    with ctx.workprec(200):
        for floating, exact in pairs:
            for effort in (0, 1, 7, 30):
                assert abs(float(exact.ball(arb(effort)).mid()) - float(floating.score(effort))) < 1e-14
                shortfall = float(exact.log_shortfall(arb(effort)).exp().mid())
                assert shortfall == pytest.approx(float(floating.shortfall(effort)), rel=1e-13)


def test_ends_of_cells_stay_short_and_inside_their_cell() -> None:
    level = fmpq(0)
    for at in range(1000):
        step = (fmpq(1, 16), fmpq(1, 2**30), fmpq(1, 2**10))[at % 3]
        end = level + step * (1 + level)
        short = cell_end(level, end)
        assert level < short <= end and short - level >= (end - level) * fmpq(15, 16)
        assert short.height_bits() < 100
        level = short
