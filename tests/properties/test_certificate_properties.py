"""Certified verdicts against the definition of an equilibrium, and claims about all levels against samples."""

from __future__ import annotations

import math
import random
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import product

import numpy as np
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.certificate import verify
from headstart.certificate.curves import Curve, Exponential, Linear, LogitPower, Points
from headstart.certificate.forever import Side, stays_behind
from headstart.certificate.numbers import Real, Signs, decimal_text, parse, significant
from headstart.contest.conditions import conditions
from headstart.solve.prove import as_contest, certified_decision, prove
from headstart.solve.pure import solve_pure

slow = settings(deadline=None, max_examples=100)
quarters = st.integers(0, 12).map(lambda q: Fraction(q, 4))
TRIFLE = Fraction(1, 10**9)


class Developer:
    """A developer whose score rises in a straight line up to an effort and whose cost is a power, in fractions."""

    def __init__(self, start, slope, until, scale, exponent, free, cap):
        self.start, self.slope, self.until = start, slope, until
        self.scale, self.exponent, self.free, self.cap = scale, exponent, free, cap

    def score(self, effort):
        return self.start + self.slope * (effort if self.until is None else min(effort, self.until))

    def cost(self, effort):
        return self.scale * max(effort - self.free, 0) ** self.exponent

    def document(self, name):
        if self.until is None:
            curve = {"kind": "linear", "intercept": _text(self.start), "slope": _text(self.slope)}
        else:
            top = self.score(self.until)
            curve = {"kind": "points", "effort": [0, _text(self.until)], "score": [_text(self.start), _text(top)]}
        cost = {"kind": "power", "scale": _text(self.scale), "exponent": self.exponent, "free": _text(self.free)}
        return {"name": name, "curve": curve, "cost": cost, "max_effort": None if self.cap is None else _text(self.cap)}


def _text(value):
    return Decimal(value.numerator) / Decimal(value.denominator)


@st.composite
def developers(draw):
    return Developer(
        start=draw(quarters),
        slope=draw(st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1), Fraction(2)])),
        until=draw(st.one_of(st.none(), st.sampled_from([Fraction(1), Fraction(5, 2)]))),
        scale=draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(2)])),
        exponent=draw(st.sampled_from([1, 1, 2])),
        free=draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(0), Fraction(1, 2)])),
        cap=draw(st.one_of(st.none(), st.none(), quarters)),
    )


@st.composite
def games(draw):
    field = draw(st.lists(developers(), min_size=1, max_size=3))
    if draw(st.booleans()):
        for developer in field:  # a common free zone, for Prop. E
            developer.free = Fraction(1, 2)
    rewards = sorted(draw(st.lists(quarters, min_size=len(field), max_size=len(field))), reverse=True)
    return (
        field,
        rewards,
        draw(st.sampled_from([Fraction(0), Fraction(1)])),
        draw(st.sampled_from(["capability", "listed"])),
    )


def to_document(game):
    field, rewards, level, tie_break = game
    models = [developer.document(f"m{at}") for at, developer in enumerate(field)]
    return {
        "schema": "headstart.contest/1", "level": _text(level), "rewards": [_text(r) for r in rewards],
        "tie_break": tie_break, "noise_sd": None, "models": models,
    }  # fmt: skip


def payoff(game, profile, i):
    """Payoff by the definition: rank by score, ties by priority."""
    field, rewards, level, tie_break = game
    priority = range(len(field))
    if tie_break == "capability":
        ranked = sorted(priority, key=lambda k: (-field[k].score(level), k))
        priority = [ranked.index(k) for k in priority]
    order = sorted(range(len(field)), key=lambda k: (-field[k].score(level + profile[k]), priority[k]))
    return rewards[order.index(i)] - field[i].cost(profile[i])


def is_equilibrium(game, profile):
    """Whether nobody gains by any effort: only efforts that draw level with a rival, or a trifle more, can be best."""
    field, _, level, _ = game
    for i, own in enumerate(field):
        tries = {Fraction(0), *((own.cap,) if own.cap is not None else ())}
        for k, rival in enumerate(field):
            target = rival.score(level + profile[k])
            if k != i and own.slope and target <= own.score(level + 10**6):
                draws = max((target - own.start) / own.slope - level, Fraction(0))
                tries |= {draws, draws + TRIFLE}
        best = max(
            payoff(game, [*profile[:i], e, *profile[i + 1 :]], i) for e in tries if own.cap is None or e <= own.cap
        )
        # a trifle more costs a trifle: gains below it are those of an infimum that is not attained
        if best > payoff(game, profile, i) + 100 * TRIFLE:
            return False
    return True


