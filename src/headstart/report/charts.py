"""Charts of an audit as Vega-Lite specifications, built with Altair.

What rests on extrapolation lies in a shaded, labelled region or is drawn dashed. Colours are those of the page
(``charts_style``). Altair is slow to import, so only the page imports this module, and only when it is asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import altair as alt
import numpy as np

from headstart.auditing.values import Audit, ModelFit
from headstart.contest.arrays import FloatArray
from headstart.report.charts_style import CONFIG, style
from headstart.report.wording import cheapest_clear_price, number, ranks

Row = dict[str, Any]
Spec = dict[str, Any]

GRID_POINTS = 36
"""Points per drawn curve: smooth to the eye, and 55 models stay below 200 kB."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """A choice the reader has: an HTML select that sets a signal of the chart.

    Args:
        label: Visible label.
        signal: Name of the chart's parameter.
        options: Values with what to show for them.
        value: The value chosen at first.
        swatch: CSS class of the colour sample beside it; empty for none.
    """

    label: str
    signal: str
    options: tuple[tuple[str, str], ...]
    value: str
    swatch: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of a page.

    Args:
        id: Identifier, unique on the page.
        title: What it shows.
        description: Its message in words, for readers who do not see it.
        spec: Vega-Lite specification as wide as its container.
        legend: Pairs of CSS class and meaning.
        controls: Choices offered above the chart.
    """

    id: str
    title: str
    description: str
    spec: Spec
    legend: tuple[tuple[str, str], ...] = ()
    controls: tuple[Control, ...] = ()


PACKED = "headstart rows: "
"""Marks a string that stands for a list of rows while a chart is built."""


def layered(layers: Sequence[alt.Chart], *, height: int, params: Iterable[Any] = ()) -> Spec:
    """The layers as one specification that fills its container's width."""
    chart: Any = alt.layer(*layers).properties(width="container", height=height)
    for param in params:
        chart = chart.add_params(param)
    spec: Spec = _unpacked(chart.to_dict())
    return {**spec, "config": CONFIG}


def rows(values: Iterable[Row]) -> alt.InlineData:
    """Rows as inline data, numbers shortened to what a screen can show, non-finite ones dropped.

    Until ``layered`` unpacks them they are one string: Altair copies a chart, its data included, at every step of
    building it, and lists of many rows would take most of the time a page takes.
    """
    return alt.InlineData(values=PACKED + json.dumps([{k: _short(v) for k, v in row.items()} for row in values]))


def _unpacked(spec: Any) -> Any:
    """The specification with packed rows as lists."""
    if isinstance(spec, dict):
        return {key: _unpacked(value) for key, value in cast("Spec", spec).items()}
    if isinstance(spec, list):
        return [_unpacked(value) for value in cast("list[Any]", spec)]
    if isinstance(spec, str) and spec.startswith(PACKED):
        return json.loads(spec.removeprefix(PACKED))
    return spec


def _short(value: Any) -> Any:
    if isinstance(value, float):  # numpy's float64 is one
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def steps_axis(limit: float, title: str, field: str = "e") -> alt.X:
    """An axis over steps on the scale log(1 + step), from 0 to ``limit``."""
    ticks = [0.0, *(10.0**power for power in range(0, math.floor(math.log10(max(limit, 1.0))) + 1))]
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="symlog", constant=1, domain=[0, limit], nice=False),
        axis=alt.Axis(values=ticks, labelOverlap="greedy", labelExpr="format(datum.value, ',')", labelFlush=True),
    )


def beyond_region(start: float, limit: float, title: str) -> list[alt.Chart]:
    """Shade and label what lies beyond the measured steps."""
    if not start < limit:
        return []
    data = rows([{"e": start, "e2": limit}])
    x = steps_axis(limit, title)
    shade = alt.Chart(data).mark_rect(**style("beyond")).encode(x=x, x2="e2:Q")
    edge = alt.Chart(data).mark_rule(**style("edge")).encode(x=x)
    words = alt.expr("width > 480 ? 'extrapolated' : '†'")  # a phone has room for the mark alone
    label = alt.Chart(data).mark_text(**style("beyond-label"), text=words, align="left", dx=4)
    return [shade, edge, label.encode(x=x, y=alt.value(10))]


def beyond_legend(start: float, limit: float, whose: str = "every model") -> tuple[tuple[str, str], ...]:
    """What the shaded region means, where there is one."""
    return (("box-shelf", f"beyond the measured steps of {whose}: extrapolated (†)"),) if start < limit else ()


def horizon(audit: Audit) -> float:
    """Last step drawn: beyond the measured ones, far enough for a stabilising level that is not too far."""
    far = 2.5 * audit.reference_level
    level = audit.stabilising_level.level
    if level is not None and level < 25 * audit.reference_level:
        far = max(far, 1.5 * level)
    return max(far, audit.levels[-1].level)


