"""Charts over the tune-before-test level for readers of the detail: prices, and stakes under exact knowledge."""

from __future__ import annotations

import json
import math

import altair as alt

from headstart.auditing.level_values import Level
from headstart.auditing.values import Audit, StakesCurve
from headstart.report.charts import LEVEL_TITLE
from headstart.report.charts_parts import Row, beyond_region, layered, powers_of_ten, rows, steps_axis
from headstart.report.charts_style import style
from headstart.report.drawing import Chart
from headstart.report.wording import amount, count, number, shape_in_words, stakes_of


def prices_chart(audit: Audit) -> Chart:
    """Middle half of the neighbours' prices at every level; those beyond the horizon on a shelf of their own."""
    levels = [level for level in audit.levels if level.prices]
    finite = [v for level in levels for v in (level.median_price, level.quartiles.low, level.quartiles.high) if v]
    powers = powers_of_ten(finite)
    bottom, top = powers[0], powers[-1]
    shelf = top * (top / bottom) ** 0.14
    # levels stand side by side at 0, 1, 2, ...: their number matters here, not their distance
    names = json.dumps([number(level.level) for level in levels], ensure_ascii=False)
    n = len(levels)
    x = alt.X(
        "x:Q",
        title=LEVEL_TITLE,
        scale=alt.Scale(domain=[-0.5, n - 0.5], nice=False),
        axis=alt.Axis(values=list(range(n)), labelExpr=f"{names}[datum.value]", labelOverlap="greedy"),
    )
    scale = alt.Scale(type="log", domain=[bottom, shelf], nice=False)
    axis = alt.Axis(values=powers, labelExpr="format(datum.value, ',~r')", grid=True)
    y = alt.Y("price:Q", title=f"price of the next place ({audit.cost_unit}, log scale)", scale=scale, axis=axis)
    data = rows(_box(at, level, bottom, shelf) for at, level in enumerate(levels))
    box = alt.Chart(data).encode(x=alt.X("x1:Q"), x2="x2:Q")
    ceiling = alt.Chart(rows([{"price": top, "price2": shelf}]))
    layers = [
        ceiling.mark_rect(**style("beyond")).encode(y=y, y2="price2:Q"),
        box.mark_rect(**style("quartiles")).encode(y=alt.Y("q1:Q"), y2="q3:Q"),
        box.mark_rule(**style("median")).encode(y=alt.Y("median:Q")),
        alt.Chart(data).mark_text(**style("shelf-label")).encode(x=x, y=alt.Y("shelf:Q"), text="out:N"),
    ]
    pairs = len(audit.levels[0].prices)
    return Chart(
        id="prices",
        title="What the next place costs, by level",
        description=_prices_description(audit),
        spec=layered(layers, height=300),
        legend=(
            ("box-quartiles", "middle half of the neighbouring pairs; the bar is the median"),
            ("box-shelf", f"number of pairs, of {pairs}, that no forecast brings within reach"),
        ),
    )


def _box(at: int, level: Level, bottom: float, shelf: float) -> Row:
    span = shelf / bottom  # as a ratio: heights below are shares of the log axis
    on_shelf = shelf / span**0.095

    def place(value: float | None) -> float:
        return on_shelf if value is None else max(value, bottom)

    return {
        "x": at,
        "x1": at - 0.42,
        "x2": at + 0.42,
        "shelf": shelf / span**0.04,
        "q1": place(level.quartiles.low),
        "median": place(level.median_price),
        "q3": place(level.quartiles.high),
        "out": str(level.unreachable),
    }


def _prices_description(audit: Audit) -> str:
    first, last = audit.levels[0], audit.levels[-1]

    def median(level: Level) -> str:
        return "beyond the horizon" if level.median_price is None else amount(level.median_price, audit.cost_unit)

    return (
        f"Box chart of the prices of {count(len(first.prices), 'neighbouring pair')} at each level: "
        f"the median is {median(first)} at level {number(first.level)}, with {count(first.unreachable, 'pair')} out of "
        f"reach, and {median(last)} at level {number(last.level)}, with {last.unreachable}."
    )


def stability_chart(audit: Audit) -> Chart:
    """Under exact knowledge of the scores: the largest value of first place that keeps everybody honest, by level."""
    curve, own_value = _own_curve(audit)
    limit = max(curve.levels[-1], 1.0)
    powers = powers_of_ten([*curve.stakes, *curve.low, *curve.high, own_value or 0.0])
    bottom, top = powers[0], powers[-1]
    x = steps_axis(limit, LEVEL_TITLE)
    axis = alt.Axis(values=powers, labelExpr="format(datum.value, ',~r')")
    scale = alt.Scale(type="log", domain=[bottom, top], nice=False)
    y = alt.Y("v:Q", title=f"value of first place ({audit.cost_unit}, log scale)", scale=scale, axis=axis)
    edge = alt.Chart(rows(_edge_rows(curve, bottom, top))).encode(x=x)
    layers = [
        edge.mark_area(**style("stable")).encode(y=y, y2="bottom:Q"),
        edge.mark_area(**style("stable-band")).encode(y=alt.Y("l:Q"), y2="h:Q"),
        edge.transform_filter("datum.bounded").mark_line(**style("stable-edge")).encode(y=y),
        *beyond_region(audit.reference_level, limit, LEVEL_TITLE),
    ]
    if own_value is not None and own_value > 0:
        layers.append(alt.Chart(rows([{"v": own_value}])).mark_rule(**style("stakes")).encode(y=y))
    words = shape_in_words(curve.shape)
    return Chart(
        id="stability",
        title="If developers knew the exact scores: stakes that keep everybody honest",
        description=_stability_description(audit, curve, words),
        spec=layered(layers, height=300),
        legend=(
            ("area-stable", f"nobody tuning is an equilibrium (rewards: {words})"),
            ("area-band", "95 % interval of the edge"),
            ("line-stakes", "the stakes of this audit"),
        ),
    )


def _own_curve(audit: Audit) -> tuple[StakesCurve, float | None]:
    shape, value = stakes_of(audit.rewards)
    return next((curve for curve in audit.stakes if curve.shape == shape), audit.stakes[0]), value


def _edge_rows(curve: StakesCurve, bottom: float, top: float) -> list[Row]:
    def place(value: float) -> float:
        return bottom if math.isnan(value) else min(max(value, bottom), top)

    return [
        {"e": e, "v": place(v), "l": place(low), "h": place(high), "bottom": bottom, "bounded": bottom <= v <= top}
        for e, v, low, high in zip(curve.levels, curve.stakes, curve.low, curve.high, strict=True)
    ]


def _stability_description(audit: Audit, curve: StakesCurve, words: str) -> str:
    def worth(value: float) -> str:
        return amount(value, audit.cost_unit) if math.isfinite(value) else "any value"

    return (
        f"Area chart for rewards {words}: nobody tuning is an equilibrium up to a first place worth "
        f"{worth(curve.stakes[0])} at level {number(curve.levels[0])}, and {worth(curve.stakes[-1])} at level "
        f"{number(curve.levels[-1])}."
    )
