"""Efforts that a proof states: enclosures of catch-up efforts and witnesses of profitable deviations."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from headstart.certificate.curves import Linear, Points
from headstart.certificate.game import ZERO, Game
from headstart.certificate.numbers import Real, Undecided, significant, ten
from headstart.certificate.prices import DIGITS, is_catch_up, obstacle
from headstart.certificate.verifier import witness_pays

_LARGEST_DECADE = 4000


def catch_up_enclosure(game: Game, i: int, k: int) -> tuple[fmpq, fmpq] | None:
    """Enclosure of i's catch-up effort on k, nobody else tuning; None if i cannot pass k."""
    if obstacle(game, i, k) is not None:
        return None
    for effort in _exact_candidates(game, i, k, ZERO):
        if is_catch_up(game, i, k, effort, effort):
            return effort, effort
    return least(lambda e: game.beats(i, Real.rational(e), k, ZERO), DIGITS)


def witness_effort(game: Game, i: int, k: int) -> fmpq | None:
    """An effort with which i gains by taking k's place at the candidate; None if there is none."""
    if not game.pays(i, k):
        return None
    rival = game.base(k)
    for effort in _exact_candidates(game, i, k, rival):
        if witness_pays(game, i, k, effort):
            return effort
    for digits in (DIGITS, 2 * DIGITS, 8 * DIGITS, 32 * DIGITS):
        try:
            found = least(lambda e: game.beats(i, Real.rational(e), k, rival), digits)
        except Undecided:  # any effort passes a rival that is tied: those looked at became too small to tell
            break
        if found is not None and witness_pays(game, i, k, found[1]):
            return found[1]
    cap = game.developer(i).cap
    last_resort = [
        *([] if cap is None else [cap]),
        *(ten(-power) for power in range(0, 64, 4)),
    ]  # ties, broken by a trifle
    return next((effort for effort in last_resort if witness_pays(game, i, k, effort)), None)


def _exact_candidates(game: Game, i: int, k: int, rival: Real) -> list[fmpq]:
    """Rational efforts at which i may draw level with k."""
    level, curve = game.document.level, game.developer(i).curve
    total = rival.plus(level).exact
    target = None if total is None else game.developer(k).curve.exact(total)
    efforts = [fmpq(0)]
    if target is not None and isinstance(curve, Linear):
        efforts.append((target - curve.intercept) / curve.slope - level)
    elif target is not None and isinstance(curve, Points):
        efforts += [e - level for e, s in zip(curve.effort, curve.score, strict=True) if s == target]
    return [e for e in efforts if e >= 0]


def least(holds: Callable[[fmpq], bool], digits: int) -> tuple[fmpq, fmpq] | None:
    """Consecutive numbers of ``digits`` significant digits between which a condition begins to hold for good.

    None if it does not hold for any number up to ``10 ** 4000``, or holds already for ``10 ** -4000``.
    """

    def at(index: int) -> fmpq:
        return grid(index, digits)

    low, high = grid_index(fmpq(1), digits), grid_index(fmpq(10), digits)
    step = high - low
    while not holds(at(high)):
        low, high, step = high, high + step, 2 * step
        if high > _LARGEST_DECADE * 9 * 10 ** (digits - 1):
            return None
    while holds(at(low)):
        low, high, step = low - step, low, 2 * step
        if low < -_LARGEST_DECADE * 9 * 10 ** (digits - 1):
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(at(middle)) else (middle, high)
    return at(low), at(high)


def grid(index: int, digits: int) -> fmpq:
    """The positive numbers of ``digits`` significant digits in rising order; 0 is ``10 ** (digits - 1)``."""
    decade, rest = divmod(index, 9 * 10 ** (digits - 1))
    return (10 ** (digits - 1) + rest) * ten(decade)


def grid_index(value: fmpq, digits: int) -> int:
    """Index of the largest such number that is at most ``value > 0``."""
    low, unit = significant(value, digits)
    decade = len(str(unit.p)) - len(str(unit.q))
    return decade * 9 * 10 ** (digits - 1) + int(low / unit) - 10 ** (digits - 1)
