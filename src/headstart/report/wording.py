"""The audit in plain words and readable numbers, shared by the terminal and the page.

Numbers keep about three digits, always with their unit beside them or in their column's heading. ``EXTRAPOLATED`` marks
whatever rests on the fitted curves beyond the measured steps, ``TIED`` neighbours that noise cannot tell apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from headstart.auditing.values import Audit, Interval, Level, Price, StabilisingLevel

EXTRAPOLATED = "†"
TIED = "≈"
LEGEND = (
    f"{EXTRAPOLATED} extrapolated: rests on the fitted curve beyond the measured steps",
    f"{TIED} tied: noise cannot tell the two scores apart",
)

FLAG_WORDS = {
    "forgets": "its score falls from its peak by more than noise while it is tuned",
    "collapses": "it forgets, and ends near chance or near where its rise began",
    "at chance": "tuning never raises its score, which stays near chance",
    "no gain": "no later score exceeds its first one by more than noise",
    "ceiling not identified": "the measurements do not show where its score levels off",
    "poor fit": "the curve misses the measurements by more than the stated noise allows",
    "too few points": "too few measured steps for its fit to be tested by anything",
}

VERDICT_WORDS = {"exists": "stable", "none": "gaming pays", "undecided": "undecided"}
PROOF_WORDS = {
    "exact": "decided in exact rational arithmetic",
    "interval": "decided in interval arithmetic that encloses every quantity",
    "numeric": "decided in floating-point arithmetic",
}


def number(value: float) -> str:
    """Three digits or so: 0.00021, 0.35, 14.9, 4,000, 2.4 million.

    >>> number(14.93), number(3999.6), number(2.41e6), number(0.0)
    ('14.9', '4,000', '2.41 million', '0')
    """
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e9:
        return f"{value:.2g}"
    if size >= 999_999.5:
        return f"{value / 1e6:.3g} million"
    if size >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def amount(value: float, unit: str) -> str:
    """A number with its unit, ``1 step`` in the singular."""
    return f"{number(value)} {'step' if unit == 'steps' and value == 1 else unit}"


def count(things: int, noun: str) -> str:
    """``1 model``, ``2 models``."""
    return f"{things} {noun}" if things == 1 else f"{things:,} {noun}s"


def interval(bounds: Interval, *, unbounded: str = "∞") -> str:
    """``9–31``; an end that is None is unbounded, and so are both where the lower one is."""
    if bounds.low is None:
        return unbounded
    low = number(bounds.low)
    return f"{low}–{unbounded if bounds.high is None else number(bounds.high)}"


def ranks(bounds: tuple[int, int]) -> str:
    """``2–5``, or one number when both ends agree."""
    best, worst = bounds
    return str(best) if best == worst else f"{best}–{worst}"


def share(value: float) -> str:
    """A share as whole per cent, never rounded to certainty.

    >>> share(0.996), share(1.0), share(0.18)
    ('> 99 %', '100 %', '18 %')
    """
    if 0 < value <= 0.005:  # 0.5 would be rounded to the even 0
        return "< 1 %"
    if 0.995 <= value < 1:
        return "> 99 %"
    return f"{100 * value:.0f} %"


def stakes_of(rewards: str) -> tuple[str, float | None]:
    """The shape (``winner``, ``top:3``) and the value of first place in a short form of rewards; None without one."""
    shape, _, last = rewards.rpartition(":")
    try:
        value = float(last)
    except ValueError:
        return rewards, None
    return (shape, value) if shape and math.isfinite(value) else (rewards, None)


def rewards_in_words(rewards: str, unit: str) -> str:
    """What each place is assumed to be worth."""
    shape, value = stakes_of(rewards)
    if value is None:
        return f"the rewards are {rewards}"
    kind, *details = shape.split(":")
    worth = amount(value, unit)
    match kind, details:
        case "winner", []:
            return f"first place is worth {worth}, every other place nothing"
        case "top", [places]:
            return f"each of the first {places} places is worth {worth}, every other place nothing"
        case "linear", []:
            return f"first place is worth {worth}, falling in equal parts to nothing at the last place"
        case "geometric", [ratio]:
            return f"first place is worth {worth}, each further place {ratio} times the one above it"
        case _:
            return f"the rewards are {rewards}, in {unit}"


def price_in_words(price: Price, unit: str) -> str:
    """What the lower of two neighbours would have to do to pass the upper one."""
    if not price.reachable or price.effort is None:
        reason = f" ({price.reason})" if price.reason else ""
        return f"{price.model} cannot overtake {price.overtakes} by tuning{reason}"
    mark = f" {EXTRAPOLATED}" if price.extrapolated else ""
    cost = "" if unit == "steps" or price.cost is None else f", which costs {amount(price.cost, unit)}"
    bounds = Interval(low=price.low, high=price.high)
    return (
        f"{price.model} would overtake {price.overtakes} with {amount(price.effort, 'steps')} "
        f"of its own tuning (95 % interval {interval(bounds)}){cost}{mark}"
    )


def level_in_words(level: float) -> str:
    """``direct evaluation`` or ``level 500``."""
    return "direct evaluation" if level == 0 else f"level {number(level)}"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One key number with what it is and what to know about it."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The verdict a maintainer reads first.

    Args:
        outcome: Whether gaming pays at the assumed stakes, without tuning before testing.
        headline: One sentence.
        sentences: What it rests on, who would overtake whom, and the level that ends it.
        facts: Key numbers.
    """

    outcome: Literal["pays", "does not pay", "undecided"]
    headline: str
    sentences: tuple[str, ...]
    facts: tuple[Fact, ...]


