"""How far the fitted law could be trusted on this benchmark: the backtest in words, rows and one chart."""

from __future__ import annotations

import altair as alt

from headstart.calibrate.backtest import Backtest
from headstart.report.charts import Chart, layered, rows
from headstart.report.charts_style import style
from headstart.report.wording import number, share

NOMINAL = 0.95
"""Coverage that the intervals claim."""


def backtest_words(test: Backtest) -> list[str]:
    """What the backtest says about the figures on the page, in sentences."""
    start = f"The law was fitted to the earliest {share(test.fraction)} of the checkpoints of {len(test.models)} models"
    sentences = [f"{start}, and its predictions were compared with what was measured later."]
    if test.score_coverage is not None:
        sentences.append(
            f"Of {test.scores} later scores, {share(test.score_coverage)} lie inside their 95 % interval: "
            f"{_judged(test.score_coverage)}."
        )
    if test.typical_effort_factor is not None:
        words = (
            f"Prices are harder: over {test.catch_ups} overtakes that the later checkpoints show, the predicted effort "
        )
        words += f"is typically off by a factor of {number(test.typical_effort_factor)}"
        if test.effort_coverage is not None:
            words += f", and the intervals hold {share(test.effort_coverage)} of them"
        sentences.append(f"{words}. {test.called_unreachable} of them had been called out of reach.")
    return sentences


def _judged(coverage: float) -> str:
    if coverage < NOMINAL - 0.05:
        return "fewer than they claim, so the intervals on this page are too narrow here"
    return "about as many as they claim"


def backtest_rows(test: Backtest) -> list[tuple[str, int, str]]:
    """Every figure of the backtest: what was predicted, on how many cases, and how it went."""

    def figure(value: float | None, unit: str = "") -> str:
        return "no cases" if value is None else f"{number(value)}{unit}"

    def part(value: float | None) -> str:
        return "no cases" if value is None else share(value)

    return [
        ("Later scores: mean absolute error", test.scores, figure(test.mean_absolute_error)),
        ("Later scores: root mean squared error", test.scores, figure(test.root_mean_squared_error)),
        ("Later scores: predicted minus measured, mean", test.scores, figure(test.mean_error)),
        ("Later scores: typical measurement noise", test.scores, figure(test.typical_noise)),
        ("Later scores: inside the 95 % interval", test.scores, part(test.score_coverage)),
        ("Catch-up effort: predicted divided by measured, median", test.catch_ups, figure(test.median_effort_ratio)),
        ("Catch-up effort: typical factor between the two", test.catch_ups, figure(test.typical_effort_factor)),
        ("Catch-up effort: inside the 95 % interval", test.catch_ups, part(test.effort_coverage)),
        ("Overtakes measured that had been called out of reach", test.catch_ups, str(test.called_unreachable)),
        ("Overtakes predicted within the measured steps that did not happen", test.missed, str(test.missed)),
    ]


def backtest_chart(test: Backtest) -> Chart:
    """Error of the predicted scores between the noise, which nobody beats, and a forecast of no change."""
    bars = [
        ("noise alone", test.typical_noise, "reference"),
        ("fitted law", test.mean_absolute_error, "law"),
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