def trajectories_chart(audit: Audit) -> Chart:
    """Measured scores, fitted curves and their 95 % bands, two models in focus."""
    limit = horizon(audit)
    title = "tuning steps (log scale)"
    x = steps_axis(limit, title)
    drawn_curves, measured = _curve_rows(audit, limit), _point_rows(audit)
    # Whiskers count, bands do not: a band may be wider than the range of the scores and is cut off.
    shown = [row[key] for row in measured for key in "slh" if math.isfinite(row[key])] + [r["s"] for r in drawn_curves]
    y = alt.Y("s:Q", title=f"score on {audit.benchmark}", scale=alt.Scale(domain=[min(shown), max(shown)], nice=True))
    curves, points = rows(drawn_curves), rows(measured)
    names = tuple(model.name for model in audit.models)
    a, b = _focus(audit)
    hover = alt.selection_point(
        name="hover", fields=["m"], on="pointerover", clear="pointerout", nearest=True, empty=False
    )
    context = alt.Chart(curves).mark_line(**style("context")).encode(x=x, y=y, detail=["m:N", "beyond:N"])
    hovered = context.mark_line(**style("hovered")).transform_filter("datum.m === hover_name")
    layers = [*beyond_region(audit.reference_level, limit, title), context, hovered]
    for focus, signal in (("focus-b", "focus_b"), ("focus-a", "focus_a")):
        chosen = f"datum.m === {signal}"
        drawn = alt.Chart(curves).transform_filter(chosen).encode(x=x)
        seen = alt.Chart(points).transform_filter(chosen).encode(x=x)
        layers.append(drawn.mark_area(**style(f"{focus}-band"), clip=True).encode(y=alt.Y("l:Q"), y2="h:Q"))
        for beyond in (False, True):
            part = drawn.transform_filter(chosen).transform_filter(f"datum.beyond === {str(beyond).lower()}")
            dash = [5, 4] if beyond else [1, 0]
            layers.append(part.mark_line(**style(focus), strokeDash=dash).encode(y=y))
        layers.append(seen.mark_rule(**style(f"{focus}-whisker"), clip=True).encode(y=alt.Y("l:Q"), y2="h:Q"))
        layers.append(seen.mark_point(**style(f"{focus}-point")).encode(y=y))
    tooltip = [
        alt.Tooltip("m:N", title="model"),
        alt.Tooltip("e:Q", title="step", format=",.4~r"),
        alt.Tooltip("s:Q", title="fitted score", format=".3f"),
    ]
    catcher = alt.Chart(curves).mark_point(**style("catcher")).encode(x=x, y=y, tooltip=tooltip)
    layers.append(catcher.add_params(hover))
    options = tuple((name, name) for name in names)
    spec = layered(
        layers,
        height=400,
        params=[
            alt.param(name="focus_a", value=a),
            alt.param(name="focus_b", value=b),
            alt.param(name="hover_name", expr="isValid(hover.m) ? hover.m[0] : ''"),
        ],
    )
    return Chart(
        id="trajectories",
        title="Score along tuning",
        description=_trajectories_description(audit),
        spec=spec,
        legend=(
            ("line-a", "fitted curve, 95 % band and measured scores (± 1.96 standard errors)"),
            ("line-dash", "beyond the model's measured steps"),
            *beyond_legend(audit.reference_level, limit),
            ("line-context", "the other models; point at one to see it, click to bring it into focus"),
        ),
        controls=(
            Control(label="Model in focus", signal="focus_a", options=options, value=a, swatch="swatch-a"),
            Control(label="Compared with", signal="focus_b", options=options, value=b, swatch="swatch-b"),
        ),
    )


def _focus(audit: Audit) -> tuple[str, str]:
    """The two models shown first: the cheapest clear overtake under direct evaluation, else the two best."""
    price = cheapest_clear_price(audit.levels[0])
    if price is not None:
        return price.model, price.overtakes
    names = [model.name for model in audit.models]
    return names[0], names[min(1, len(names) - 1)]


def _curve_rows(audit: Audit, limit: float) -> list[Row]:
    fit = audit.fit
    out: list[Row] = []
    for index, name in enumerate(fit.models):
        last = float(fit.max_step[index])
        effort = np.unique(np.r_[np.expm1(np.linspace(0.0, math.log1p(limit), GRID_POINTS)), last])
        best = _score(fit.curves, (index,), effort)
        low, high = np.quantile(_score(fit.draws, (slice(None), index), effort), [0.025, 0.975], axis=0)
        for step, score, bottom, top in zip(effort, best, low, high, strict=True):
            point: Row = {"m": name, "e": step, "s": score, "l": bottom, "h": top}
            if step <= last:
                out.append({**point, "beyond": False})
            if step >= last:  # the last measured step belongs to both parts, so that the line does not break
                out.append({**point, "beyond": True})
    return out


