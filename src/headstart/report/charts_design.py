"""Charts of a design: fidelity against the bill, and the stakes that each level can bear."""

from __future__ import annotations

import math

import altair as alt

from headstart.designing.outcome import ProtocolOutcome
from headstart.designing.run import DesignResult
from headstart.designing.stakes import StakesEdge
from headstart.report.charts_parts import Row, layered, powers_of_ten, rows, steps_axis
from headstart.report.charts_style import Style, style
from headstart.report.drawing import Chart
from headstart.report.wording import amount, count, number

LEVEL_TITLE = "level: steps given to every model before testing"


def pareto_chart(report: DesignResult) -> Chart:
    """Agreement with quality against the designer's bill, one dot per protocol that has figures."""
    unit, found = report.cost_unit, report.design
    known = [(a, front) for a, front in zip(found.answers, found.on_front, strict=True) if a.kendall_tau is not None]
    data = [_dot(a, front) for a, front in known]
    dearest = max((a.bill for a, _ in known), default=1.0) or 1.0
    ticks = [0.0, *(10.0**power for power in range(0, math.floor(math.log10(max(dearest, 1.0))) + 1))]
    x = alt.X(
        "bill:Q",
        title=f"the designer's tuning bill ({unit}, log scale)",
        scale=alt.Scale(type="symlog", constant=1, domain=[0, dearest * 1.3], nice=False),
        axis=alt.Axis(values=ticks, labelOverlap="greedy", labelExpr="format(datum.value, ',')", labelFlush=True),
    )
    taus = [float(row["tau"]) for row in data]
    floor = math.floor(20 * min(taus, default=0.0) - 1e-9) / 20
    y = alt.Y("tau:Q", title="expected Kendall's tau", scale=alt.Scale(domain=[floor, 1.0], nice=False, zero=False))
    base = alt.Chart(rows(data)).encode(x=x, y=y)
    chosen = found.recommendation.answer.protocol
    layers = [
        base.transform_filter("!datum.front").mark_point(**style("price-tied")),
        base.transform_filter("datum.front && !datum.stable").mark_point(**_large("price-beyond")),
        base.transform_filter("datum.front && datum.stable").mark_point(**_large("price-clear")),
        alt.Chart(rows([row for row in data if row["name"] == chosen]))
        .mark_text(**style("shelf-label"), align="right", dx=-9, dy=12)
        .encode(x=x, y=y, text="name:N"),
    ]
    front = [a for a, on in known if on]
    return Chart(
        id="pareto",
        title="What fidelity costs",
        description=(
            f"Scatter chart of {count(len(known), 'protocol')} by bill and agreement with quality; "
            f"{len(front)} are on the front. The table of protocols gives every number."
        ),
        spec=layered(layers, height=340),
        legend=(
            ("dot-clear", "on the front, stable: nobody tunes"),
            ("dot-beyond", "on the front, gaming pays: somebody tunes"),
            (
                "dot-tied",
                "dominated: another protocol is no worse in fidelity, bill and effort burnt, and better in one",
            ),
        ),
    )


def _large(name: str) -> Style:
    """A mark of the prices chart, large enough to be found among the dominated."""
    return {**style(name), "size": 90}


def _dot(answer: ProtocolOutcome, front: bool) -> Row:
    return {
        "name": answer.protocol,
        "bill": answer.bill,
        "tau": answer.kendall_tau,
        "front": front,
        "stable": bool(answer.nobody_tunes),
    }


def stakes_chart(report: DesignResult, edge: StakesEdge) -> Chart:
    """Largest stable value of first place against the level, the stakes asked about, and the cheapest level."""
    unit, basis = report.cost_unit, report.stakes
    limit = float(edge.levels.max())
    powers = powers_of_ten([*edge.stakes.tolist(), basis.low, basis.high])
    bottom, top = powers[0], powers[-1]
    x = steps_axis(limit, LEVEL_TITLE)
    y = alt.Y(
        "v:Q",
        title=f"value of first place ({unit}, log scale)",
        scale=alt.Scale(type="log", domain=[bottom, top], nice=False),
        axis=alt.Axis(values=powers, labelExpr="format(datum.value, ',~r')"),
    )

    def place(value: float) -> float:
        return min(max(value, bottom), top)

    data = rows(
        {"e": level, "v": place(v), "bottom": bottom, "bounded": bottom <= v <= top}
        for level, v in zip(edge.levels.tolist(), edge.stakes.tolist(), strict=True)
    )
    drawn = alt.Chart(data).encode(x=x)
    layers = [
        drawn.mark_area(**style("stable")).encode(y=y, y2="bottom:Q"),
        drawn.transform_filter("datum.bounded").mark_line(**style("stable-edge")).encode(y=y),
        *_stakes_asked(report, x, y, limit),
    ]
    return Chart(
        id="stakes",
        title="The stakes that each level can bear",
        description=_stakes_description(report, edge),
        spec=layered(layers, height=360),
        legend=(
            ("area-stable", "nobody tuning is an equilibrium"),
            ("line-stakes", "the stakes asked about, with the cheapest level that bears them"),
        ),
    )


def _stakes_asked(report: DesignResult, x: alt.X, y: alt.Y, limit: float) -> list[alt.Chart]:
    """The upper end of the stakes as a line, and on it the cheapest level that is stable enough."""
    high, unit = report.stakes.high, report.cost_unit
    line = alt.Chart(rows([{"v": high}]))
    layers = [
        line.mark_rule(**style("stakes")).encode(y=y),
        line.mark_text(**style("stakes-label"), text=f"stakes: {amount(high, unit)}", dy=-7).encode(
            x=alt.value(8), y=y
        ),
    ]
    level = report.design.cheapest[0].level
    if level is not None and level <= limit:
        mark = alt.Chart(rows([{"v": high, "e": level}]))
        layers.append(mark.mark_point(**style("stakes-point")).encode(x=x, y=y))
    return layers


def _stakes_description(report: DesignResult, edge: StakesEdge) -> str:
    unit = report.cost_unit

    def worth(value: float) -> str:
        return amount(value, unit) if math.isfinite(value) else "any value"

    cheapest = report.design.cheapest[0]
    found = (
        f"no level up to {number(cheapest.reach)} is stable"
        if cheapest.level is None
        else f"level {cheapest.level:,.6g} is the first that is stable"
    )
    return (
        f"Area chart: under direct evaluation nobody tuning is an equilibrium up to a first place worth "
        f"{worth(float(edge.stakes[0]))}, at level {number(float(edge.levels[-1]))} up to "
        f"{worth(float(edge.stakes[-1]))}. "
        f"At the stakes asked about, {found}."
    )
