"""The claim that from some level on not tuning is a best reply to whatever the others do, under normal noise."""

from __future__ import annotations

from functools import partial

from flint import arb, fmpq

from headstart.certificate.costs import Cost, PowerCost
from headstart.certificate.curves import Curve, Exponential, Linear, LogitPower, Points, constant_from
from headstart.certificate.document import Document, keys, must
from headstart.certificate.limits import CLAIM_NUMBER_BITS
from headstart.certificate.noise import Field
from headstart.certificate.numbers import Signs, canonical, decimal_text


def check_dominance(document: Document, signs: Signs, claim: object) -> str:
    """Check the condition of Prop. K for every developer at the level stated; it lasts at all higher ones.

    Raises:
        Malformed: If it does not hold.
        Undecided: If the arithmetic cannot tell.
        TooLarge: If the check costs too much.
    """
    table = keys(claim, "dominance", "level", "unique", "proof")
    level = canonical(table["level"], "dominance.level", CLAIM_NUMBER_BITS)
    must(level >= 0, "dominance.level must be >= 0")
    field = Field.of(document)
    strict = True
    for i, own in enumerate(document.developers):
        if own.cap == 0:
            continue
        least = least_slope(own.cost)
        strict = strict and least > 0
        if constant_from(own.curve, level):
            continue  # there is nothing to gain
        room = partial(_room, field, i, own.curve, least, level)
        must(
            signs.ball(room, times=_work(field, own.curve)) > 0,
            f"not tuning is not shown to be dominant for {own.name} from level {decimal_text(level)} on",
        )
    unique = True if strict else None
    must(table["unique"] is unique, "dominance.unique must say whether every effort costs something")
    must(table["proof"] == signs.proof, "dominance.proof is not the arithmetic needed")
    sentence = f"from level {table['level']} on no developer gains by tuning, whatever the others do"
    return sentence + (": nobody tuning is the only equilibrium, mixed and correlated included" if unique else "")


def _work(field: Field, curve: Curve) -> int:
    nodes = len(curve.effort) if isinstance(curve, Points) else 1
    return nodes if field.common else nodes + field.n


def _room(field: Field, i: int, curve: Curve, least: fmpq, level: fmpq) -> arb:
    """``sqrt(2 pi) nu_i c_i'(0) - (R[1] - R[n]) sup sigma_i'``."""
    return (2 * arb.pi()).sqrt() * field.own_noise(i) * arb(least) - arb(field.stake) * steepest(curve, level)


def least_slope(cost: Cost) -> fmpq:
    """The largest number k with ``cost(e) >= k e`` for all efforts; for a convex cost its slope at 0."""
    if isinstance(cost, PowerCost):
        return cost.scale if cost.exponent == 1 and cost.free == 0 else fmpq(0)
    chords = [c / e for e, c in zip(cost.effort[1:], cost.cost[1:], strict=True)]
    last = (cost.cost[-1] - cost.cost[-2]) / (cost.effort[-1] - cost.effort[-2])
    return min(*chords, last)


def steepest(curve: Curve, level: fmpq) -> arb:
    """Ball that contains the largest slope of a curve from ``level`` on."""
    match curve:
        case Linear():
            return arb(curve.slope)
        case Exponential():
            return arb((curve.top - curve.bottom) * curve.rate) * (-arb(curve.rate * level)).exp()
        case LogitPower():
            return _steepest_of_power_law(curve, level)
        case Points():
            return arb(_steepest_of_points(curve, level))


def _steepest_of_power_law(curve: LogitPower, level: fmpq) -> arb:
    """The slope at ``log(1 + effort) = t`` rises until ``(1 - 1/beta)/2`` of the way to the ceiling, then falls."""
    t = arb(1 + level).log()
    if curve.beta > 1:
        t = t.max((arb((curve.beta - 1) / (curve.beta + 1)).log() - arb(curve.alpha)) / arb(curve.beta))
    z = arb(curve.alpha) + arb(curve.beta) * t
    return arb((curve.U - curve.L) * curve.beta) * (-t).exp() / ((1 + z.exp()) * (1 + (-z).exp()))


def _steepest_of_points(curve: Points, level: fmpq) -> fmpq:
    """On every piece the slope is a quadratic: largest at an end or at its vertex."""
    largest = fmpq(0)
    for at in range(len(curve.effort) - 1):
        start, h = curve.effort[at], curve.effort[at + 1] - curve.effort[at]
        first = max((level - start) / h, fmpq(0))
        if first >= 1:
            continue
        (y0, y1), (d0, d1) = curve.score[at : at + 2], curve.slopes[at : at + 2]
        rise = (y1 - y0) / h
        a, b = 3 * (d0 + d1) - 6 * rise, 6 * rise - 4 * d0 - 2 * d1
        ends = [first, fmpq(1)]
        if a < 0 and first < -b / (2 * a) < 1:
            ends.append(-b / (2 * a))
        largest = max(largest, *((a * t + b) * t + d0 for t in ends))
    return largest