def _score(curves: Any, index: tuple[Any, ...], effort: FloatArray) -> FloatArray:
    """Scores of the chosen curves at every effort: shape (..., efforts)."""
    floor, ceiling, alpha, beta = (
        np.asarray(field)[index][..., None] for field in (curves.L, curves.U, curves.alpha, curves.beta)
    )
    return type(curves)(L=floor, U=ceiling, alpha=alpha, beta=beta).score(effort)


def _point_rows(audit: Audit) -> list[Row]:
    trajectories = audit.fit.trajectories
    table = trajectories.per_model()
    kept = set(audit.fit.models)
    out: list[Row] = []
    for index, name in enumerate(trajectories.models):
        if name not in kept:
            continue
        present = table.present[index]
        for step, score, error in zip(
            table.step[index][present], table.score[index][present], table.stderr[index][present], strict=True
        ):
            out.append({"m": name, "e": step, "s": score, "l": score - 1.96 * error, "h": score + 1.96 * error})
    return out


def _trajectories_description(audit: Audit) -> str:
    fit = audit.fit
    first, last = (fit.curves.score(np.full(len(fit.models), step)) for step in (0.0, audit.reference_level))
    flagged = sum(bool(model.flags) for model in audit.models)
    return (
        f"Line chart of {len(fit.models)} models: fitted scores run from {first.min():.3f} to {first.max():.3f} "
        f"untuned and from {last.min():.3f} to {last.max():.3f} after {number(audit.reference_level)} steps. "
        f"{flagged} of the models are flagged. The table of models gives each fitted curve."
    )


def ranks_chart(audit: Audit) -> Chart:
    """Direct rank beside tuned rank, one line per model, with 95 % intervals."""
    data = rows(_rank_rows(model) for model in audit.models)
    n = len(audit.models)
    x = alt.X(
        "direct:Q",
        title="rank (1 = best)",
        scale=alt.Scale(domain=[1 - 0.03 * n, 1.02 * n], nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, values=_rank_ticks(n), orient="top", format="d"),
    )
    y = alt.Y("m:N", title=None, sort=[model.name for model in audit.models], axis=alt.Axis(ticks=False, domain=False))
    base = alt.Chart(data).encode(y=y)
    tooltip = [
        alt.Tooltip("m:N", title="model"),
        alt.Tooltip("dt:N", title="direct rank"),
        alt.Tooltip("tt:N", title="tuned rank"),
    ]
    layers = [
        base.mark_rule(**style("move")).encode(x=x, x2="tuned:Q"),
        base.mark_rule(**style("direct-whisker")).encode(x=alt.X("d1:Q"), x2="d2:Q"),
        base.mark_rule(**style("tuned-whisker")).encode(x=alt.X("t1:Q"), x2="t2:Q"),
        base.mark_point(**style("direct-point")).encode(x=x, tooltip=tooltip),
        base.mark_point(**style("tuned-point")).encode(x=alt.X("tuned:Q"), tooltip=tooltip),
    ]
    moved = max(audit.models, key=lambda model: model.direct_rank - model.tuned_rank)
    description = (
        f"Dot chart with one line per model: its rank untuned and its rank at level {number(audit.reference_level)}."
    )
    if moved.direct_rank > moved.tuned_rank:
        description += f" {moved.name} rises most, from rank {moved.direct_rank} to {moved.tuned_rank}."
    return Chart(
        id="ranks",
        title="Direct rank and tuned rank",
        description=f"{description} The table of models gives every rank with its interval.",
        spec=layered(layers, height=18 * n + 10),
        legend=(
            ("dot-direct", "rank under direct evaluation, with its 95 % interval"),
            ("dot-tuned", f"rank at level {number(audit.reference_level)}, with its 95 % interval"),
        ),
    )


def _rank_rows(model: ModelFit) -> Row:
    return {
        "m": model.name,
        "direct": model.direct_rank,
        "d1": model.direct_rank_interval[0],
        "d2": model.direct_rank_interval[1],
        "tuned": model.tuned_rank,
        "t1": model.tuned_rank_interval[0],
        "t2": model.tuned_rank_interval[1],
        "dt": f"{model.direct_rank} (95 %: {ranks(model.direct_rank_interval)})",
        "tt": f"{model.tuned_rank} (95 %: {ranks(model.tuned_rank_interval)})",
    }


def _rank_ticks(n: int) -> list[int]:
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if n / step <= 12 or step == 1000)
    return sorted({1, *range(step, n + 1, step)})
