"""What every chart is built from: layers, rows of data, and an axis over steps. Altair is slow to import."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, cast

import altair as alt

from headstart.report.charts_style import CONFIG, style
from headstart.report.drawing import Spec

Row = dict[str, Any]

PACKED = "headstart rows: "
"""Marks a string that stands for a list of rows while a chart is built."""


def layered(layers: Sequence[alt.Chart], *, height: int) -> Spec:
    """The layers as one specification without a width."""
    chart: Any = alt.layer(*layers).properties(height=height)
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
    if limit > 1.6 * ticks[-1]:
        ticks.append(limit)
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="symlog", constant=1, domain=[0, limit], nice=False),
        axis=alt.Axis(values=ticks, labelOverlap="greedy", labelExpr="format(datum.value, ',')", labelFlush=True),
    )


def powers_of_ten(values: Iterable[float], decades: int = 8) -> list[float]:
    """Powers of ten around the positive values, at most ``decades`` of them below the largest.

    >>> powers_of_ten([0.3, 40.0])
    [0.1, 1.0, 10.0, 100.0]
    """
    positive = [value for value in values if 0 < value < math.inf] or [1.0]
    high = math.ceil(math.log10(max(positive)) + 1e-9)
    low = max(math.floor(math.log10(min(positive)) - 1e-9), high - decades)
    return [10.0**power for power in range(low, high + 1)]


def beyond_region(start: float, limit: float, title: str) -> list[alt.Chart]:
    """Shade what lies beyond the measured steps."""
    if not start < limit:
        return []
    data = rows([{"e": start, "e2": limit}])
    x = steps_axis(limit, title)
    shade = alt.Chart(data).mark_rect(**style("beyond")).encode(x=x, x2="e2:Q")
    edge = alt.Chart(data).mark_rule(**style("edge")).encode(x=x)
    return [shade, edge]
