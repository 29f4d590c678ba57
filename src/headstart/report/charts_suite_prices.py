"""Charts of the prices of a suite: the rules side by side, and whether more tasks can replace tuning.

Altair is slow to import, so only pages import this module, and only when one is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from headstart.report.charts_parts import Row, layered, powers_of_ten, rows
from headstart.report.charts_style import Style, style
from headstart.report.drawing import Chart
from headstart.report.suite_prices_wording import with_unit
from headstart.report.wording import number
from headstart.suite.price.pricing import SuitePricing
from headstart.suite.price.scale import TasksOrTuning
from headstart.suite.price.values import median_of


def rule_prices_chart(found: SuitePricing) -> Chart:
    """The cheapest price of first place and what half of the models pay for the next place, by rule and level."""
    known: list[tuple[str, float | None, float | None]] = []
    for one in found.prices:
        first = one.cheapest_first
        label = f"{one.rule}, level {number(one.level)}" if len(found.levels) > 1 else one.rule
        known.append((label, None if first is None else first.upper, median_of(one.next)))
    finite = [value for _, *values in known for value in values if value]
    powers = powers_of_ten(finite)
    bottom, top = powers[0], powers[-1]
    shelf = top * (top / bottom) ** 0.1

    def place(value: float | None) -> float:
        return shelf if value is None else max(value, bottom)

    data = rows({"m": label, "f": place(first), "n": place(half)} for label, first, half in known)
    x = alt.X(
        "f:Q",
        title=f"price ({found.cost_unit}, log scale)",
        scale=_price_scale(powers, shelf),
        axis=_price_axis(powers, shelf, labelOverlap="greedy"),
    )
    names = alt.Y("m:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=170))
    base = alt.Chart(data).encode(y=names)
    layers = [
        base.mark_point(**style("direct-point")).encode(x=alt.X("n:Q")),
        base.mark_point(**style("tuned-point")).encode(x=x),
    ]
    said = [
        f"{label} {'out of reach' if first is None else with_unit(first, found.cost_unit)}" for label, first, _ in known
    ]
    return Chart(
        id="rule-prices",
        title="What places cost under each rule",
        description=f"Dot chart. Cheapest first place: {'; '.join(said)}.",
        spec=layered(layers, height=24 * len(known) + 10),
        legend=(
            ("dot-tuned", "first place, for the model that pays least"),
            ("dot-direct", "the next place: half of the models pay no more"),
        ),
    )


def tasks_or_tuning_chart(found: TasksOrTuning) -> Chart:
    """The price of first place by number of tasks, one line a level: the model in the middle of the field.

    Median over the sets of tasks and, at the first level, their middle half; prices out of reach lie on a shelf.
    """
    table = found.summary(found.middle)
    finite = table["median"][np.isfinite(table["median"]) & (table["median"] > 0)]
    powers = powers_of_ten(finite.tolist())
    bottom, top = powers[0], powers[-1]
    shelf = top * (top / bottom) ** 0.12

    def place(value: float) -> float:
        return shelf if math.isinf(value) else max(value, bottom)

    sizes: list[int] = found.sizes.tolist()
    x = alt.X(
        "t:Q",
        title="tasks in the suite (log scale)",
        scale=alt.Scale(type="log", domain=[sizes[0] * 0.93, sizes[-1] * 1.07], nice=False),
        axis=alt.Axis(values=sizes, format="d"),
    )
    y = alt.Y(
        "p:Q",
        title=f"price of first place for the model in the middle ({found.cost_unit}, log scale)",
        scale=_price_scale(powers, shelf),
        axis=_price_axis(powers, shelf, grid=True),
    )

    def line(d: int) -> list[Row]:
        return [
            {"t": size, "p": place(table["median"][s, d]), "l": place(table["low"][s, d]),
             "h": place(table["high"][s, d]), "d": f"{number(found.levels[d])} steps"}
            for s, size in enumerate(sizes)
        ]  # fmt: skip

    last = found.levels.size - 1
    layers: list[alt.Chart] = []
    first = alt.Chart(rows(line(0))).encode(x=x)
    layers.append(first.mark_area(**style("focus-b-band")).encode(y=alt.Y("l:Q"), y2="h:Q"))
    for d in range(last, -1, -1):
        look = "focus-b" if d == 0 else "focus-a" if d == last else "context"
        base = alt.Chart(rows(line(d))).encode(x=x, y=y)
        layers.append(base.mark_line(**style(look)))
        if look != "context":
            layers.append(base.mark_point(**style(f"{look}-point")))
            layers.append(_label(line(d)[-1], x, y))
    legend = [("swatch-b", _level(found, 0) + "; shaded: the middle half of the sets of tasks")]
    if last > 0:
        legend.append(("swatch-a", _level(found, last)))
    if last > 1:
        legend.append(("line-context", "levels between: " + ", ".join(number(v) for v in found.levels[1:last])))
    return Chart(
        id="tasks-or-tuning",
        title="Can more tasks replace tuning?",
        description=_description(found),
        spec=layered(layers, height=300),
        legend=tuple(legend),
    )


def _label(row: Row, x: alt.X, y: alt.Y) -> alt.Chart:
    look: Style = {**style("bar-text"), "align": "right", "baseline": "bottom"}
    return alt.Chart(rows([row])).mark_text(**look, dy=-8).encode(x=x, y=y, text="d:N")


def _level(found: TasksOrTuning, d: int) -> str:
    return "direct evaluation" if found.levels[d] == 0 else f"level {number(found.levels[d])} steps"


def _description(found: TasksOrTuning) -> str:
    table = found.summary(found.middle)["median"]
    last = found.levels.size - 1

    def shown(s: int, d: int) -> str:
        value = float(table[s, d])
        return "out of reach" if math.isinf(value) else with_unit(value, found.cost_unit)

    few, many = int(found.sizes[0]), int(found.sizes[-1])
    words = [
        f"{_level(found, d)}: {shown(0, d)} with {few} {'task' if few == 1 else 'tasks'}, {shown(-1, d)} with {many}"
        for d in sorted({0, last})
    ]
    return f"Line chart of the price of first place under {found.rule} by number of tasks. {'; '.join(words)}."


def _price_scale(powers: Sequence[float], shelf: float) -> alt.Scale:
    """From the smallest power of ten to the shelf of prices that are out of reach."""
    return alt.Scale(type="log", domain=[powers[0], shelf * 1.05], nice=False)


def _price_axis(powers: Sequence[float], shelf: float, **options: Any) -> alt.Axis:
    """Powers of ten, and what the shelf means."""
    words = f"datum.value > {powers[-1] * 1.0001} ? 'out of reach' : format(datum.value, ',~r')"
    return alt.Axis(values=[*powers, shelf], labelExpr=words, **options)
