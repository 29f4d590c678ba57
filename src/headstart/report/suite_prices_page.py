"""Prices of a suite as sections of its page."""

from __future__ import annotations

from typing import Any

from headstart.report.page import Section, render
from headstart.report.suite_prices_wording import left_out, rows_of, rule_row, summary
from headstart.report.wording import EXTRAPOLATED, number
from headstart.suite.price.pricing import SuitePricing
from headstart.suite.price.values import SuitePrices, median_of

MOST_PLACES = 60
"""Places of each level and rule on the page."""


def prices_sections(found: SuitePricing) -> tuple[Section, ...]:
    """What gaming the suite costs, rule by rule; every place, folded.

    Args:
        found: The prices.

    Returns:
        Two sections, with the identifiers ``prices`` and ``places``.
    """
    from headstart.report.charts_suite_prices import rule_prices_chart, tasks_or_tuning_chart

    levels = [(str(level), _level(level)) for level in found.levels]
    scale = found.tasks_or_tuning
    several = [(f"{one.level}-{one.rule}", f"{_level(one.level)}, {one.rule}") for one in found.prices]
    places = [
        (f"{one.level}-{one.rule}", *row)
        for one in found.prices
        for row in rows_of((*one.next[:MOST_PLACES], *one.first[:MOST_PLACES]), found.cost_unit)
    ]
    context: dict[str, Any] = {
        "found": found,
        "sentences": summary(found),
        "rules_chart": rule_prices_chart(found),
        "tasks_chart": tasks_or_tuning_chart(scale) if scale is not None and scale.sizes.size > 1 else None,
        "rules": [(str(one.level), rule_row(one), _sorts(one)) for one in found.prices],
        "unpriced": list(found.unpriced.items()),
        "notes": [*found.notes, *left_out(found)],
        "mark": EXTRAPOLATED,
        "places": places,
        "most": MOST_PLACES if len(found.models) > MOST_PLACES + 1 else None,
    }
    parts = (("prices", "What gaming it costs", False, levels if len(levels) > 1 else None),
             ("places", "Every place", True, several))  # fmt: skip
    return tuple(
        Section(
            id=name,
            title=title,
            html=render(f"suite_prices/{name}.html", {**context, "groups": groups}),
            folded=folded,
        )
        for name, title, folded, groups in parts
    )


def _level(level: float) -> str:
    return "0 (direct evaluation)" if level == 0 else number(level)


def _sorts(one: SuitePrices) -> tuple[float | None, ...]:
    """What the columns of a rule are sorted by."""
    first, following = one.cheapest_first, one.cheapest_next
    return (
        None if first is None else first.upper,
        median_of(one.first),
        None if following is None else following.upper,
        median_of(one.next),
    )