@slow
@given(games())
def test_a_certified_verdict_agrees_with_the_definition_of_an_equilibrium(game):
    decision = certified_decision(to_document(game))
    field = game[0]
    candidate = [d.free if d.cap is None else min(d.free, d.cap) for d in field]
    broken = not is_equilibrium(game, candidate)
    assert (decision.verdict == "exists") == (not broken)
    if decision.verdict == "undecided":
        assert decision.reason.startswith("the candidate is broken")
    # efforts beyond all gains are dominated, so a coarse grid of profiles is a fair sample of the rest
    grid = [Fraction(q, 2) for q in range(5)]
    choices = [[e for e in grid if d.cap is None or e <= d.cap] for d in field]
    others = [list(p) for p in product(*choices) if list(p) != candidate]
    if decision.verdict == "none" or decision.unique:
        assert not any(is_equilibrium(game, profile) for profile in others)


@slow
@given(games())
def test_every_proof_verifies_and_its_witness_gains(game):
    if certified_decision(to_document(game)).verdict == "undecided":
        return
    proof = prove(to_document(game))
    verification = verify(proof)
    assert verification.ok, verification.reason
    witness = proof["pure"]["witness"]
    if witness:
        names = [f"m{at}" for at in range(len(game[0]))]
        i = names.index(witness["model"])
        candidate = [d.free if d.cap is None else min(d.free, d.cap) for d in game[0]]
        deviation = [*candidate[:i], Fraction(witness["effort"]), *candidate[i + 1 :]]
        assert payoff(game, deviation, i) > payoff(game, candidate, i)


short = st.floats(-3, 3).map(lambda x: round(x, 2))
positive = st.floats(0.05, 3).map(lambda x: round(x, 2))


@st.composite
def logit_power(draw):
    low, width = draw(st.sampled_from([(0.0, 1.0), (0.0, 1.0), (0.0, 0.5), (0.25, 0.5), (0.25, 0.75)]))
    return {"kind": "logit_power", "L": low, "U": low + width, "alpha": draw(short), "beta": draw(positive)}


@st.composite
def exponential(draw):
    floor = draw(st.sampled_from([0.0, 0.1, 0.3]))
    return {"kind": "exponential", "floor": floor, "ceiling": draw(st.sampled_from([0.5, 1.0])), "rate": draw(positive)}


@st.composite
def float_documents(draw):
    n = draw(st.integers(2, 5))
    curves = draw(st.lists(st.one_of(logit_power(), exponential()), min_size=n, max_size=n))
    costs = [
        {"kind": "power", "scale": draw(positive), "exponent": draw(st.sampled_from([1, 2, 1.37])), "free": 0}
        for _ in range(n)
    ]
    rewards = sorted((draw(positive) for _ in range(n)), reverse=True)
    models = [
        {"name": f"m{at}", "curve": curve, "cost": cost, "max_effort": draw(st.one_of(st.none(), positive))}
        for at, (curve, cost) in enumerate(zip(curves, costs, strict=True))
    ]
    return _decimals({
        "schema": "headstart.contest/1", "level": draw(st.sampled_from([0, 0.5, 30])), "rewards": rewards,
        "tie_break": draw(st.sampled_from(["capability", "listed"])), "noise_sd": None, "models": models,
    })  # fmt: skip


