"""One model stays behind another at every level from some level on.

Scores never fall, so ``low(D + x) < high(D + y)`` holds for all D in [a, b] as soon as ``low(b + x) < high(a + y)``.
Such cells cover the levels from the start up to one from which a *tail argument* holds for ever: the upper model has
passed the other's ceiling, or both curves are of one family and their difference only grows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import arb, fmpq

from headstart.certificate.compare import compare, compare_with_ceiling, shortfall_ratio_ball
from headstart.certificate.curves import Curve, Exponential, Linear, LogitPower, Points
from headstart.certificate.numbers import Real, Signs, Undecided

MOST_CELLS = 1000
_WIDEST, _NARROWEST = fmpq(1 << 16), fmpq(1, 1 << 64)


@dataclass(frozen=True, kw_only=True)
class Side:
    """A curve and the effort its developer adds to the level."""

    curve: Curve
    effort: Real

    def at(self, level: fmpq) -> tuple[Curve, Real]:
        """The curve and the total effort at a level."""
        return self.curve, self.effort.plus(level)


def stays_behind(signs: Signs, low: Side, high: Side, start: fmpq) -> int | None:
    """Whether ``low`` scores less than ``high`` at every level from ``start`` on.

    Returns:
        1 if always strictly less, 0 if never more, None if neither is established.
    """
    level, step = start, fmpq(1, 16)
    for _ in range(MOST_CELLS):
        settled = _certain(lambda at=level: _settled(signs, low, high, at))
        if settled is not None:
            return settled
        while True:
            end = cell_end(level, level + step * (1 + level))
            if _certain(lambda a=level, b=end: compare(signs, *low.at(b), *high.at(a))) == -1:
                break
            step /= 8
            if step < _NARROWEST:
                return None
        level, step = end, min(4 * step, _WIDEST)
    return None


def cell_end(level: fmpq, end: fmpq) -> fmpq:
    """A number of few digits between ``level`` and ``end``, near ``end``: else they grow longer with every cell."""
    width = end - level
    unit = fmpq(1)
    while unit > width:
        unit /= 16
    while 256 * unit < width:
        unit *= 16
    unit /= 16  # at most a sixteenth of the cell is lost
    return (end / unit).floor() * unit


def _certain(sign: Callable[[], int | None]) -> int | None:
    try:
        return sign()
    except Undecided:
        return None


def _settled(signs: Signs, low: Side, high: Side, level: fmpq) -> int | None:
    """The tail argument at ``level``: 1 or 0 as ``stays_behind``, None if there is none."""
    ceiling = low.curve.ceiling
    if ceiling is not None:
        passed = compare_with_ceiling(signs, *high.at(level), ceiling)
        if passed >= 0:
            return 1 if passed or not isinstance(low.curve, Points) else 0
    if _falls_to_a_limit_above(signs, low, high):
        return 1
    if _pulls_away(signs, low, high, level):
        sign = compare(signs, *low.at(level), *high.at(level))
        return None if sign > 0 else -sign
    return None


def _pulls_away(signs: Signs, low: Side, high: Side, level: fmpq) -> bool:
    """Whether from ``level`` on a lead of ``high`` over ``low`` can never be lost again.

    Each case names a quantity that has the sign of the lead and does not decrease.
    """
    match low.curve, high.curve:
        case Linear() as a, Linear() as b:  # the lead itself
            return b.slope >= a.slope
        case Exponential() as a, Exponential() as b if a.top == b.top:  # log-shortfalls: lines in the level
            return b.rate >= a.rate
        case LogitPower() as a, LogitPower() as b if a.U == b.U:  # difference of the log-odds
            if a.L != b.L and a.beta == b.beta and _difference_grows(signs, low, high, a, b, level):
                return True
            if b.beta < a.beta or _turn(signs, low, high, a.beta, b.beta, level) < 0:
                return False
            if a.L == b.L:
                return True
            # other floors: the lead is Q - P + (w_a - w_b) up to a positive factor, with P, Q rising and Q/P
            # rising; so once Q >= P it never decreases
            x, y = low.effort.plus(level), high.effort.plus(level)
            return signs.ball(lambda: shortfall_ratio_ball(a, x, b, y)) > 0
        case LogitPower() as a, Exponential() as b if b.top == a.U:
            # slopes of the log-shortfalls: b falls by its rate, a by less than beta/(1 + effort)
            return signs.real(low.effort.plus(level + 1 - a.beta / b.rate)) >= 0
        case _:
            return False


def _difference_grows(signs: Signs, low: Side, high: Side, a: LogitPower, b: LogitPower, level: fmpq) -> bool:
    """Whether Q - P never decreases from ``level`` on, for power laws with one ceiling and one beta, but other floors.

    The ratio of their slopes is ``w_a A_b / (w_b A_a)`` times ``(1 + D + y)/(1 + D + x)`` to the power beta - 1, which
    moves towards 1 only; so it is at least 1 for ever if it is now and in the limit.
    """

    def limit() -> arb:
        return arb((a.U - a.L) / (b.U - b.L)).log() + arb(b.alpha - a.alpha)

    if signs.ball(limit) < 0:
        return False
    x, y = low.effort.plus(level), high.effort.plus(level)
    now = signs.ball(lambda: limit() + arb(a.beta - 1) * ((1 + y.enclose()).log() - (1 + x.enclose()).log()))
    return now > 0


def _turn(signs: Signs, low: Side, high: Side, beta_low: fmpq, beta_high: fmpq, level: fmpq) -> int:
    """Sign of the slope of ``beta_high log(1 + D + y) - beta_low log(1 + D + x)`` at ``level``, and beyond if >= 0."""
    x, y = low.effort, high.effort
    if x.exact is not None and y.exact is not None:
        return signs.real(Real.rational(beta_high * (1 + level + x.exact) - beta_low * (1 + level + y.exact)))
    return signs.ball(
        lambda: arb(beta_high) * (arb(1 + level) + x.enclose()) - arb(beta_low) * (arb(1 + level) + y.enclose())
    )


def _falls_to_a_limit_above(signs: Signs, low: Side, high: Side) -> bool:
    """Logit power laws alike but for alpha: high's lead shrinks with the level, to no less than 0, if it tunes more."""
    match low.curve, high.curve:
        case LogitPower() as a, LogitPower() as b if (a.L, a.U, a.beta) == (b.L, b.U, b.beta):
            return b.alpha >= a.alpha and signs.real(high.effort.minus(low.effort)) > 0
        case _:
            return False
