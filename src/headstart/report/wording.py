"""The audit in plain words and readable numbers, shared by the terminal and the page.

Numbers keep about three digits, always with their unit beside them or in their column's heading. ``EXTRAPOLATED`` marks
whatever rests on forecasts beyond the measured steps, ``TIED`` models that noise cannot tell apart.
"""

from __future__ import annotations

import math

from headstart.auditing.level_values import Interval, Level, Price
from headstart.auditing.values import Audit, Faller, LastingLevel

EXTRAPOLATED = "†"
TIED = "≈"

FLAG_WORDS = {
    "forgets": "its score falls from its peak by more than noise while it is tuned",
    "collapses": "it forgets, and ends near chance or near where its rise began",
    "at chance": "tuning never raises its score, which stays near chance",
    "no gain": "no later score exceeds its first one by more than noise",
    "ceiling not identified": "the measurements do not show where its score levels off",
    "poor fit": "the curve misses the measurements by more than the stated noise allows",
    "too few points": "too few measured steps for its fit to be tested by anything",
}

VERDICT_WORDS = {"exists": "honest", "none": "gaming pays", "undecided": "undecided"}
"""Verdicts among developers who know the exact scores."""


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


def certainty(value: float) -> str:
    """A probability as whole per cent, rounded down, so that nothing looks surer than it is.

    >>> certainty(0.929), certainty(0.996), certainty(1.0), certainty(0.0)
    ('92 %', '99 %', '100 %', '0 %')
    """
    return "< 1 %" if 0 < value < 0.01 else f"{math.floor(100 * value + 1e-9)} %"


def percent(value: float) -> str:
    """A share in per cent with up to three digits.

    >>> percent(0.01), percent(0.025)
    ('1 %', '2.5 %')
    """
    return f"{100 * value:.3g} %"


def two_digits(value: float) -> str:
    """A rough number of steps: two digits.

    >>> two_digits(292.0), two_digits(1468.0), two_digits(7.0)
    ('290', '1,500', '7')
    """
    unit = 10.0 ** max(math.floor(math.log10(max(value, 1.0))) - 1, 0)
    return f"{round(value / unit) * unit:,.0f}"


def stakes_of(rewards: str) -> tuple[str, float | None]:
    """The shape (``winner``, ``top:3``) and the value of first place in a short form of rewards; None without one."""
    shape, _, last = rewards.rpartition(":")
    try:
        value = float(last)
    except ValueError:
        return rewards, None
    return (shape, value) if shape and math.isfinite(value) else (rewards, None)


def shape_in_words(shape: str) -> str:
    """How rewards fall with the rank."""
    kind, *details = shape.split(":")
    match kind, details:
        case "winner", []:
            return "winner takes all"
        case "top", [places]:
            return f"equal for the first {places}"
        case "linear", []:
            return "falling in equal parts"
        case "geometric", [ratio]:
            return f"each {ratio} times the one above"
        case _:
            return shape


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


def stakes_in_words(audit: Audit) -> str:
    """What the audit takes the ranks to be worth, and whether somebody said so."""
    source = "assumed, state your own" if audit.rewards_assumed else "as stated"
    return f"At stake ({source}): {rewards_in_words(audit.rewards, audit.cost_unit)}."


def faller_in_words(one: Faller) -> str:
    """``m: .629 untuned, .275 after 4,000 steps``."""
    before = "untuned" if one.peak_step == 0 else f"after {number(one.peak_step)} steps"
    return f"{one.name}: {one.peak_score:.3f} {before}, {one.last_score:.3f} after {number(one.last_step)} steps"


def rank_with_set(rank: int | None, bounds: tuple[int, int] | None) -> str:
    """``3 [2–5]``: a rank, and those that noise leaves possible where there are others."""
    if rank is None or bounds is None:
        return "–"
    return str(rank) if bounds == (rank, rank) else f"{rank} [{ranks(bounds)}]"


def score_in_words(score: float | None) -> str:
    """Three decimals."""
    return "–" if score is None else f"{score:.3f}"


def tau_in_words(level: Level) -> str:
    """Kendall's tau with its interval."""
    tau, bounds = level.kendall_tau_to_reference, level.kendall_tau_interval
    if tau is None:
        return "–"
    if bounds.low is None or bounds.high is None or f"{bounds.low:.2f}" == f"{bounds.high:.2f}":
        return f"{tau:.2f}"
    return f"{tau:.2f} [{bounds.low:.2f}–{bounds.high:.2f}]"


def noise_in_words(audit: Audit) -> str:
    """The measurement noise of a score, and where it comes from."""
    source = "as the file states" if audit.noise.stated else "estimated from the scatter around the curves"
    return f"A score has a standard error of {audit.noise.stderr:.2g} ({source})."


def unique_in_words(audit: Audit) -> str:
    """From which level on honesty is the only equilibrium; empty where that was not looked at."""
    if all(level.unique is None for level in audit.levels):
        return ""
    sure, start = audit.decision.confidence, None
    for level in reversed(audit.levels):
        if level.unique is None or level.unique < sure:
            break
        start = level
    drawn = f"in at least {percent(sure)} of the posterior draws (iterated dominance)"
    if start is None:
        return f"At no level reported is honesty shown to be the only equilibrium {drawn}."
    where = "At every level" if start is audit.levels[0] else f"From {number(start.level)} steps on"
    return f"{where} honesty is the only equilibrium, mixed ones included, {drawn}."


def strict_in_words(stable: LastingLevel, reference: float) -> str:
    """The strict level, in one sentence."""
    if stable.level == 0:
        return "With exact knowledge of the scores, nobody tuning is an equilibrium under direct evaluation already."
    if stable.level is None:
        return (
            f"With exact knowledge of the scores, no level up to {number(reference)} steps makes nobody tuning an "
            "equilibrium in most posterior draws: near-ties decide there."
        )
    bounds = interval(Interval(low=stable.low, high=stable.high), unbounded="beyond what was measured")
    return (
        f"With exact knowledge of the scores, nobody tuning is an equilibrium from {number(stable.level)} steps on "
        f"(95 % interval {bounds}); near-ties decide that level."
    )


def price_interval(price: Price) -> str:
    """The interval of a price's effort; a dash where it lies beyond the horizon at both ends."""
    if price.low is None and price.high is None:
        return "–"
    return interval(Interval(low=price.low, high=price.high), unbounded="beyond")


def bill(audit: Audit, level: float) -> float:
    """What giving every model the level costs, in cost units."""
    return level * float(audit.fit.cost_per_step.sum())


def tied_names(level: Level) -> frozenset[str]:
    """The models that share a published rank with another at this level."""
    return frozenset(name for group in level.ties if len(group.names) > 1 for name in group.names)