def summarise(audit: Audit) -> Summary:
    """Put the audit's main findings into words."""
    direct = audit.levels[0]
    where = "under direct evaluation" if direct.level == 0 else f"at {level_in_words(direct.level)}"
    outcome: Literal["pays", "does not pay", "undecided"]
    match direct.verdict:
        case "none":
            outcome, headline = "pays", f"Gaming {audit.benchmark} pays {where}."
            finding = _sentence(direct.witness) if direct.witness else "Some developer gains by tuning."
            if any(price.tied and _is_told(price, direct) for price in direct.prices):
                finding += f" Noise cannot tell these two apart {TIED}."
        case "exists":
            outcome, headline = "does not pay", f"Gaming {audit.benchmark} does not pay {where}, at these stakes."
            finding = "No developer gains by tuning to take a place above its own: nobody tuning is an equilibrium."
        case _:
            outcome, headline = "undecided", f"Whether gaming {audit.benchmark} pays {where} is undecided."
            finding = "The margins are too small, or a condition is not met, to decide either way."
    if direct.measured_verdict != direct.verdict:
        finding += f" Within the measured steps alone: {measured_verdict(direct)}."
    assumed = " Nobody stated these stakes; they are an assumption." if audit.rewards_assumed else ""
    sentences = [f"At stake: {rewards_in_words(audit.rewards, audit.cost_unit)}.{assumed}", finding]
    cheapest = cheapest_clear_price(direct)
    notable = list(direct.prices[:1])
    if cheapest is not None and cheapest not in notable:
        notable.append(cheapest)
    sentences += [f"{price_in_words(price, audit.cost_unit)}." for price in notable if not _is_told(price, direct)]
    sentences += stabilising_in_words(audit.stabilising_level, audit.reference_level)
    return Summary(
        outcome=outcome, headline=headline, sentences=tuple(sentences), facts=_facts(audit, direct, cheapest)
    )


def _is_told(price: Price, level: Level) -> bool:
    """Whether the level's witness is the overtaking that the price is for."""
    return (level.witness or "").startswith(f"{price.model} takes {price.overtakes}'s place ")


def cheapest_clear_price(level: Level) -> Price | None:
    """The cheapest overtake between neighbours that noise can tell apart; None when there is none to be had."""
    prices = [price for price in level.prices if price.cost is not None and not price.tied]
    return min(prices, key=lambda price: price.cost or 0.0, default=None)


def _facts(audit: Audit, direct: Level, cheapest: Price | None) -> tuple[Fact, ...]:
    unit = audit.cost_unit
    pairs = len(direct.prices)
    facts: list[Fact] = []
    if direct.prices:
        first = direct.prices[0]
        facts.append(_price_fact("Price of first place", first, unit))
    if cheapest is not None and cheapest is not direct.prices[0]:
        facts.append(_price_fact("Cheapest clear overtake", cheapest, unit))
    if pairs:
        median = "out of reach" if direct.median_price is None else amount(direct.median_price, unit)
        note = f"over {count(pairs, 'neighbouring pair')}; {direct.unreachable} out of reach, {direct.tied} tied {TIED}"
        facts.append(Fact(label="Median price of the next place", value=median, note=note))
    facts.append(_level_fact(audit.stabilising_level))
    return tuple(facts)


