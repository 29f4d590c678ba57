"""The decision: one sentence that says what to do, from the figures of the levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.auditing.level_values import Estimate, Interval, Level
from headstart.auditing.values import Binding, Decision

FURTHER = 2.0
"""Where the data cannot say, measure to this multiple of the longest measured level: as far as forecasts reach."""


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What a recommended level must meet.

    Args:
        tolerance: Largest gain from gaming that counts as none, as a share of first reward minus last.
        confidence: Share of the posterior draws in which it must hold, at the level and every later one.
        least_tau: Least agreement of the ranking with the one at the reference level; None for no such requirement.
        budget: Most that tuning every model may cost, in cost units; None for no bound.
    """

    tolerance: float = 0.01
    confidence: float = 0.95
    least_tau: float | None = None
    budget: float | None = None


def decide(
    levels: Sequence[Level],
    criteria: Criteria,
    *,
    needed: float,
    cost_of_step: float,
    cost_unit: str,
    reference: float,
) -> Decision:
    """Recommend the least measured level that meets the criteria, or say what to measure.

    Args:
        levels: Rising.
        criteria: What the level must meet.
        needed: Share of the posterior draws that shows the confidence asked for; see ``needed_share``.
        cost_of_step: What one step for every model costs, in cost units.
        cost_unit: Its name.
        reference: Level at which quality is read, in steps.
    """
    measured = [one for one in levels if one.measured] or list(levels)
    first, last = levels[0], measured[-1]
    chosen = next((one for one in measured if _meets(one, criteria, needed, cost_of_step)), None)
    shown = chosen or last
    tau = _estimate_of(shown.kendall_tau_to_reference, shown.kendall_tau_interval)
    cost = None if chosen is None else chosen.level * cost_of_step
    ties = sum(len(group.names) > 1 for group in shown.ties)
    binding = None if chosen is not None else _binding(measured, criteria, needed)
    measure_to = _next_step(last.level) if binding == "incentive" else None
    if chosen is not None:
        headline, reasons = _do_this(first, chosen, cost or 0.0, cost_unit, reference, ties)
    elif measure_to is not None:
        headline, reasons = _cannot_say(first, last, criteria, needed, measure_to)
    else:
        headline, reasons = _other_requirement(measured, criteria, needed, cost_of_step, cost_unit)
    direct = chosen is not None and chosen.level == first.level
    return Decision(
        action="measure more" if chosen is None else "keep direct evaluation" if direct else "tune before the test",
        level=None if chosen is None else chosen.level,
        headline=headline,
        reasons=reasons,
        tolerance=criteria.tolerance,
        confidence=criteria.confidence,
        incentive=shown.incentive.share,
        incentive_before=first.incentive.share,
        first_level=first.level,
        suffices=shown.incentive.suffices,
        kendall_tau=None if shown.level == reference else tau,
        cost=cost,
        ties=ties,
        binding=binding,
        measure_to=measure_to,
    )


def _meets(level: Level, criteria: Criteria, needed: float, cost_of_step: float) -> bool:
    affordable = criteria.budget is None or level.level * cost_of_step <= criteria.budget
    return level.incentive.suffices >= needed and _agrees(level, criteria) and affordable


def _agrees(level: Level, criteria: Criteria) -> bool:
    return criteria.least_tau is None or (level.kendall_tau_to_reference or -1.0) >= criteria.least_tau


def _binding(levels: Sequence[Level], criteria: Criteria, needed: float) -> Binding:
    enough = [one for one in levels if one.incentive.suffices >= needed]
    if not enough:
        return "incentive"
    return "budget" if any(_agrees(one, criteria) for one in enough) else "agreement"


def _next_step(level: float) -> float:
    """Twice the level, rounded up to two digits."""
    wanted = max(FURTHER * level, 1.0)
    unit = 10.0 ** max(math.floor(math.log10(wanted)) - 1, 0)
    return math.ceil(wanted / unit) * unit


Words = tuple[str, tuple[str, ...]]
"""A headline, which says what to do, and the sentences that it rests on."""


def _do_this(first: Level, chosen: Level, cost: float, cost_unit: str, reference: float, ties: int) -> Words:
    gain, before = share_with_interval(chosen.incentive.share), share_words(first.incentive.share.value)
    publish = _publish(ties, chosen)
    if chosen.level == first.level:
        keep = "Keep direct evaluation." if first.level == 0 else f"Keep {name_of(first.level)}."
        return keep, (f"No developer gains more than {gain} of first prize by gaming.", publish)
    reasons = [f"No developer then gains more than {gain} of first prize by gaming ({before} {under(first.level)})."]
    tau = chosen.kendall_tau_to_reference
    if chosen.level == reference:
        reasons.append("Nothing beyond this level was measured.")
    elif tau is not None:
        reasons.append(f"The ranking agrees with the one at {reference:,.6g} steps at Kendall's tau {tau:.2f}.")
    reasons += [publish, f"It costs {amount(cost, cost_unit)}."]
    return f"Give every model {chosen.level:,.6g} steps of the same tuning before the test.", tuple(reasons)


