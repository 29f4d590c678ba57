"""Claims about all levels from some level on: the candidate is an equilibrium at each, or at none of them."""

from __future__ import annotations

from itertools import pairwise

from flint import fmpq

from headstart.certificate.curves import Exponential, Linear, LogitPower, Points, constant_from
from headstart.certificate.forever import Side, stays_behind
from headstart.certificate.game import Game
from headstart.certificate.numbers import Undecided


def unsettled_pair(game: Game) -> tuple[int, int] | None:
    """A pair for which "i never profits from taking k's place, at this level or any higher one" is not established.

    None means that the candidate is an equilibrium at this level and at every higher one: if every developer
    stays behind everyone who earns more here, even when spending all that the difference is worth, then at no higher
    level do rewards change hands, and no place above is worth its price.
    """
    order = game.order
    pairs = ((i, k) for at, i in enumerate(order) for k in order[:at])
    return next((pair for pair in pairs if not never_pays(game, *pair)), None)


def never_pays(game: Game, i: int, k: int) -> bool:
    """Whether at this level and every higher one k's place is not worth its price to i, as far as is established."""
    if game.signs.exact(game.gap(i, k)) <= 0:
        return True
    own = game.developer(i).curve
    try:
        effort, capped = game.reach(i, game.gap(i, k))
    except Undecided:
        return False
    behind = stays_behind(game.signs, Side(curve=own, effort=effort), _candidate(game, k), game.document.level)
    if behind == 0:
        # drawing level costs all there is to gain, and with strictly less effort i scores strictly less
        return not (capped or isinstance(own, Points)) or _same_plateau(game, i, k)
    return behind == 1


def _same_plateau(game: Game, i: int, k: int) -> bool:
    """Whether at the candidate neither score ever moves again, they are equal, and ties go to k by the listed order."""
    level, own, rival = game.document.level, game.developer(i), game.developer(k)
    flat = constant_from(own.curve, level + own.candidate) and constant_from(rival.curve, level + rival.candidate)
    untuned = constant_from(own.curve, level) and constant_from(rival.curve, level)
    listed = not game.document.by_capability or own.curve == rival.curve or untuned  # untuned they are tied as well
    return flat and listed and i > k and game.compare(i, game.base(i), k, game.base(k)) == 0


def always_pays(game: Game, i: int, k: int) -> bool:
    """Whether taking k's place pays for i at this level and at every higher one.

    k keeps at least its reward and i earns at most what it does here, because nobody passes k from below or falls
    behind i from above; and what the gap is worth carries i past k.
    """
    order, place = game.order, game.place
    if place[k] >= place[i] or game.gap(i, k) <= 0:
        return False
    effort, _ = game.reach(i, game.gap(i, k))
    lifted = Side(curve=game.developer(i).curve, effort=effort)
    if stays_behind(game.signs, _candidate(game, k), lifted, game.document.level) != 1:
        return False
    return all(_keeps_rank(game, j, k) for j in order[place[k] + 1 :]) and all(
        _keeps_rank(game, i, j) for j in order[: place[i]]
    )


def _keeps_rank(game: Game, lower: int, upper: int) -> bool:
    """Whether at the candidate ``lower`` ranks below ``upper`` at this and every higher level."""
    low, high = game.developer(lower), game.developer(upper)
    if (low.curve, low.candidate) == (high.curve, high.candidate):
        return lower > upper  # tied for ever: the listed order decides
    behind = stays_behind(game.signs, _candidate(game, lower), _candidate(game, upper), game.document.level)
    return behind == 1 or _same_plateau(game, lower, upper)


def _candidate(game: Game, i: int) -> Side:
    return Side(curve=game.developer(i).curve, effort=game.base(i))


def prices_grow_with_level(game: Game) -> bool:
    """Whether C3 holds from level 0 on, so that the stable levels are one half-line (Prop. D).

    It does if one family with common floor and ceiling serves all, everybody's free effort is the same, and the
    learning parameter never rises as the rank at level 0 worsens.
    """
    untuned = game.at_level(fmpq(0))
    curves = [untuned.developer(i).curve for i in untuned.untuned_order]
    if len({untuned.developer(i).candidate for i in range(untuned.n)}) > 1:
        return False
    slopes: list[fmpq] = []
    for curve in curves:
        match curve, curves[0]:
            case LogitPower() as a, LogitPower() as b if (a.L, a.U) == (b.L, b.U):
                slopes.append(a.beta)
            case Exponential() as a, Exponential() as b if a.top == b.top:
                slopes.append(a.rate)
            case Linear() as a, Linear():
                slopes.append(a.slope)
            case _:
                return False
    return all(a >= b for a, b in pairwise(slopes))
