"""The claim that nobody gains more than a tolerance by tuning while nobody else does, under normal noise.

Efforts are covered by cells: on ``[a, b]`` no gain exceeds what the score at ``b`` gains less what ``a`` costs, because
neither scores nor costs fall with effort. The last cell ends at the cap, or never.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from flint import arb, fmpq

from headstart.certificate.document import Developer, Document, keys, must
from headstart.certificate.limits import CLAIM_NUMBER_BITS
from headstart.certificate.noise import Field, score
from headstart.certificate.numbers import Signs, Undecided, canonical, decimal_text


def check_incentive(document: Document, signs: Signs, claim: object) -> str:
    """Check a claim: ``tolerance`` as a share of first reward minus last, and for each model the ends of its cells.

    Raises:
        Malformed: If it does not hold, or is not shown to.
        Undecided: If the arithmetic cannot tell.
        TooLarge: If the check costs too much.
    """
    table = keys(claim, "incentive", "tolerance", "ends", "proof")
    tolerance = _number(table["tolerance"], "incentive.tolerance")
    must(0 < tolerance < 1, "incentive.tolerance must be between 0 and 1")
    field = Field.of(document)
    must(isinstance(table["ends"], list), "incentive.ends must be a list")
    lists = cast("list[object]", table["ends"])
    must(len(lists) == field.n, "incentive.ends must hold one list for each model")
    for i, (own, stated) in enumerate(zip(document.developers, lists, strict=True)):
        _check_developer(field, signs, i, cells(own, stated), tolerance * field.stake)
    must(table["proof"] == signs.proof, "incentive.proof is not the arithmetic needed")
    return (
        f"at level {decimal_text(document.level)} no developer gains more than {table['tolerance']} of first reward "
        "minus last by tuning while nobody else does, the noises of observed scores being independent and normal"
    )


def cells(own: Developer, stated: object) -> list[tuple[fmpq, fmpq | None]]:
    """The cells that cover a developer's efforts: consecutive, the last one up to its cap or (None) without end.

    Raises:
        Malformed: If the ends do not rise from 0 and stay below the cap.
    """
    must(isinstance(stated, list), "incentive.ends must be lists")
    inner = [_number(end, "an end of a cell") for end in cast("list[object]", stated)]
    if own.cap == 0:
        must(not inner, "a developer that cannot tune has no cells")
        return []
    ends = [fmpq(0), *inner, *([] if own.cap is None else [own.cap])]
    must(all(a < b for a, b in pairwise(ends)), "the ends of cells must rise from 0 and stay below the cap")
    covered: list[tuple[fmpq, fmpq | None]] = list(pairwise(ends))
    return [*covered, (ends[-1], None)] if own.cap is None else covered


def _check_developer(
    field: Field, signs: Signs, i: int, covered: list[tuple[fmpq, fmpq | None]], allowed: fmpq
) -> None:
    own = field.document.developers[i]
    for low, high in covered:
        must(
            _within(field, signs, i, low, high, allowed),
            f"{own.name} is not shown to gain no more than the tolerance by efforts from {low} on",
        )


def _within(field: Field, signs: Signs, i: int, low: fmpq, high: fmpq | None, allowed: fmpq) -> bool:
    """Whether no effort in [low, high] gains more than ``allowed``: by either bound, the cheap one first."""
    own, level = field.document.developers[i], field.document.level
    cost = own.cost.value(low)

    def target() -> arb | None:
        if high is not None:
            return score(own.curve, level + high)
        return None if own.curve.ceiling is None else arb(own.curve.ceiling)

    def room() -> arb:
        return arb(allowed) + cost.enclose()

    try:
        if signs.ball(lambda: room() - field.gain_by_overlap(i, target())) > 0:
            return True
    except Undecided:
        pass
    return signs.ball(lambda: room() - field.gain_by_places(i, target()), times=field.n) > 0


def _number(text: object, place: str) -> fmpq:
    return canonical(text, place, CLAIM_NUMBER_BITS)