def _publish(ties: int, level: Level) -> str:
    if not ties:
        return "Every neighbour in the ranking can be told apart."
    tied = sum(len(group.names) for group in level.ties if len(group.names) > 1)
    groups = "1 group" if ties == 1 else f"{ties} groups"
    models = len(level.standings)
    who = f"all {models} models" if tied == models else f"{tied} of the {models} models"
    return f"Publish {groups} of ties: noise leaves {who} tied with another."


def _cannot_say(first: Level, last: Level, criteria: Criteria, needed: float, measure_to: float) -> Words:
    gain = share_with_interval(last.incentive.share)
    before = "" if last.level == first.level else f" ({share_words(first.incentive.share.value)} {under(first.level)})"
    reasons = [
        f"At {last.level:,.6g} steps, the last level that most models were measured at, a developer may still gain "
        f"{gain} of first prize by gaming{before}.",
        f"That level is enough in {math.floor(100 * last.incentive.suffices)} % of the posterior draws; "
        f"{math.ceil(100 * needed)} % would show the {100 * criteria.confidence:g} % asked for.",
    ]
    if last.incentive.share.value <= criteria.tolerance:
        reasons.append("More test items or more seeds at the last steps would narrow this too.")
    return (
        f"Your data cannot say which level is enough: measure to {measure_to:,.6g} steps.",
        tuple(reasons),
    )


def _other_requirement(
    levels: Sequence[Level], criteria: Criteria, needed: float, cost_of_step: float, cost_unit: str
) -> Words:
    """No level that is enough agrees with the reference as asked, or the cheapest one that does is too dear."""
    enough = [one for one in levels if one.incentive.suffices >= needed]
    faithful = [one for one in enough if _agrees(one, criteria)]
    if not faithful:
        best = max(enough, key=lambda one: one.kendall_tau_to_reference or -1.0)
        return "No measured level meets every requirement.", (
            f"Of the levels that are enough, {best.level:,.6g} steps agrees best with the reference ranking, at tau "
            f"{best.kendall_tau_to_reference or 0.0:.2f}; {criteria.least_tau:g} is asked for.",
        )
    cost = amount(faithful[0].level * cost_of_step, cost_unit)
    return "No measured level meets every requirement.", (
        f"The cheapest level that meets the others, {faithful[0].level:,.6g} steps, costs {cost}; the budget is "
        f"{criteria.budget:,.6g}.",
    )


def amount(value: float, unit: str) -> str:
    """A cost with its unit: whole where it is large, three digits where it is small.

    >>> amount(110000.0, "steps"), amount(0.01234, "USD"), amount(1234.5, "USD")
    ('110,000 steps', '0.0123 USD', '1,234 USD')
    """
    shown = f"{value:,.0f}" if value >= 99.95 or value == round(value) else f"{value:.3g}"
    return f"{shown} {unit}"


def _estimate_of(value: float | None, bounds: Interval) -> Estimate | None:
    if value is None or bounds.low is None or bounds.high is None:
        return None
    return Estimate(value=value, low=bounds.low, high=bounds.high)


def name_of(level: float) -> str:
    """``direct evaluation`` or ``the test after 10 steps``."""
    return "direct evaluation" if level == 0 else f"the test after {level:,.6g} steps"


def under(level: float) -> str:
    """``under direct evaluation`` or ``after 10 steps``: never direct evaluation where step 0 was not measured."""
    return "under direct evaluation" if level == 0 else f"after {level:,.6g} steps"


def share_words(share: float) -> str:
    """A share in per cent, two digits, never more exact than a thousandth.

    >>> share_words(0.3794), share_words(0.00312), share_words(0.00002), share_words(0.0)
    ('38 %', '0.3 %', 'under 0.1 %', '0 %')
    """
    percent = 100 * share
    if percent == 0:
        return "0 %"
    if percent < 0.1:
        return "under 0.1 %"
    return f"{percent:.1f} %" if percent < 1.95 else f"{percent:.0f} %"


def share_with_interval(share: Estimate) -> str:
    """``0.3 % [0–3 %]``; the interval is left out where it rounds to the value, and 0.1 % stands for all below it.

    >>> share_with_interval(Estimate(value=0.00005, low=0.0, high=0.0312))
    '0.1 % [0–3 %]'
    >>> share_with_interval(Estimate(value=0.00004, low=0.00002, high=0.0011))
    '0.1 %'
    """
    value, high = (share_words(max(one, 0.001) if one > 0 else one) for one in (share.value, share.high))
    low = share_words(share.low if share.low >= 0.001 else 0.0)
    if value == high and (value == low or share.high <= 0.002):
        return value
    return f"{value} [{low.removesuffix(' %')}–{high}]"
