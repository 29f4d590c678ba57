"""The designer's levers, one file each, and how a combination is written."""

from __future__ import annotations

from collections.abc import Callable

from headstart.contest.arrays import require
from headstart.designing.protocols.base import Protocol, Rules, contest_under, rules_of, tuning_bill
from headstart.designing.protocols.items import Items
from headstart.designing.protocols.level import TuneBeforeTest, direct_evaluation
from headstart.designing.protocols.shortlist import Shortlist
from headstart.designing.protocols.tiers import Tiers
from headstart.registry import Registry, callable_complaint, numbers_taken

__all__ = [
    "PROTOCOLS", "Items", "Protocol", "Rules", "Shortlist", "Tiers", "TuneBeforeTest", "contest_under", "parse",
    "protocol_name", "rules_of", "tuning_bill",
]  # fmt: skip

PROTOCOLS: Registry[Callable[..., Protocol]] = Registry(
    "protocol",
    group="headstart.protocols",
    members={
        "direct": direct_evaluation,
        "level": TuneBeforeTest,
        "tiers": Tiers,
        "top": Shortlist,
        "items": Items,
    },
    complaint=callable_complaint,
)
"""Levers by the word that names them: classes, or functions, that take one number or none.

Packages add theirs under the entry-point group ``headstart.protocols``.
"""


_SYMBOLS = {"level": "D", "k": "K", "count": "N"}
"""The numbers of headstart's own protocols as the documentation calls them."""


def parse(text: str) -> tuple[Protocol, ...]:
    """Read a combination such as ``level:1000+tiers``; one that names no level is about direct evaluation.

    Raises:
        InputError: If a part is unknown, given twice, or its number is missing or out of range.

    >>> protocol_name(parse("tiers+level:1000"))
    'level:1000+tiers'
    """
    found = [_part(part.strip(), text) for part in text.split("+")]
    kinds = [type(protocol) for protocol in found]
    require(len(set(kinds)) == len(kinds), "protocol", "made of different parts", text)
    tuned = any(isinstance(protocol, TuneBeforeTest) and protocol.level > 0 for protocol in found)
    for protocol in found:
        must = f"{protocol.name} together with a level above 0"
        require(tuned or not protocol.needs_level, "protocol", must, text)
    if TuneBeforeTest not in kinds:
        found.append(direct_evaluation())
    return tuple(sorted(found, key=lambda protocol: protocol.stage))


def _part(part: str, text: str) -> Protocol:
    word, colon, value = part.partition(":")
    numbers = numbers_taken(PROTOCOLS[word]) if word in PROTOCOLS else {}
    require(word in PROTOCOLS and bool(colon) == bool(numbers), "protocol", _forms(), text)
    try:
        given = {name: kind(value) for name, kind in numbers.items()}
    except ValueError:
        require(False, "protocol", _forms(), text)
        raise AssertionError from None  # require has raised
    return PROTOCOLS[word](**given)


def _forms() -> str:
    """How the parts are written; those of packages are only named, because telling more would import them."""
    words = {word: numbers_taken(PROTOCOLS[word]) if word in PROTOCOLS.own else {} for word in PROTOCOLS.names()}
    forms = [
        ":".join([word, *(_SYMBOLS.get(name, name.upper()) for name in numbers)]) for word, numbers in words.items()
    ]
    return f"{', '.join(forms)}, or several joined by +"


def protocol_name(protocols: tuple[Protocol, ...]) -> str:
    """The combination as ``parse`` reads it."""
    return "+".join(protocol.name for protocol in protocols)
