"""Find the stabilising level and its proof, by certain arithmetic alone: no floating-point hint is needed.

"Stable at this level and every higher one" is established pair by pair and holds from the pair's own threshold on, so
the level sought is the largest of the thresholds. They are found one at a time: whichever pair
is not settled at the level reached so far moves the level up to its threshold.
"""

from __future__ import annotations

from collections.abc import Mapping

from flint import fmpq

from headstart.certificate.document import Malformed
from headstart.certificate.game import Game
from headstart.certificate.level import always_pays, never_pays, prices_grow_with_level, unsettled_pair
from headstart.certificate.limits import TooLarge
from headstart.certificate.numbers import Signs, Undecided, decimal_text, ten
from headstart.certificate.verifier import LEVEL_DIGITS, check_level
from headstart.solve.prove_effort import grid, grid_index, witness_effort

_DECADES = (-12, -6, -3, *range(19), 24, 32, 48, 96, 150, 300)
"""Powers of ten between which the level is sought."""

_STARTS = (fmpq(0), *(ten(power) for power in range(0, 19, 3)))
"""Levels from which on a deviation is shown to pay, the first that will do."""

Pair = tuple[int, int]


def find_level_claim(game: Game) -> dict[str, object] | None:
    """The stabilising level as a proof states it, or None if none is proved."""
    try:
        claim = _zero(game) or _finite(game) or _infinite(game)
    except Undecided:
        return None
    return None if claim is None else _with_arithmetic(game, claim)


def _zero(game: Game) -> dict[str, object] | None:
    return {"status": "zero"} if unsettled_pair(game.at_level(fmpq(0))) is None else None


def _finite(game: Game) -> dict[str, object] | None:
    bracket = _bracket(game)
    if bracket is None:
        return None
    low, high, pair = bracket
    for digits in LEVEL_DIGITS:  # late crossings break stability for a short while only: then more digits are needed
        low, high, pair = _last_threshold(game, pair, low, high, digits)
        # the threshold itself may be stable although its proof needs a little room: then step back once
        for unstable in (low, grid(grid_index(low, digits) - 1, digits)):
            witness = _witness(game.at_level(unstable), pair)
            if witness is not None:
                return {
                    "status": "finite",
                    "low": decimal_text(unstable),
                    "high": decimal_text(high),
                    "half_line": True if prices_grow_with_level(game) else None,
                    "witness": witness,
                }
    return None


def _last_threshold(game: Game, pair: Pair, low: fmpq, high: fmpq, digits: int) -> tuple[fmpq, fmpq, Pair]:
    """Consecutive numbers between which the last pair becomes settled, and that pair; ``pair`` is not at ``low``."""
    while True:
        low, threshold = _threshold(game, pair, low, high, digits)
        unsettled = unsettled_pair(game.at_level(threshold))
        if unsettled is None:
            return low, threshold, pair
        low, pair = threshold, unsettled


def _bracket(game: Game) -> tuple[fmpq, fmpq, Pair] | None:
    """A power of ten that is not settled, the next one, which is, and a pair unsettled at the former.

    What is settled at a level is settled at every higher one. The steps upwards double, so that few levels are tried
    where none is settled, and very high ones, whose scores are hard to tell apart, only if need be.
    """
    low, pair, high = -1, None, 0
    while (unsettled := unsettled_pair(game.at_level(ten(_DECADES[high])))) is not None:
        if high == len(_DECADES) - 1:
            return None
        low, pair, high = high, unsettled, min(2 * high + 1, len(_DECADES) - 1)
    if pair is None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        unsettled = unsettled_pair(game.at_level(ten(_DECADES[middle])))
        if unsettled is None:
            high = middle
        else:
            low, pair = middle, unsettled
    return ten(_DECADES[low]), ten(_DECADES[high]), pair


def _threshold(game: Game, pair: Pair, low: fmpq, high: fmpq, digits: int) -> tuple[fmpq, fmpq]:
    """Consecutive numbers between which a pair becomes settled."""
    below, above = grid_index(low, digits), grid_index(high, digits)
    while above - below > 1:
        middle = (below + above) // 2
        settled = _settled(game.at_level(grid(middle, digits)), pair)
        below, above = (below, middle) if settled else (middle, above)
    return grid(below, digits), grid(above, digits)


def _settled(game: Game, pair: Pair) -> bool:
    i, k = pair
    return never_pays(game, i, k) and never_pays(game, k, i)


def _infinite(game: Game) -> dict[str, object] | None:
    for start in _STARTS:
        at = game.at_level(start)
        pair = next((pair for pair in at.profitable_pairs() if _one_ceiling(at, pair) and always_pays(at, *pair)), None)
        if pair is not None:
            return {"status": "infinite", "from": decimal_text(start), "witness": _names(game, pair)}
    return None


def _one_ceiling(game: Game, pair: Pair) -> bool:
    """Whether a deviation may pay for ever: with different ceilings the lower model is out of reach in the end."""
    i, k = pair
    return game.developer(i).curve.ceiling == game.developer(k).curve.ceiling


def _names(game: Game, pair: Pair) -> dict[str, str]:
    return {"model": game.developer(pair[0]).name, "overtakes": game.developer(pair[1]).name}


def _witness(game: Game, likely: Pair) -> dict[str, str] | None:
    for pair in (likely, (likely[1], likely[0])):
        if game.pays(*pair):
            return _stated(game, pair)
    for pair in game.profitable_pairs():
        return _stated(game, pair)
    return None


def _stated(game: Game, pair: Pair) -> dict[str, str] | None:
    effort = witness_effort(game, *pair)
    return None if effort is None else {**_names(game, pair), "effort": decimal_text(effort)}


def _with_arithmetic(game: Game, claim: Mapping[str, object]) -> dict[str, object] | None:
    """The claim with ``proof`` as the verifier will find it; None if it does not pass."""
    for proof in ("exact", "interval"):
        stated: dict[str, object] = {**claim, "proof": proof}
        try:
            check_level(Game(document=game.document, signs=Signs()), stated)
        except (Malformed, TooLarge):
            continue
        return stated
    return None
