"""Claims under noise: what is proved agrees with other computations, and what is false is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import chain

import numpy as np
import pytest
from flint import arb, fmpq

from headstart.certificate import digest, verify
from headstart.certificate.costs import PointsCost, PowerCost
from headstart.certificate.curves import Exponential, Linear, LogitPower, Points
from headstart.certificate.document import read
from headstart.certificate.dominance import least_slope, steepest
from headstart.certificate.noise import Field, score
from headstart.certificate.numbers import parse
from headstart.errors import ComputationError, InputError
from headstart.solve import prove_noise
from headstart.solve.dominance import dominance_level
from headstart.solve.incentive import incentive
from headstart.solve.prove import as_text, certified_decision, prove
from noisy_proofs import (
    CONTESTS,
    COST,
    accepted,
    coarser,
    contest_of,
    document,
    model,
    mutations,
    proof_text,
    says_the_truth,
)

NAMES = sorted(CONTESTS)


def rationals(*texts):
    return tuple(parse(text) for text in texts)


@pytest.mark.parametrize("name", NAMES)
def test_a_proof_under_noise_verifies_and_agrees_with_the_solver(name):
    proof = json.loads(proof_text(name))
    verification = verify(proof)
    assert verification.ok, verification.reason
    contest = contest_of(proof)
    gain = float(incentive(contest, tolerance=1e-4).upper_share.max())
    tolerance = float(Decimal(proof["incentive"]["tolerance"]))
    assert gain <= tolerance
    if name != "uneven rewards and free effort":  # elsewhere the bound is the gain itself
        assert tolerance < gain + 0.005
    level = dominance_level(contest).level
    if level is None:
        assert proof["dominance"] is None
    else:
        assert float(Decimal(proof["dominance"]["level"])) == pytest.approx(level, rel=1e-6)


def test_the_gain_is_bounded_as_simulated_rankings_say():
    proof = json.loads(proof_text("uneven rewards and free effort"))
    game = contest_of(proof)
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(200_000, game.n)) * game.noise_sd
    untuned = np.asarray(game.scores())
    field = Field.of(read(proof["contest"]))

    def reward(i, own):
        observed = untuned + noise
        observed[:, i] += own - untuned[i]
        rank = (observed > observed[:, [i]]).sum(axis=1)
        return game.rewards[rank].mean()

    for i in range(2):
        for effort in ("3", "20"):
            curve = field.document.developers[i].curve
            target = score(curve, field.document.level + parse(effort))
            simulated = reward(i, float(target)) - reward(i, untuned[i])
            bound = min(float(field.gain_by_overlap(i, target)), float(field.gain_by_places(i, target)))
            assert simulated <= bound + 5  # of 900, and three standard errors are 3


def test_evenly_spaced_rewards_gain_exactly_what_simulated_rankings_say():
    proof = json.loads(proof_text("every family"))
    game = contest_of(proof)
    noise = np.random.default_rng(2).normal(size=(200_000, game.n)) * game.noise_sd
    untuned = np.asarray(game.scores())
    field = Field.of(read(proof["contest"]))
    for i in range(game.n):
        target = score(field.document.developers[i].curve, field.document.level + 150)
        beaten = [
            ((own + noise[:, [i]] > np.delete(untuned + noise, i, axis=1)).sum(axis=1)).mean()
            for own in (float(target), untuned[i])
        ]
        assert float(field.gain_by_places(i, target)) == pytest.approx(300 * (beaten[0] - beaten[1]), abs=2)


@pytest.mark.parametrize(
    "curve",
    [
        Linear(*rationals("0.1", "0.002")),
        Exponential(*rationals("0.2", "0.9", "0.01")),
        LogitPower(*rationals("0.2", "0.9", "-3", "1.7")),
        LogitPower(*rationals("0.2", "0.9", "-1", "0.6")),
        Points(rationals("0", "10", "30", "90"), rationals("0.2", "0.3", "0.7", "0.9")),
    ],
    ids=lambda curve: type(curve).__name__,
)
@pytest.mark.parametrize("level", ["0", "1.5", "25", "60"])
def test_no_slope_beyond_a_level_exceeds_the_steepest_and_some_slope_reaches_it(curve, level):
    start = parse(level)
    width = fmpq(1, 10**6)
    slopes = []
    for step in np.r_[0.0, np.geomspace(1e-3, 200, 1500)]:
        at = start + fmpq(*float(step).as_integer_ratio())
        slopes.append(float((score(curve, at + width) - score(curve, at)) / arb(width)))
    assert max(slopes) == pytest.approx(float(steepest(curve, start)), rel=2e-3)


def test_a_cost_is_at_least_its_least_slope_times_the_effort():
    assert least_slope(PowerCost(*rationals("3", "1", "0"))) == 3
    assert least_slope(PowerCost(*rationals("3", "2", "0"))) == least_slope(PowerCost(*rationals("3", "1", "1"))) == 0
    assert least_slope(PointsCost(rationals("0", "1", "2"), rationals("0", "1", "4"))) == 1
    # a file may hold points that are not convex: the verifier takes the least chord
    assert least_slope(PointsCost(rationals("0", "1", "3"), rationals("0", "2", "3"))) == parse("1/2")


@pytest.mark.parametrize("name", NAMES)
def test_an_altered_proof_is_refused_unless_what_it_claims_is_so(name):
    proof = json.loads(proof_text(name))
    every = {"two exponentials": 1, "every family": 2, "uneven rewards and free effort": 1}[name]
    single = (altered for at, altered in enumerate(mutations(proof)) if at % every == 0)
    tried, kept = accepted(chain(single, coarser(proof)))
    assert tried > 150
    assert 0 < len(kept) < tried / 2
    for path, altered in kept:
        assert says_the_truth(altered), path


def altered(name, **claims):
    proof = json.loads(proof_text(name))
    for key, change in claims.items():
        proof[key] = {**proof[key], **change} if isinstance(change, dict) else change
    return verify({**proof, "sha256": digest(proof)}).reason


def test_false_claims_are_refused_with_a_sentence():
    name = "every family"
    assert "not shown to gain no more" in altered(name, incentive={"tolerance": "0.001"})
    assert "not shown to gain no more" in altered(name, incentive={"ends": [[], [], [], []]})
    assert altered(name, incentive={"tolerance": "0"}) == "incentive.tolerance must be between 0 and 1"
    assert altered(name, incentive={"ends": [["2", "1"], [], [], []]}).startswith("the ends of cells must rise")
    assert altered(name, incentive={"ends": [[], ["1500"], [], []]}).startswith(("the ends of cells", "a is not shown"))
    assert altered(name, incentive={"ends": [["1.0"], [], [], []]}) == "an end of a cell must be in shortest form"
    assert "not shown to be dominant" in altered("two exponentials", dominance={"level": "10"})
    assert altered("two exponentials", dominance={"unique": None}).startswith("dominance.unique")
    assert altered("two exponentials", dominance=None, incentive=None) == "nothing is claimed"
    assert altered("two exponentials", ranking=["a", "b"]) == "ranking is not what follows"


def test_claims_under_noise_and_without_are_not_mixed():
    noisy = json.loads(proof_text("two exponentials"))
    silent = {**noisy, "contest": {**noisy["contest"], "noise_sd": None}}
    assert verify({**silent, "sha256": digest(silent)}).reason.startswith("incentive and dominance must be there")
    plain = prove({**CONTESTS["two exponentials"], "noise_sd": None})
    loud = {**plain, "contest": {**plain["contest"], "noise_sd": "0.1"}}
    assert verify({**loud, "sha256": digest(loud)}).reason.startswith("incentive and dominance must be there")


def test_a_tolerance_is_proved_or_refused_with_what_may_be_gained():
    contest = CONTESTS["two exponentials"]
    proof = prove(contest, tolerance="0.4")
    assert proof["incentive"]["tolerance"] == "0.4"
    assert verify(proof).ok
    few = sum(map(len, proof["incentive"]["ends"]))
    assert few < sum(map(len, json.loads(proof_text("two exponentials"))["incentive"]["ends"]))
    with pytest.raises(ComputationError, match="may be gained"):
        prove(contest, tolerance=0.001)
    for wrong in ("2", "0", "some"):
        with pytest.raises(InputError, match="tolerance must be"):
            prove(contest, tolerance=wrong)
    with pytest.raises(InputError, match="for contests with noise"):
        prove({**contest, "noise_sd": None}, tolerance=0.1)


def test_of_many_models_only_dominance_is_proved(monkeypatch):
    monkeypatch.setattr(prove_noise, "_MOST_MODELS", 1)
    proof = prove(CONTESTS["two exponentials"])
    assert proof["incentive"] is None
    assert verify(proof).ok
    assert len(verify(proof).claims) == 1
    with pytest.raises(ComputationError, match="up to 1 models"):
        prove(CONTESTS["two exponentials"], tolerance=0.5)


def test_what_cannot_be_claimed_under_noise_is_refused():
    two = [model("a", "linear", intercept=0.5, slope=0.1), model("b", "linear", intercept=0.4, slope=0.1)]
    with pytest.raises(InputError, match="for every model"):
        prove(document(*two, rewards=[1, 0], noise=[0, 0.1]))
    with pytest.raises(InputError, match="rewards must differ"):
        prove(document(*two, rewards=[1, 1], noise=0.1))
    with pytest.raises(InputError, match="without noise"):
        certified_decision(document(*two, rewards=[1, 0], noise=0.1))
    # gains of nearly the whole stake, and lines that rise for ever: nothing to claim but the trivial
    cheap = {**COST, "scale": 1e-9}
    steep = [model(n, "linear", cheap, intercept=at, slope=1) for n, at in (("a", 0.5), ("b", 0.4))]
    with pytest.raises(ComputationError, match="neither"):
        prove(document(*steep, rewards=[1, 0], noise=1e-9))


def test_free_effort_leaves_the_dominance_without_uniqueness():
    free = {**COST, "free": 5}
    flat = document(
        model("a", "points", free, effort=[0, 10], score=[0.2, 0.6]),
        model("b", "points", free, effort=[0], score=[0.5]),
        rewards=[1, 0], noise=0.1, level=3,
    )  # fmt: skip
    claim = prove(flat)["dominance"]
    assert (claim["unique"], float(claim["level"])) == (None, pytest.approx(10))
    assert read(as_text(flat)).noisy


def test_curves_that_rise_no_more_gain_nothing():
    done = document(
        model("a", "points", effort=[0, 10], score=[0.2, 0.6]), model("b", "points", effort=[0], score=[0.5]),
        rewards=[1, 0], noise=0.1, level=10,
    )  # fmt: skip
    proof = prove(done, tolerance="1e-9")
    assert proof["incentive"]["ends"] == [[], []]
    assert verify(proof).ok
