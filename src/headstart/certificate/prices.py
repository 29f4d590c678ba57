"""Prices of neighbouring ranks: two-sided enclosures of the catch-up effort, in the one form a proof may state them."""

from __future__ import annotations

from flint import arb, ctx, fmpq

from headstart.certificate.compare import compare_with_ceiling
from headstart.certificate.curves import Points, flat_before, rises_after
from headstart.certificate.game import ZERO, Game
from headstart.certificate.numbers import PRECISIONS, Real, Undecided, decimal_text, significant

DIGITS = 12
"""An enclosure that is not exact is two consecutive numbers of this many significant digits."""


def obstacle(game: Game, i: int, k: int) -> str | None:
    """Why i cannot pass k at all: its ``"ceiling"`` or its ``"cap"``; None if it can."""
    own = game.developer(i)
    ceiling = own.curve.ceiling
    if ceiling is not None:
        target = Real.rational(game.document.level)
        over = compare_with_ceiling(game.signs, game.developer(k).curve, target, ceiling)
        attained_and_won = isinstance(own.curve, Points) and game.wins_ties(i, k)
        if over > 0 or (over == 0 and not attained_and_won):
            return "ceiling"
    if own.cap is not None and not game.beats(i, Real.rational(own.cap), k, ZERO):
        return "cap"
    return None


def is_catch_up(game: Game, i: int, k: int, low: fmpq, high: fmpq) -> bool:
    """Whether [low, high] is the form in which a proof states i's catch-up effort on k: exact, or DIGITS digits."""
    if low < 0:
        return False
    if low == high:
        total = game.document.level + low
        curve = game.developer(i).curve
        if game.compare(i, Real.rational(low), k, ZERO) != 0:
            return False
        return (low == 0 or not flat_before(curve, total)) if game.wins_ties(i, k) else rises_after(curve, total)
    if low == 0 or significant(low, DIGITS) != (low, high - low):
        return False
    return not game.beats(i, Real.rational(low), k, ZERO) and game.beats(i, Real.rational(high), k, ZERO)


def price_entry(game: Game, i: int, k: int, enclosure: tuple[fmpq, fmpq] | None) -> dict[str, object]:
    """What a proof says of a pair, given the enclosure of its catch-up effort or None if there is an obstacle."""
    names = {"model": game.developer(i).name, "overtakes": game.developer(k).name}
    if enclosure is None:
        return {**names, "reachable": False, "reason": obstacle(game, i, k), "effort": None, "cost": None}
    low, high = enclosure
    cost = game.developer(i).cost
    least, most = cost.value(low), cost.value(high)
    if low == high and least.exact is not None:
        costs = [decimal_text(least.exact)] * 2
    else:
        costs = [decimal_text(_rounded(game, least)[0]), decimal_text(_rounded(game, most)[1])]
    return {
        **names, "reachable": True, "reason": None,
        "effort": [decimal_text(low), decimal_text(high)], "cost": costs,
    }  # fmt: skip


def _rounded(game: Game, value: Real) -> tuple[fmpq, fmpq]:
    """The nearest numbers of DIGITS digits below and above."""
    if value.exact is not None:
        if value.exact == 0:
            return value.exact, value.exact
        low, unit = significant(value.exact, DIGITS)
        return low, low if low == value.exact else low + unit
    game.signs.used_balls = True
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            ball: arb = value.enclose()
            ends = [end.fmpq() for end in (ball.lower(), ball.upper())]
        game.signs.spend(64 * max(end.height_bits() for end in ends))  # as decimals, which takes long
        if ends[0] > 0 and significant(ends[0], DIGITS) == significant(ends[1], DIGITS):
            low, unit = significant(ends[0], DIGITS)
            return low, low + unit
    raise Undecided
