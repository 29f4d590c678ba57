"""The backtest as a chart: how well early checkpoints predicted later scores."""

from __future__ import annotations

import altair as alt

from headstart.fitting.backtest import Backtest
from headstart.report.charts_parts import layered, rows
from headstart.report.charts_style import style
from headstart.report.drawing import Chart
from headstart.report.wording import number


def backtest_chart(test: Backtest) -> Chart:
    """Error of the predicted scores between the noise, which nobody beats, and a forecast of no change."""
    bars = [
        ("noise alone", test.typical_noise, "reference"),
        ("forecast", test.mean_absolute_error, "law"),
        ("no change", test.carried_forward_error, "reference"),
    ]
    known = [(label, value, kind) for label, value, kind in bars if value is not None]
    data = rows({"label": label, "v": value, "kind": kind, "text": number(value)} for label, value, kind in known)
    largest = max((value for _, value, _ in known), default=1.0)
    scale = alt.Scale(domain=[0, 1.3 * largest], nice=False)
    y = alt.Y("label:N", title=None, sort=[label for label, _, _ in known])
    x = alt.X("v:Q", title="typical error of a later score, in score units", scale=scale, axis=alt.Axis(tickCount=4))
    base = alt.Chart(data).encode(x=x, y=y)
    layers = [
        base.transform_filter("datum.kind === 'law'").mark_bar(**style("bar-law")),
        base.transform_filter("datum.kind !== 'law'").mark_bar(**style("bar-reference")),
        base.mark_text(**style("bar-text"), align="left", dx=5).encode(text="text:N"),
    ]
    words = "; ".join(f"{label} {number(value)}" for label, value, _ in known)
    return Chart(
        id="backtest",
        title="How well early checkpoints predict later scores",
        description=f"Bar chart of typical errors: {words}. A law worth using lies well below a forecast of no change.",
        spec=layered(layers, height=120),
    )
