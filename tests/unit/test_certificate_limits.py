"""Proofs that stand for more numbers or work than is reasonable are refused, in little memory and with one sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from headstart.certificate import digest, limits, verify
from headstart.certificate.document import read
from headstart.certificate.game import Game, conditions
from headstart.certificate.limits import Budget, TooLarge
from headstart.certificate.numbers import Signs

ZERO = {"status": "zero", "proof": "exact"}
MEGABYTE = 1 << 20
MEMORY_MB = 300

CHECK = f"""
import json, resource, sys
from headstart.certificate import limits, verify
limits.MOST_WORK = 50_000
resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY_MB * MEGABYTE}, {MEMORY_MB * MEGABYTE}))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
print(json.dumps([verify(proof).reason for proof in json.load(sys.stdin)]))
"""


def line(i):
    return {"kind": "linear", "intercept": str(10_000 - i), "slope": "1"}


def slow_line(i):
    return {"kind": "linear", "intercept": str(10_000 - i), "slope": "1e-1000"}


def power_law(i):
    return {"kind": "logit_power", "L": "0.1", "U": "0.9", "alpha": f"{-i}e-9", "beta": "1.1"}


steep_cost = {"kind": "power", "scale": "1", "exponent": "1000", "free": "0"}


def prices(n, effort):
    names = ({"model": f"m{i}", "overtakes": f"m{i - 1}"} for i in range(1, n))
    return [{**pair, "reachable": True, "reason": None, "effort": [effort] * 2, "cost": ["1", "1"]} for pair in names]


def contest(n, rewards, curve=line, cost=None):
    cost = cost or {"kind": "power", "scale": "1", "exponent": "1", "free": "0"}
    models = [{"name": f"m{i}", "curve": curve(i), "cost": cost, "max_effort": None} for i in range(n)]
    return {
        "schema": "headstart.contest/1", "level": "0", "rewards": rewards, "tie_break": "capability", "noise_sd": None,
        "models": models,
    }  # fmt: skip


def forged(document, **more):
    """A proof whose ranking, conditions and digest are right, so that its claims are looked at."""
    models = document["models"]
    few = {**document, "models": models[:2], "rewards": ["1", "0"]}
    known = conditions(Game(document=read(few), signs=Signs()))
    pure = {
        "verdict": "exists", "unique": True, "proof": "exact", "efforts": ["0"] * len(models), "witness": None,
        "rests_on": ["B", "A"],
    }  # fmt: skip
    proof = {
        "schema": "headstart.proof/1", "headstart_version": "0", "created_at": "", "contest": document,
        "conditions": known, "ranking": [m["name"] for m in models], "pure": pure, "prices": None,
        "stabilising_level": None, **more,
    }  # fmt: skip
    return {**proof, "sha256": digest(proof)}


def geometric(digits):
    return {"kind": "geometric", "ratio": "0." + "9" * digits, "value": "1"}


LARGE = {
    "a ratio of three thousand nines": (forged(contest(3000, geometric(3000))), "rewards.ratio is longer than"),
    "a ratio of one thousand nines": (forged(contest(3000, geometric(1000))), "geometric rewards of 3000 ranks"),
    "a ratio of eight nines": (forged(contest(1500, geometric(8))), "the check costs more than"),
    "all pairs of three thousand": (
        forged(contest(3000, {"kind": "linear", "value": "1"})), "the check costs more than"),
    "power laws that hardly differ": (
        forged(contest(3000, {"kind": "linear", "value": "1"}, power_law)), "the check costs more than"),
    "levels for three thousand": (
        forged(contest(3000, {"kind": "winner", "value": "1e-9"}), stabilising_level=ZERO),
        "the check costs more than"),
    "few letters for many digits": (forged(contest(5000, ["1e1200"] * 5000)), "the numbers of the proof are longer"),
    "costs of millions of digits": (
        forged(contest(300, {"kind": "winner", "value": "1"}, slow_line, steep_cost), prices=prices(300, "1e1000")),
        "the check costs more than"),
}  # fmt: skip


def test_large_proofs_are_refused_with_a_sentence_and_in_little_memory():
    proofs = [proof for proof, _ in LARGE.values()]
    done = subprocess.run(
        [sys.executable, "-c", CHECK], input=json.dumps(proofs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for (name, (_, expected)), reason in zip(LARGE.items(), json.loads(done.stdout), strict=True):
        assert reason, name
        assert "\n" not in reason
        assert reason.startswith(expected), (name, reason)


def test_a_thousand_models_are_within_the_limits():
    verification = verify(forged(contest(1000, {"kind": "winner", "value": "0.5"})))
    assert verification.ok, verification.reason


def test_a_long_number_of_a_claim_is_refused_before_it_is_used():
    level = {"status": "infinite", "from": "1e9999", "proof": "exact", "witness": {"model": "m1", "overtakes": "m0"}}
    reason = verify(forged(contest(2, ["0.5", "0"]), stabilising_level=level)).reason
    assert reason == f"a number of a claim is longer than {limits.CLAIM_NUMBER_BITS} bits"


def test_the_effort_of_a_witness_is_written_in_one_form():
    document = contest(2, ["2", "0"])
    witness = {"model": "m1", "overtakes": "m0", "effort": "1.5"}
    pure = {
        "verdict": "none", "unique": None, "proof": "exact", "efforts": None, "witness": witness,
        "rests_on": ["B", "A"],
    }  # fmt: skip
    assert verify(forged(document, pure=pure)).ok
    for same in ("1.50", "3/2", "15e-1", "01.5"):
        other = {**pure, "witness": {**witness, "effort": same}}
        assert verify(forged(document, pure=other)).reason == "a number of a claim must be in shortest form"


def test_work_is_counted_by_length():
    budget = Budget(10)
    budget.spend(512 * 4)
    assert budget.left == 5
    with pytest.raises(TooLarge, match="more than 10 operations"):
        budget.spend(times=6)
