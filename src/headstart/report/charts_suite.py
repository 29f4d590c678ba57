"""Charts of a suite: agreement of the tasks, ranks under every rule, and what rigging takes.

Altair is slow to import, so only pages import this module, and only when one is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np

from headstart.contest.arrays import FloatArray
from headstart.report.charts_parts import layered, rows
from headstart.report.charts_style import style
from headstart.report.drawing import Chart
from headstart.report.suite_wording import other_ranks
from headstart.suite.rigging import RiggingCount
from headstart.suite.suite import places
from headstart.suite.values import Suite

MOST_ROWS = 60
"""Lines drawn in a chart."""

ROW = 18
"""Height of a line."""


def tasks_chart(found: Suite) -> Chart:
    """Mean tau-b of each task with the other tasks, before and after tuning: the matrices in one line a task."""
    means = [_with_others(column.agreement.tau_b) for column in found.columns]
    order: list[int] = np.argsort(-np.nan_to_num(means[-1], nan=-2.0), kind="stable")[:MOST_ROWS].tolist()
    data = rows({"m": found.tasks[k], "d": float(means[0][k]), "t": float(means[-1][k])} for k in order)
    low = min(0.0, *(float(np.nanmin(mean, initial=0.0)) for mean in means))
    axis = alt.X(
        "d:Q",
        title="mean tau-b with the other tasks (1 = the same ranking)",
        scale=_scale(low - 0.05 if low < 0 else low, 1.0),  # so that no dot covers a name
        axis=alt.Axis(tickCount=6, format=".1f", labelOverlap="greedy"),
    )
    base = alt.Chart(data).encode(y=_names([found.tasks[k] for k in order]))
    layers = [base.mark_point(**style("direct-point")).encode(x=axis)]
    legend = [("dot-direct", "direct")]
    if len(means) > 1:
        move = base.mark_rule(**style("move")).encode(x=axis, x2="t:Q")
        layers = [move, *layers, base.mark_point(**style("tuned-point")).encode(x=alt.X("t:Q"))]
        legend.append(("dot-tuned", "tuned"))
    best, worst = order[0], order[-1]
    shown = "" if len(order) == len(found.tasks) else f", {len(order)} of {len(found.tasks)}"
    return Chart(
        id="tasks",
        title="How far each task agrees with the others",
        description=(
            f"Dot chart of tasks{shown}: {found.columns[-1].label} scores of {found.tasks[best]} agree most with the "
            f"other tasks, at {means[-1][best]:.2f}, those of {found.tasks[worst]} least, at {means[-1][worst]:.2f}."
        ),
        spec=layered(layers, height=ROW * len(order) + 10),
        legend=tuple(legend),
    )


def rules_chart(found: Suite) -> Chart:
    """Rank of the best models under the chosen rule, and the best and worst over all rules."""
    column = found.published
    order: list[int] = places(column, found.aggregation)[:MOST_ROWS].tolist()
    spans = {m: other_ranks(found, column, m) for m in order}
    data = rows(
        {
            "m": found.models[m],
            "r": int(column.rankings[found.aggregation].ranks[m]),
            "b": spans[m][0],
            "w": spans[m][1],
        }
        for m in order
    )
    worst = max(w for _, w in spans.values())
    axis = alt.X(
        "r:Q",
        title="rank (1 = best)",
        scale=_scale(1 - 0.03 * worst, 1.02 * worst),
        axis=alt.Axis(tickMinStep=1, orient="top", format="d", labelOverlap="greedy"),
    )
    base = alt.Chart(data).encode(y=_names([found.models[m] for m in order]))
    layers = [
        base.mark_rule(**style("focus-a-whisker")).encode(x=alt.X("b:Q"), x2="w:Q"),
        base.mark_point(**style("tuned-point")).encode(x=axis),
    ]
    widest = max(order, key=lambda m: spans[m][1] - spans[m][0])
    shown = "" if len(order) == len(found.models) else f", the best of {len(found.models):,}"
    return Chart(
        id="rules",
        title=f"Ranks under every rule, {column.label} scores",
        description=(
            f"Dot chart of {len(order)} models{shown}. The rule matters most for {found.models[widest]}: ranks "
            f"{spans[widest][0]} to {spans[widest][1]}. The table gives every rank."
        ),
        spec=layered(layers, height=ROW * len(order) + 10),
        legend=(("dot-tuned", f"rank under {found.aggregation}"), ("line-a", "best to worst over all rules")),
    )


def rigging_chart(counts: Sequence[RiggingCount]) -> Chart:
    """Tasks that bring a model to the first rank, by rule: the middle model and the middle half of the models."""
    tasks = len(counts[0].tasks)
    never = tasks + max(1.0, 0.08 * tasks)
    assumptions = list(dict.fromkeys(one.assumption for one in counts))
    names = list(dict.fromkeys(one.aggregation for one in counts))
    layers: list[alt.Chart] = []
    said: list[str] = []
    for assumption, kind in zip(("perfect", "measured"), ("direct", "tuned"), strict=True):
        quarters = {
            one.aggregation: _quarters([never if count is None else float(count) for count in one.counts])
            for one in counts
            if one.assumption == assumption
        }
        if not quarters:
            continue
        data = rows({"m": name, "l": low, "c": middle, "h": high} for name, (low, middle, high) in quarters.items())
        base = alt.Chart(data).encode(y=_names(names))
        layers += [
            base.mark_rule(**style(f"{kind}-whisker")).encode(x=_tasks_axis(tasks, never, "l"), x2="h:Q"),
            base.mark_point(**style(f"{kind}-point")).encode(x=_tasks_axis(tasks, never, "c")),
        ]
        said += [
            f"{name} {'never' if middle == never else f'{middle:.0f}'} ({assumption})"
            for name, (_, middle, _) in quarters.items()
        ]
    legend = [("dot-direct", "half of the models reach first; bar: a quarter to three quarters; best possible score")]
    if len(assumptions) > 1:
        legend.append(("dot-tuned", "the same with measured tuned scores"))
    return Chart(
        id="rigging",
        title=f"Tasks to train on to be first, of {tasks}",
        description=f"Dot chart by rule. Tasks with which half of the models reach the first rank: {', '.join(said)}.",
        spec=layered(layers, height=34 * len(names) + 10),
        legend=tuple(legend),
    )


def _quarters(counts: Sequence[float]) -> tuple[float, float, float]:
    """Counts that a quarter, half and three quarters of the models do not exceed."""
    low, middle, high = np.quantile(counts, [0.25, 0.5, 0.75], method="inverted_cdf")
    return float(low), float(middle), float(high)


def _tasks_axis(tasks: int, never: float, field: str) -> alt.X:
    step = max(1, round(tasks / 5))
    ticks = range(0, tasks, step) if tasks > 6 else range(tasks + 1)  # room for the word
    return alt.X(
        f"{field}:Q",
        title="tasks trained on",
        scale=_scale(-0.02 * tasks, never * 1.03),
        axis=alt.Axis(
            values=[*ticks, never],
            labelExpr=f"datum.value > {tasks} ? 'never' : format(datum.value, 'd')",
            labelOverlap="greedy",
        ),
    )


def _with_others(tau: FloatArray) -> FloatArray:
    """Mean over the other tasks; nan where there is none."""
    off = np.where(np.eye(len(tau), dtype=np.bool_), np.nan, tau)
    known = ~np.isnan(off)
    total = np.where(known, off, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def _scale(low: float, high: float) -> alt.Scale:
    return alt.Scale(domain=[low, high], nice=False, zero=False)


def _names(sort: Sequence[str]) -> alt.Y:
    return alt.Y("m:N", title=None, sort=list(sort), axis=alt.Axis(ticks=False, domain=False, labelLimit=150))
