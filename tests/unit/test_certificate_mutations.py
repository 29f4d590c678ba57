"""A proof that was altered is refused, also if whoever altered it recomputed the digest."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.certificate import digest, verify
from headstart.certificate.game import WITHOUT_T
from headstart.errors import HeadstartError
from headstart.solve.prove import prove

COST = {"kind": "power", "scale": 1, "exponent": 1, "free": 0}


def _model(name, kind, cost=COST, cap=None, **curve):
    return {"name": name, "curve": {"kind": kind, **curve}, "cost": cost, "max_effort": cap}


def _document(*models, rewards, level=0, tie_break="capability"):
    return {
        "schema": "headstart.contest/1", "level": level, "rewards": rewards, "tie_break": tie_break, "noise_sd": None,
        "models": list(models),
    }  # fmt: skip


D = Decimal
FREE = {**COST, "free": 2}
CONTESTS = {
    "parallel lines": _document(
        _model("a", "linear", intercept=1, slope=1), _model("b", "linear", intercept=D("0.5"), slope=1), rewards=[1, 0]
    ),
    "price equal to gap": _document(
        _model("a", "linear", intercept=1, slope=2), _model("b", "linear", intercept=0, slope=2),
        rewards={"kind": "winner", "value": D("0.5")},
    ),
    "power laws": _document(
        _model("a", "logit_power", L=D("0.1"), U=D("0.9"), alpha=D("0.5"), beta=1),
        _model("b", "logit_power", L=0, U=D("0.8"), alpha=0, beta=D("1.3")),
        _model("c", "logit_power", L=0, U=D("0.7"), alpha=D("0.3"), beta=D("1.3"), cap=D("7.5")),
        rewards={"kind": "geometric", "ratio": D("0.5"), "value": 30},
    ),
    "free effort": _document(
        _model("a", "logit_power", FREE, L=0, U=1, alpha=D("0.5"), beta=1),
        _model("b", "logit_power", FREE, L=0, U=1, alpha=0, beta=1), rewards=[3, 0], level=2,
    ),
    "all families": _document(
        _model("a", "exponential", floor=D("0.5"), ceiling=1, rate=D("0.1")),
        _model("b", "logit_power", L=D("0.3"), U=1, alpha=D("0.1"), beta=D("1.2")),
        _model("c", "points", {**COST, "exponent": 2}, effort=[0, 10, 30, 90], score=[D("0.2"), D("0.5"), D("0.7"), 1]),
        _model("d", "linear", {"kind": "points", "effort": [0, 2, 5], "cost": [0, 1, 4]}, intercept=D("0.1"),
               slope=D("0.01")),
        rewards=[10, 4, 2, 0], tie_break="listed",
    ),
}  # fmt: skip


@cache
def original(name):
    proof = json.loads(json.dumps(prove(CONTESTS[name])))
    assert verify(proof).ok
    return json.dumps(proof)


def leaves(value, path=()):
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def alternatives(value):
    """Other values of the same kind: other numbers, the opposite, another name."""
    if value is None:
        return ["1", "ceiling", False]
    if isinstance(value, bool):
        return [not value, None]
    try:
        number = Decimal(value)
    except ArithmeticError:
        others = {"a": "b", "b": "a", "c": "a", "d": "a", "none": "exists", "exists": "none", "exact": "interval",
                  "interval": "exact", "finite": "zero", "infinite": "zero", "zero": "infinite", "listed": "capability",
                  "capability": "listed"}  # fmt: skip
        return [others.get(value, value + "x")]
    return [str(number * 2 + 1), str(-number - 1), str(number + Decimal("0.25")), str(number) + "00001"]


def replaced(proof, path, value):
    altered = copy.deepcopy(proof)
    inner = altered
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return altered


def mutations(proof):
    for path, value in leaves(proof):
        for other in alternatives(value):
            yield path, replaced(proof, path, other)
    for key in proof:
        if key in ("prices", "conditions", "ranking"):
            for at in range(len(proof[key])):
                shorter = copy.deepcopy(proof)
                del shorter[key][at]
                yield (key, at), shorter


def resigned(proof):
    return {**proof, "sha256": digest(proof)}


def is_true(altered):
    """Whether everything the altered proof claims holds: its contest has a proof with the same claims."""
    try:
        again = prove(_numbers(altered["contest"]), level_claim=altered["stabilising_level"] is not None)
    except HeadstartError:
        return False
    if len(altered["conditions"]) == WITHOUT_T:  # as proofs were written before (T) was stated
        again["conditions"] = again["conditions"][:WITHOUT_T]
    return _claims(again) == _claims(altered)


def _numbers(value):
    if isinstance(value, dict):
        return {
            key: value[key] if key in ("name", "kind", "schema", "tie_break") else _numbers(value[key]) for key in value
        }
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return value if value is None else Decimal(value)


def _claims(proof):
    """The claims without what may truly be stated in many ways: efforts of witnesses, and from where on one gains."""
    claims = copy.deepcopy({k: proof[k] for k in ("conditions", "ranking", "pure", "prices", "stabilising_level")})
    for claim in (claims["pure"], claims["stabilising_level"] or {}):
        (claim.get("witness") or {}).pop("effort", None)
        claim.pop("from", None)
    return json.loads(json.dumps(claims))


@pytest.mark.parametrize("name", CONTESTS)
def test_an_altered_proof_is_refused(name):
    proof = json.loads(original(name))
    refused = [not verify(altered).ok for _, altered in mutations(proof)]
    assert len(refused) > 100
    assert all(refused)


@pytest.mark.parametrize("name", CONTESTS)
def test_an_altered_proof_with_a_new_digest_is_refused_unless_all_it_claims_is_true(name):
    proof = json.loads(original(name))
    tried, accepted = 0, []
    for path, altered in mutations(proof):
        if path[0] in ("sha256", "created_at", "headstart_version"):
            continue
        tried += 1
        if verify(resigned(altered)).ok:
            accepted.append((path, altered))
    assert tried > 80
    for path, altered in accepted:
        assert is_true(altered), path
    # most alterations of a contest change a price in its twelfth digit, so few true ones remain
    assert len(accepted) < tried / 5


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("pure", "verdict"), "exists"),
        (("pure", "unique"), True),
        (("pure", "witness", "effort"), "0.008"),
        (("pure", "witness", "overtakes"), "a"),
        (("prices", 0, "reachable"), False),
        (("prices", 0, "effort", 0), "2"),
        (("prices", 0, "model"), "b"),
        (("conditions", 0, "holds"), False),
        (("conditions", 1, "feeds"), ["C"]),
        (("stabilising_level", "status"), "zero"),
        (("stabilising_level", "high"), "3"),
        (("stabilising_level", "half_line"), True),
        (("contest", "models", 1, "curve", "beta"), "1.2"),
        (("contest", "rewards", "value"), "0.0001"),
        (("contest", "level"), "100"),
        (("contest", "noise_sd"), "0.1"),
    ],
)
def test_a_false_claim_is_refused_although_its_digest_matches(path, value):
    verification = verify(resigned(replaced(json.loads(original("power laws")), path, value)))
    assert not verification.ok
    assert verification.reason
    assert verification.claims == ()


def test_numbers_that_are_not_text_are_refused():
    proof = json.loads(original("parallel lines"))
    for value in (0, 0.0, 1e300):
        verification = verify(resigned(replaced(proof, ("contest", "level"), value)))
        assert verification.reason.startswith("numbers must be written as text")


anything = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(["1e9999", "-1", "1/3", "0"]) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(st.data())
def test_no_document_makes_the_verifier_fail(data):
    proof = json.loads(original(data.draw(st.sampled_from(sorted(CONTESTS)))))
    paths = [path[:length] for path, _ in leaves(proof) for length in range(1, len(path) + 1)]
    altered = replaced(proof, data.draw(st.sampled_from(paths)), data.draw(anything))
    assert isinstance(verify(resigned(altered)).ok, bool)
