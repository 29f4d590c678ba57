"""The designer's levers, one file each, and how a combination is written."""

from __future__ import annotations

from collections.abc import Callable

from headstart.contest.arrays import require
from headstart.designing.protocols.base import Protocol, Rules, contest_under, rules_of, tuning_bill
from headstart.designing.protocols.items import Items
from headstart.designing.protocols.level import TuneBeforeTest
from headstart.designing.protocols.shortlist import Shortlist
from headstart.designing.protocols.tiers import Tiers

__all__ = [
    "Items", "Protocol", "Rules", "Shortlist", "Tiers", "TuneBeforeTest", "contest_under", "parse", "protocol_name",
    "rules_of", "tuning_bill",
]  # fmt: skip

FORM = "direct, level:D, tiers, top:K, items:N, or several joined by +"

_READERS: dict[str, Callable[[str], Protocol]] = {
    "direct": lambda _: TuneBeforeTest(level=0.0),
    "level": lambda text: TuneBeforeTest(level=float(text)),
    "top": lambda text: Shortlist(k=int(text)),
    "items": lambda text: Items(count=int(text)),
    "tiers": lambda _: Tiers(),
}

_ORDER = (TuneBeforeTest, Shortlist, Tiers, Items)
"""Levels first: tiers are drawn at the level, a shortlist restricts it."""


def parse(text: str) -> tuple[Protocol, ...]:
    """Read a combination such as ``level:1000+tiers``; one that names no level is about direct evaluation.

    Raises:
        InputError: If a part is unknown, given twice, or its number is missing or out of range.

    >>> protocol_name(parse("tiers+level:1000"))
    'level:1000+tiers'
    """
    found: list[Protocol] = []
    for part in text.split("+"):
        kind, colon, value = part.strip().partition(":")
        reads = kind in _READERS and bool(colon) == (kind not in ("direct", "tiers"))
        require(reads, "protocol", FORM, text)
        try:
            found.append(_READERS[kind](value))
        except ValueError as error:
            if type(error) is not ValueError:  # our own complaint about the number's range
                raise
            require(False, "protocol", FORM, text)
    kinds = [type(protocol) for protocol in found]
    require(len(set(kinds)) == len(kinds), "protocol", "made of different parts", text)
    tuned = any(isinstance(protocol, TuneBeforeTest) and protocol.level > 0 for protocol in found)
    require(tuned or Shortlist not in kinds, "protocol", "top:K together with a level above 0", text)
    if TuneBeforeTest not in kinds:
        found.append(TuneBeforeTest(level=0.0))
    return tuple(sorted(found, key=lambda protocol: _ORDER.index(type(protocol))))


def protocol_name(protocols: tuple[Protocol, ...]) -> str:
    """The combination as ``parse`` reads it."""
    return "+".join(protocol.name for protocol in protocols)