def _decimals(value):
    if isinstance(value, dict):
        return {key: _decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decimals(item) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


@slow
@given(float_documents())
def test_the_floating_point_solver_is_never_contradicted(document):
    numeric, certified = solve_pure(as_contest(document)), certified_decision(document)
    if numeric.verdict != "undecided" and certified.verdict != "undecided":
        assert (certified.verdict, certified.unique) == (numeric.verdict, numeric.unique)
    by_name = {c.name: c.holds for c in conditions(as_contest(document))}
    for condition in certified.conditions:
        if condition["name"] in by_name:
            assert condition["holds"] == by_name[condition["name"]]


@settings(deadline=None, max_examples=60)
@given(float_documents())
def test_proofs_of_transcendental_contests_verify(document):
    if certified_decision(document).verdict != "undecided":
        verification = verify(prove(document))
        assert verification.ok, verification.reason


def exact(x):
    return parse(repr(x))


@st.composite
def exact_curves(draw) -> Curve:
    kind = draw(st.integers(0, 3))
    if kind == 0:
        form = draw(logit_power())
        return LogitPower(*(exact(form[key]) for key in ("L", "U", "alpha", "beta")))
    if kind == 1:
        form = draw(exponential())
        return Exponential(*(exact(form[key]) for key in ("floor", "ceiling", "rate")))
    if kind == 2:
        return Linear(exact(draw(short)), exact(draw(positive)))
    top = draw(st.sampled_from(["0.5", "1"]))
    return Points((fmpq(0), fmpq(1), fmpq(5)), (fmpq(0), parse(draw(st.sampled_from(["0", "0.3"]))), parse(top)))


def gap_in_score(low, x, high, y, level):
    """Upper score minus lower score in high precision."""
    with ctx.workprec(4000):
        if low.ceiling is not None and low.ceiling == high.ceiling and not isinstance(low, Points):
            if isinstance(high, Points):
                return arb(1 if level + y >= 5 else 0)  # at the ceiling, which the other never reaches
            return low.log_shortfall(arb(level + x)) - high.log_shortfall(arb(level + y))
        return high.ball(arb(level + y)) - low.ball(arb(level + x))


@settings(deadline=None, max_examples=300)
@given(exact_curves(), exact_curves(), quarters, quarters, st.sampled_from(["0", "0.5", "4", "100", "1e5"]))
def test_a_model_said_to_stay_behind_is_behind_at_every_sampled_level(low, high, x, y, start):
    x, y, start = (fmpq(v.numerator, v.denominator) for v in (x, y, Fraction(start)))
    behind = stays_behind(
        Signs(), Side(curve=low, effort=Real.rational(x)), Side(curve=high, effort=Real.rational(y)), start
    )
    if behind is None or (isinstance(high, Points) and low.ceiling == high.ceiling and not isinstance(low, Points)):
        return
    for step in (*np.geomspace(1e-6, 1e6, 25), 0.0):
        gap = gap_in_score(low, x, high, y, start + fmpq(*float(step).as_integer_ratio()))
        assert not gap < 0
        assert behind == 0 or not gap <= 0


def one_ceiling(rng: random.Random) -> tuple[LogitPower, LogitPower]:
    """Power laws with one ceiling and one beta but other floors; the ratio of their slopes often tends to nearly 1."""
    low_floor, high_floor = rng.sample(["0", "0.25", "0.2500001", "0.5", "0.99"], 2)
    beta, alpha = parse(rng.choice(["0.3", "1", "1.5", "3.7"])), parse(f"{rng.uniform(-5, 5):.3f}")
    a, b = parse(low_floor), parse(high_floor)
    even = math.log((1 - float(b)) / (1 - float(a)))  # where the limit of the ratio is 1
    step = f"{even:.{rng.choice([2, 5, 12, 16])}f}" if rng.random() < 0.5 else f"{rng.uniform(-3, 3):.3f}"
    return LogitPower(a, fmpq(1), alpha, beta), LogitPower(b, fmpq(1), alpha + parse(step), beta)


def test_one_beta_and_other_floors_are_ahead_wherever_they_are_said_to_be():
    rng, said = random.Random(5), Counter()
    levels = [fmpq(0), *(fmpq(4) ** k / 1000 for k in range(0, 40, 4)), *(fmpq(10) ** p for p in (20, 60, 150, 300))]
    for _ in range(80):
        low, high = one_ceiling(rng)
        x, y = (parse(rng.choice(["0", "0.5", "2", "50", "1000"])) for _ in range(2))
        start = parse(rng.choice(["0", "0.1", "3", "1000", "1e12"]))
        efforts = [Real.rational(x), Real.rational(y)]
        if rng.random() < 0.3:  # efforts known by balls only
            efforts = [Real(exact=None, enclose=lambda at=at: arb(at) + arb(2).sqrt() / 7) for at in (x, y)]
        own, rival = Side(curve=low, effort=efforts[0]), Side(curve=high, effort=efforts[1])
        behind = stays_behind(Signs(), own, rival, start)
        said[behind] += 1
        for level in levels if behind is not None else ():
            with ctx.workprec(2600):
                at = [side.curve.log_shortfall(side.at(start + level)[1].enclose()) for side in (own, rival)]
                assert not at[0] < at[1]
                assert behind == 0 or at[0] > at[1]
    assert said[1] > 20 and said[None] > 20


@given(st.fractions())
def test_numbers_survive_being_written(value):
    number = fmpq(value.numerator, value.denominator)
    assert parse(decimal_text(number)) == number


@given(st.fractions(min_value=Fraction(1, 10**30)), st.integers(1, 20))
def test_rounding_to_significant_digits_encloses(value, digits):
    number = fmpq(value.numerator, value.denominator)
    low, unit = significant(number, digits)
    assert low <= number < low + unit
    assert len(str(int(low / unit))) == digits
