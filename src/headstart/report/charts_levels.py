"""Charts over the tune-before-test level: prices, agreement between rankings, and the stability map."""

from __future__ import annotations

import json
import math

import altair as alt

from headstart.auditing.values import Audit, Level, Price
from headstart.report.charts import (
    Chart,
    Control,
    Row,
    beyond_legend,
    beyond_region,
    layered,
    rows,
    steps_axis,
)
from headstart.report.charts_style import style
from headstart.report.wording import amount, count, number, stakes_of

LEVEL_TITLE = "level: steps given to every model before testing"

JITTER = (0.0, 0.5, -0.5, 0.25, -0.25, 0.75, -0.75, 0.12, -0.62, 0.38, -0.12, 0.62, -0.38)
"""Sideways places of the dots of one level, in turn, so that equal prices do not hide one another."""


def prices_chart(audit: Audit) -> Chart:
    """Distribution of the neighbours' prices at every level, with the pairs out of reach on a shelf of their own."""
    finite = [p.cost for level in audit.levels for p in level.prices if p.cost is not None]
    bottom, top = _decades(finite)
    shelf = top * (top / bottom) ** 0.14
    # Levels stand side by side at 0, 1, 2, ..., so that the dots of one level have room beside one another.
    names = json.dumps([_level_name(level) for level in audit.levels], ensure_ascii=False)
    n = len(audit.levels)
    x = alt.X(
        "x:Q",
        title=LEVEL_TITLE,
        scale=alt.Scale(domain=[-0.5, n - 0.5], nice=False),
        axis=alt.Axis(values=list(range(n)), labelExpr=f"{names}[datum.value]", labelOverlap=False),
    )
    scale = alt.Scale(type="log", domain=[bottom, shelf], nice=False)
    axis = alt.Axis(values=_powers(bottom, top), labelExpr="format(datum.value, ',~r')", grid=True)
    y = alt.Y("price:Q", title=f"price of the next place ({audit.cost_unit}, log scale)", scale=scale, axis=axis)
    boxes = [_box(at, level, bottom, shelf) for at, level in enumerate(audit.levels) if level.prices]
    dots = [
        _dot(at + 0.36 * JITTER[place % len(JITTER)], price, bottom, audit.cost_unit)
        for at, level in enumerate(audit.levels)
        for place, price in enumerate(level.prices)
        if price.cost is not None
    ]
    tooltip = [
        alt.Tooltip("pair:N", title="overtake"),
        alt.Tooltip("cost:N", title="price"),
        alt.Tooltip("marks:N", title="note"),
    ]
    box = alt.Chart(rows(boxes)).encode(x=alt.X("x1:Q"), x2="x2:Q")
    dot = alt.Chart(rows(dots)).encode(x=x, y=y, tooltip=tooltip)
    ceiling = alt.Chart(rows([{"price": top, "price2": shelf}]))
    layers = [
        ceiling.mark_rect(**style("beyond")).encode(y=y, y2="price2:Q"),
        box.mark_rect(**style("quartiles")).encode(y=alt.Y("q1:Q"), y2="q3:Q"),
        dot.transform_filter("!datum.tied && !datum.beyond").mark_point(**style("price-clear")),
        dot.transform_filter("!datum.tied && datum.beyond").mark_point(**style("price-beyond")),
        dot.transform_filter("datum.tied").mark_point(**style("price-tied")),
        box.mark_rule(**style("median")).encode(y=alt.Y("median:Q")),
        alt.Chart(rows(boxes)).mark_text(**style("shelf-label")).encode(x=x, y=alt.Y("shelf:Q"), text="out:N"),
    ]
    pairs = len(audit.levels[0].prices)
    return Chart(
        id="prices",
        title="What the next place costs, by level",
        description=_prices_description(audit),
        spec=layered(layers, height=400),
        legend=(
            ("dot-clear", "one neighbouring pair"),
            ("dot-tied", "a pair that noise cannot tell apart (≈)"),
            ("dot-beyond", "extrapolated (†)"),
            ("box-quartiles", "middle half of the pairs; the bar is the median"),
            ("box-shelf", f"number of pairs out of reach, of {pairs}"),
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


def _dot(x: float, price: Price, bottom: float, unit: str) -> Row:
    cost = price.cost or 0.0
    marks = [text for text, holds in (("tied ≈", price.tied), ("extrapolated †", price.extrapolated)) if holds]
    if cost < bottom:
        marks.append("drawn at the lower edge")
    return {
        "x": x,
        "price": max(cost, bottom),
        "tied": price.tied,
        "beyond": price.extrapolated,
        "pair": f"{price.model} past {price.overtakes}",
        "cost": amount(cost, unit),
        "marks": ", ".join(marks) or "measured",
    }


def _prices_description(audit: Audit) -> str:
    first, last = audit.levels[0], audit.levels[-1]

    def median(level: Level) -> str:
        return "out of reach" if level.median_price is None else amount(level.median_price, audit.cost_unit)

    return (
        f"Strip chart of the prices of {count(len(first.prices), 'neighbouring pair')} at each level. "
        f"At level {number(first.level)} the median is {median(first)}, with {count(first.unreachable, 'pair')} out of "
        f"reach; at level {number(last.level)} the median is {median(last)}, with {last.unreachable}. "
        "The table of levels gives every median and quartile."
    )


def _level_name(level: Level) -> str:
    return number(level.level) + (" †" if level.extrapolated else "")


def _decades(values: list[float], decades: int = 8) -> tuple[float, float]:
    """Powers of ten around the values, at most ``decades`` of them; smaller values are drawn at the lower edge."""
    positive = [value for value in values if value > 0]
    if not positive:
        return 1.0, 10.0
    top = 10.0 ** math.ceil(math.log10(max(positive)) + 1e-9)
    bottom = 10.0 ** math.floor(math.log10(min(positive)) - 1e-9)
    return max(bottom, top / 10**decades), top


def _powers(bottom: float, top: float) -> list[float]:
    low, high = round(math.log10(bottom)), round(math.log10(top))
    return [10.0**power for power in range(low, high + 1)]


def agreement_chart(audit: Audit) -> Chart:
    """Kendall's tau between the ranking at each level and the one at the reference level."""
    levels = [level for level in audit.levels if level.kendall_tau_to_reference is not None]
    title = LEVEL_TITLE
    limit = max(level.level for level in audit.levels) or 1.0
    data = rows(
        {
            "e": level.level,
            "tau": level.kendall_tau_to_reference,
            "l": level.kendall_tau_interval.low,
            "h": level.kendall_tau_interval.high,
            "text": f"{level.kendall_tau_to_reference:.2f}",
        }
        for level in levels
    )
    x = steps_axis(limit, title)
    scale = alt.Scale(domain=[_floor(audit), 1.0], nice=False, zero=False)
    y = alt.Y("tau:Q", title="Kendall's tau", scale=scale)
    tooltip = [alt.Tooltip("e:Q", title="level", format=","), alt.Tooltip("tau:Q", title="tau", format=".3f")]
    base = alt.Chart(data).encode(x=x)
    layers = [
        *beyond_region(_measured_by_all(audit), limit, title),
        base.mark_area(**style("focus-a-band")).encode(y=alt.Y("l:Q", scale=scale), y2="h:Q"),
        base.mark_line(**style("focus-a")).encode(y=y),
        base.mark_point(**style("focus-a-point")).encode(y=y, tooltip=tooltip),
    ]
    ends = f"{levels[0].kendall_tau_to_reference:.2f} at level {number(levels[0].level)}" if levels else "not computed"
    return Chart(
        id="agreement",
        title=f"Agreement with the ranking at level {number(audit.reference_level)}",
        description=f"Line chart of Kendall's tau, {ends}. The table of levels gives every value with its interval.",
        spec=layered(layers, height=240),
        legend=(
            ("line-a", "tau with its 95 % interval; 1 means the same order"),
            *beyond_legend(_measured_by_all(audit), limit, "some model"),
        ),
    )


def _measured_by_all(audit: Audit) -> float:
    """Last level that is extrapolated for no model."""
    return min(model.max_step for model in audit.models)


def _floor(audit: Audit) -> float:
    """Lowest tau drawn: a multiple of a fifth below every value and interval."""
    taus = [
        value
        for level in audit.levels
        for value in (level.kendall_tau_to_reference, level.kendall_tau_interval.low)
        if value is not None
    ]
    return math.floor(5 * min(taus, default=0.0) - 1e-9) / 5


def stability_chart(audit: Audit) -> Chart:
    """Where nobody tuning is an equilibrium: level across, value of first place upwards."""
    own_shape, own_value = stakes_of(audit.rewards)
    shapes = tuple(curve.shape for curve in audit.stakes)
    shown = next((shape for shape in shapes if shape == own_shape or shape == own_shape.partition(":")[0]), shapes[0])
    limit = max(max(curve.levels) for curve in audit.stakes)
    finite = [v for curve in audit.stakes for v in (*curve.stakes, *curve.low, *curve.high) if 0 < v < math.inf]
    bottom, top = _decades([*finite, *([own_value] if own_value else [])])
    title = LEVEL_TITLE
    x = steps_axis(limit, title)
    axis = alt.Axis(values=_powers(bottom, top), labelExpr="format(datum.value, ',~r')")
    y = alt.Y(
        "v:Q",
        title=f"value of first place ({audit.cost_unit}, log scale)",
        scale=alt.Scale(type="log", domain=[bottom, top], nice=False),
        axis=axis,
    )
    edge = rows(_edge_rows(audit, bottom, top))
    drawn = alt.Chart(edge).transform_filter("datum.shape === shape").encode(x=x)
    layers = [
        drawn.mark_area(**style("stable")).encode(y=y, y2="bottom:Q"),
        drawn.mark_area(**style("stable-band")).encode(y=alt.Y("l:Q"), y2="h:Q"),
        drawn.transform_filter("datum.bounded").mark_line(**style("stable-edge")).encode(y=y),
        *beyond_region(_measured_by_all(audit), limit, title),
        *_region_labels(),
    ]
    if own_value is not None and own_value > 0:
        layers += _own_stakes(audit, shown, own_value, x, y, limit)
    options = tuple((shape, _shape_words(shape)) for shape in shapes)
    control = Control(label="Reward shape", signal="shape", options=options, value=shown)
    return Chart(
        id="stability",
        title="Largest value of first place that keeps everybody honest",
        description=_stability_description(audit, shown),
        spec=layered(layers, height=380, params=[alt.param(name="shape", value=shown)]),
        legend=(
            ("area-stable", "nobody tuning is an equilibrium"),
            ("area-band", "95 % interval of the edge"),
            ("line-stakes", "the stakes assumed in this audit, with the level that ends gaming and its interval"),
            *beyond_legend(_measured_by_all(audit), limit, "some model"),
        ),
        controls=(control,) if len(options) > 1 else (),
    )


def _edge_rows(audit: Audit, bottom: float, top: float) -> list[Row]:
    def place(value: float) -> float:
        return bottom if math.isnan(value) else min(max(value, bottom), top)

    return [
        {
            "shape": curve.shape,
            "e": level,
            "v": place(value),
            "l": place(low),
            "h": place(high),
            "bottom": bottom,
            "bounded": bool(bottom <= value <= top),
        }
        for curve in audit.stakes
        for level, value, low, high in zip(curve.levels, curve.stakes, curve.low, curve.high, strict=True)
    ]


def _region_labels() -> list[alt.Chart]:
    blank = rows([{}])
    at_top = alt.Chart(blank).mark_text(**style("region-label"), text="gaming pays", align="left", baseline="top")
    at_bottom = alt.Chart(blank).mark_text(
        **style("region-label"), text="nobody tuning is an equilibrium", align="left", baseline="bottom"
    )
    return [
        at_top.encode(x=alt.value(8), y=alt.value(8)),
        at_bottom.encode(x=alt.value(8), y=alt.value(alt.expr("height - 8"))),
    ]


def _own_stakes(audit: Audit, shown: str, value: float, x: alt.X, y: alt.Y, limit: float) -> list[alt.Chart]:
    """The audit's own stakes as a line, and on it the stabilising level with its interval."""
    stable = audit.stabilising_level
    own = f"shape === '{shown}'"
    line = alt.Chart(rows([{"v": value}])).transform_filter(own)
    layers = [
        line.mark_rule(**style("stakes")).encode(y=y),
        line.mark_text(**style("stakes-label"), text=f"stakes: {amount(value, audit.cost_unit)}", dy=-7).encode(
            x=alt.value(8), y=y
        ),
    ]
    if stable.level is None or stable.level > limit:
        return layers
    low = stable.level if stable.low is None else min(stable.low, limit)
    high = limit if stable.high is None else min(stable.high, limit)
    mark = alt.Chart(rows([{"v": value, "e": stable.level, "l": low, "h": high}])).transform_filter(own)
    tooltip = [alt.Tooltip("e:Q", title="level that ends gaming", format=",.4~r")]
    return [
        *layers,
        mark.mark_rule(**style("stakes-interval")).encode(x=alt.X("l:Q"), x2="h:Q", y=y),
        mark.mark_point(**style("stakes-point")).encode(x=x, y=y, tooltip=tooltip),
    ]


def _shape_words(shape: str) -> str:
    kind, *details = shape.split(":")
    match kind, details:
        case "winner", []:
            return "winner takes all"
        case "top", [places]:
            return f"equal prizes for the first {places}"
        case "linear", []:
            return "falling in equal parts"
        case "geometric", [ratio]:
            return f"each place {ratio} times the one above"
        case _:
            return shape


def _stability_description(audit: Audit, shape: str) -> str:
    first, last = audit.levels[0], audit.levels[-1]

    def critical(level: Level) -> str:
        value = level.critical_stakes.get(shape)
        return "any value" if value is None else amount(value, audit.cost_unit)

    return (
        f"Area chart for rewards of the shape {_shape_words(shape)}: at level {number(first.level)} nobody tuning is "
        f"an equilibrium up to a first place worth {critical(first)}, "
        f"at level {number(last.level)} up to {critical(last)}. "
        "The table of levels gives the edge for every shape."
    )
