"""Prices of a suite in words and readable numbers, shared by the terminal and the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from headstart.auditing.decision import under
from headstart.report.wording import EXTRAPOLATED, count, number, percent
from headstart.suite.price.pricing import SuitePricing
from headstart.suite.price.values import PlacePrice, SuitePrices, median_of

OUT = "out of reach"
DIGITS = 12


def spent(value: float, unit: str) -> str:
    """A cost: steps are whole, rounded up, since nobody trains a part of one.

    >>> spent(0.2, "steps"), spent(120.3, "steps"), spent(0.2, "USD")
    ('1', '121', '0.2')
    """
    return number(float(math.ceil(float(f"{value:.{DIGITS}g}")))) if unit == "steps" else number(value)


def with_unit(value: float, unit: str) -> str:
    """``spent`` with its unit.

    >>> with_unit(1.0, "steps"), with_unit(3.5, "USD")
    ('1 step', '3.5 USD')
    """
    shown = spent(value, unit)
    return f"{shown} {'step' if unit == 'steps' and shown == '1' else unit}"


def price_in_words(price: PlacePrice | None, unit: str, *, interval: bool = True) -> str:
    """``120``, ``110–120`` between bounds, with the 95 % interval in brackets; a mark beyond the measured steps."""
    if price is None or price.upper is None or price.lower is None:
        return OUT if price is None or price.lower is None else f"at least {spent(price.lower, unit)}"
    low, high = spent(price.lower, unit), spent(price.upper, unit)
    words = high if price.proof == "exact" or low == high else f"{low}–{high}"
    if interval and price.interval is not None and price.interval.low is not None:
        top = "∞" if price.interval.high is None else spent(price.interval.high, unit)
        words += f" [{spent(price.interval.low, unit)}–{top}]"
    return words + (EXTRAPOLATED if price.extrapolated else "")


def half_in_words(prices: tuple[PlacePrice, ...], unit: str) -> str:
    """What half of the models pay at most."""
    middle = median_of(prices)
    return OUT if middle is None else spent(middle, unit)


def rule_row(found: SuitePrices) -> tuple[str, ...]:
    """Rule, cheapest price of first and by whom, what half pay for first, cheapest of a next place, and half."""
    first, unit = found.cheapest_first, found.cost_unit
    return (
        found.rule,
        price_in_words(first, unit, interval=False),
        "–" if first is None else first.model,
        half_in_words(found.first, unit) if found.first_asked == len(found.ranking) - 1 else "–",
        price_in_words(found.cheapest_next, unit, interval=False),
        half_in_words(found.next, unit),
    )


def summary(found: SuitePricing) -> list[str]:
    """What the prices say, a sentence each."""
    lines = [line for level in (found.levels[0], found.levels[-1]) if (line := _by_rule(found, level))]
    return [*dict.fromkeys(lines), *_gaming(found), *_scale(found)]


def _by_rule(found: SuitePricing, level: float) -> str:
    """Which rule is cheapest to game at a level."""
    priced = [(one, one.cheapest_first) for one in found.prices if one.level == level]
    known = sorted(
        (
            (first.upper, one.rule, first.model)
            for one, first in priced
            if first is not None and first.upper is not None
        ),
        key=lambda row: row[0],
    )
    if not known:
        return f"No model can buy first place {under(level)} under any of these rules."
    cost, rule, model = known[0]
    words = f"First place {under(level)} is cheapest under {rule}: {with_unit(cost, found.cost_unit)}, by {model}"
    beyond = [one.rule for one, first in priced if first is None]
    if len(known) > 1:
        words += f"; dearest under {known[-1][1]}: {with_unit(known[-1][0], found.cost_unit)}"
    return words + (f"; out of reach under {', '.join(beyond)}." if beyond else ".")


def _gaming(found: SuitePricing) -> list[str]:
    if not found.gaming:
        return []
    first, last = found.gaming[0], found.gaming[-1]

    def gain(lower: float, upper: float) -> str:
        return percent(round(upper, 3)) if upper - lower < 0.005 else f"{percent(lower)} to {percent(upper)}"

    words = (
        "With scores as noisy as they are, the developer whom gaming the mean serves most gains "
        f"{gain(first.lower, first.upper)} of first prize {under(first.level)}"
    )
    if last.level != first.level:
        words += f" and {gain(last.lower, last.upper)} {under(last.level)}"
    return [f"{words} (rewards fall evenly; first is worth {with_unit(first.stake, found.cost_unit)})."]


def _scale(found: SuitePricing) -> list[str]:
    """Whether more tasks can replace tuning: the same price by tasks alone and by tuning alone."""
    scale = found.tasks_or_tuning
    if scale is None or scale.sizes.size < 2:
        return []
    middle = scale.summary(scale.middle)["median"]
    unit = scale.cost_unit

    def shown(value: float) -> str:
        return f"is {OUT}" if np.isinf(value) else f"costs {with_unit(float(value), unit)}"

    few, many = int(scale.sizes[0]), int(scale.sizes[-1])
    first, last = float(scale.levels[0]), float(scale.levels[-1])
    words = (
        f"More tasks or more tuning: under {scale.rule}, first place for the model in the middle {shown(middle[0, 0])} "
        f"with {count(few, 'task')} and {shown(middle[-1, 0])} with {many}, both {under(first)}"
    )
    if last > first:
        words += f"; with {count(few, 'task')} {under(last)} it {shown(middle[0, -1])}"
        words += f" ({_verdict(float(middle[-1, 0]), float(middle[0, -1]))})"
    return [words + "."]


def _verdict(by_tasks: float, by_tuning: float) -> str:
    if by_tasks == by_tuning:
        return "the same"
    return "tuning does more" if by_tuning > by_tasks else "here the tasks do more"


def left_out(found: SuitePricing, most: int = 5) -> list[str]:
    """Models without a curve on every task, named."""
    named = [f"{name} ({reason})" for name, reason in found.left_out[:most]]
    more = len(found.left_out) - len(named)
    return [f"Left out: {'; '.join(named)}{f' and {more} more' if more > 0 else ''}."] if named else []


def rows_of(prices: Sequence[PlacePrice], unit: str) -> list[tuple[PlacePrice, str, str]]:
    """Each price with its words and its efforts, most effort first."""
    return [(price, price_in_words(price, unit), efforts_in_words(price)) for price in prices]


def efforts_in_words(price: PlacePrice, most: int = 4) -> str:
    """``maths 120, code 30 and 2 more``: whole steps, rounded up."""
    if not price.effort:
        return "–"
    ordered = sorted(price.effort.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{task} {spent(steps, 'steps')}" for task, steps in ordered[:most])
    return shown + (f" and {len(ordered) - most} more" if len(ordered) > most else "")