def _price_fact(label: str, price: Price, unit: str) -> Fact:
    value = "out of reach" if price.cost is None else amount(price.cost, unit)
    marks = (f"; {TIED} tied" if price.tied else "") + (f"; {EXTRAPOLATED} extrapolated" if price.extrapolated else "")
    return Fact(label=label, value=value, note=f"{price.model} past {price.overtakes}{marks}")


def _level_fact(stable: StabilisingLevel) -> Fact:
    value = {"zero": "0 steps", "infinite": "none exists", "unknown": "not known"}.get(stable.status, "not known")
    if stable.level is not None:
        value = amount(stable.level, "steps")
    mark = f"{EXTRAPOLATED} extrapolated; " if stable.extrapolated else ""
    bounds = f"95 % interval {interval(Interval(low=stable.low, high=stable.high))}; " if stable.low is not None else ""
    return Fact(label="Level that ends gaming", value=value, note=f"{mark}{bounds}{_measured_short(stable)}")


def stabilising_in_words(stable: StabilisingLevel, reference_level: float) -> list[str]:
    """The level from which gaming no longer pays, and what the measured range alone shows about it."""
    bounds = f"95 % interval {interval(Interval(low=stable.low, high=stable.high), unbounded='unbounded')}"
    mark = f" {EXTRAPOLATED}" if stable.extrapolated else ""
    match stable.status:
        case "zero":
            main = "No tuning before testing is needed"
        case "finite" | "union" if stable.level is not None:
            main = f"Tune-before-test ends gaming from {amount(stable.level, 'steps')} on ({bounds}){mark}"
            main += _pieces(stable.intervals, "; also ")
        case "union":
            main = "Tune-before-test ends gaming" + _pieces(stable.intervals, " only ")
        case "infinite":
            main = "No level of tune-before-test ends gaming"
        case _:
            main = "Which level of tune-before-test ends gaming is not known"
    sentences = [f"{main}: {_sentence(stable.reason)}"]
    if stable.status != "zero":
        where = f"within the {amount(reference_level, 'steps')} measured in {share(stable.share_within_measured)}"
        sentences.append(f"{_measured(stable, reference_level)} The level lies {where} of the posterior draws.")
    return sentences


def _pieces(intervals: tuple[tuple[float, float | None], ...], start: str) -> str:
    """The bounded stretches of stable levels, if any; only their number and range when they are many."""
    bounded = [(low, high) for low, high in intervals if high is not None]
    if not bounded:
        return ""
    if len(bounded) <= 2:
        return f"{start}at levels {' and '.join(f'{number(low)}–{number(high)}' for low, high in bounded)}"
    return f"{start}on {len(bounded)} stretches of levels between {number(bounded[0][0])} and {number(bounded[-1][1])}"


def _measured(stable: StabilisingLevel, reference_level: float) -> str:
    """What the measured steps alone show about the level."""
    if stable.measured_level is None:
        return (
            f"The measured steps alone show that gaming pays up to level {number(reference_level)}, the last measured."
        )
    if stable.measured_level == 0:
        return "The measured steps alone show no overtake that pays."
    return f"The measured steps alone show that gaming pays up to level {number(stable.measured_level)}."


def _measured_short(stable: StabilisingLevel) -> str:
    if stable.measured_level is None:
        return "measured steps alone: above all of them"
    return (
        "measured steps alone: 0"
        if stable.measured_level == 0
        else f"measured steps alone: above {number(stable.measured_level)}"
    )


def _sentence(text: str) -> str:
    """Text with a full stop; its first letter stays, since it may be that of a model's name."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def measured_verdict(level: Level) -> str:
    """The verdict if nobody tunes beyond the measured steps; there is none beyond them."""
    if level.extrapolated and level.measured_verdict == "undecided":
        return "not measured"
    return VERDICT_WORDS[level.measured_verdict]


def price_interval(price: Price) -> str:
    """The interval of a price's effort; a dash where it is out of reach at both ends."""
    if price.low is None and price.high is None:
        return "–"
    return interval(Interval(low=price.low, high=price.high))


def tied_names(level: Level) -> frozenset[str]:
    """The models that noise cannot tell from a neighbour at this level."""
    return frozenset(name for price in level.prices if price.tied for name in (price.model, price.overtakes))
