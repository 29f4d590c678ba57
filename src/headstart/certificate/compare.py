"""Which of two scores is higher, with certainty.

Ties are recognised where arithmetic can recognise them: both scores rational; one strictly rising curve at two
efforts; curves with a common floor and ceiling, where a tie is an equation between logarithms. By the theorem of
Lindemann such an equation with different constants has no solution in rational numbers, so balls decide it.
"""

from __future__ import annotations

from flint import arb, ctx, fmpq

from headstart.certificate.curves import Curve, Exponential, LogitPower, Points
from headstart.certificate.numbers import Real, Signs, power_sign, sign_of


def compare(signs: Signs, a: Curve, x: Real, b: Curve, y: Real) -> int:
    """Sign of ``a.score(x) - b.score(y)``.

    Raises:
        Undecided: If the scores are too close to tell and not recognised as equal.
    """
    signs.spend()
    u, v = _exact_score(a, x), _exact_score(b, y)
    if u is not None and v is not None:
        return signs.exact(u - v)
    if u is not None and _outside(u, b):
        return _outside(u, b)
    if v is not None and _outside(v, a):
        return -_outside(v, a)
    if a != b and x.exact is not None and y.exact is not None:
        tie = _structural(signs, a, x.exact, b, y.exact)
        if tie is not None:
            return tie
    if a == b and not isinstance(a, Points):
        return signs.real(x.minus(y))
    if isinstance(a, LogitPower) and isinstance(b, LogitPower) and a.L == b.L and a.U == b.U:
        return signs.ball(lambda: a.log_odds(x.enclose()) - b.log_odds(y.enclose()))
    if isinstance(a, LogitPower | Exponential) and isinstance(b, LogitPower | Exponential) and a.ceiling == b.ceiling:
        return signs.ball(lambda: b.log_shortfall(y.enclose()) - a.log_shortfall(x.enclose()))
    return signs.ball(lambda: a.ball(x.enclose()) - b.ball(y.enclose()))


def compare_with_ceiling(signs: Signs, a: Curve, x: Real, ceiling: fmpq) -> int:
    """Sign of ``a.score(x) - ceiling``."""
    return compare(signs, a, x, Points((fmpq(0),), (ceiling,)), Real.rational(fmpq(0)))


def _exact_score(curve: Curve, effort: Real) -> fmpq | None:
    """The score where it is rational and known to be: also of an irrational effort inside a flat stretch."""
    if effort.exact is not None:
        return curve.exact(effort.exact)
    if not isinstance(curve, Points):
        return None
    with ctx.workprec(128):
        ball = effort.enclose()
        low, high = (curve.exact(max(end.fmpq(), fmpq(0))) for end in (ball.lower(), ball.upper()))
    return low if low == high else None


def _outside(score: fmpq, curve: Curve) -> int:
    """1 or -1 if ``score`` lies above or below everything a curve without flat parts attains, else 0."""
    if isinstance(curve, Points):
        return 0
    if curve.ceiling is not None and score >= curve.ceiling:
        return 1
    return -1 if curve.floor is not None and score <= curve.floor else 0


def _structural(signs: Signs, a: Curve, x: fmpq, b: Curve, y: fmpq) -> int | None:
    """The sign where the equation for a tie can be solved, else None."""
    match a, b:
        case LogitPower(), LogitPower() if a.L == b.L and a.U == b.U and a.alpha == b.alpha:
            return power_sign(signs, 1 + x, a.beta, 1 + y, b.beta)
        case LogitPower(), LogitPower() if a.L == b.L and a.U == b.U and x == y == 0:
            return sign_of(a.alpha - b.alpha)
        case Exponential(), Exponential() if a.top == b.top and a.rate * x == b.rate * y:
            return sign_of(a.bottom - b.bottom)
        case Exponential(), Exponential() if a.top == b.top and a.bottom == b.bottom:
            return sign_of(a.rate * x - b.rate * y)
        case _:
            return None


def shortfall_ratio_ball(a: LogitPower, x: Real, b: LogitPower, y: Real) -> arb:
    """Ball for ``log(w_a A_b (1 + y) ** beta_b) - log(w_b A_a (1 + x) ** beta_a)``; w is U - L and A is exp(alpha)."""
    widths = arb((a.U - a.L) / (b.U - b.L)).log()
    return widths + b.log_odds(y.enclose()) - a.log_odds(x.enclose())
