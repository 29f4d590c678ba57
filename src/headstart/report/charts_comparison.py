"""Charts of a comparison of two columns: the models of one benchmark, or the agreement on each of several.

Altair is slow to import, so only pages import this module, and only when one is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from headstart.auditing.comparison_values import BenchmarkComparison, Comparison
from headstart.report.charts_parts import layered, rows
from headstart.report.charts_style import style
from headstart.report.drawing import Chart

MOST_ROWS = 60
"""Lines drawn in a chart."""


def model_ranks_chart(one: BenchmarkComparison, labels: tuple[str, str]) -> Chart:
    """Rank before and after tuning, one line per model, with rank sets; the best after tuning where there are many."""
    known = one.models[:MOST_ROWS]
    data = rows(
        {
            "m": row.name,
            "direct": row.direct_rank,
            "tuned": row.tuned_rank,
            **dict(zip(("d1", "d2"), row.direct_ranks or (row.direct_rank,) * 2, strict=True)),
            **dict(zip(("t1", "t2"), row.tuned_ranks or (row.tuned_rank,) * 2, strict=True)),
        }
        for row in known
    )
    worst = len(one.models)
    x = alt.X(
        "direct:Q",
        title="rank (1 = best)",
        scale=alt.Scale(domain=[1 - 0.03 * worst, 1.02 * worst], nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, orient="top", format="d", labelOverlap="greedy"),
    )
    base = alt.Chart(data).encode(y=_names([row.name for row in known]))
    layers = [
        base.mark_rule(**style("move")).encode(x=x, x2="tuned:Q"),
        base.mark_rule(**style("direct-whisker")).encode(x=alt.X("d1:Q"), x2="d2:Q"),
        base.mark_rule(**style("tuned-whisker")).encode(x=alt.X("t1:Q"), x2="t2:Q"),
        base.mark_point(**style("direct-point")).encode(x=x),
        base.mark_point(**style("tuned-point")).encode(x=alt.X("tuned:Q")),
    ]
    moved = max(known, key=lambda row: row.places_won)
    words = f"Dot chart of {len(known)} models"
    words += f", the best of {len(one.models)} after tuning" if len(known) < len(one.models) else ""
    if moved.places_won > 0:
        words += f"; {moved.name} rises most, from rank {moved.direct_rank} to {moved.tuned_rank}"
    noise = ", and the ranks that noise leaves possible" if one.pairs is not None else ""
    return Chart(
        id="ranks",
        title="Ranks before and after the same tuning",
        description=f"{words}. The table gives every rank.",
        spec=layered(layers, height=18 * len(known) + 10),
        legend=(("dot-direct", f"rank, {labels[0]}{noise}"), ("dot-tuned", f"rank, {labels[1]}{noise}")),
    )


def agreement_chart(found: Comparison) -> Chart:
    """Agreement of the two rankings on each benchmark, with what noise leaves of it."""
    every = sorted(found.benchmarks, key=lambda one: -one.tau_a)
    known = every[-MOST_ROWS:]
    bounded = [one for one in known if one.tau_bounds is not None]
    x = alt.X("tau:Q", title="agreement of the two rankings (tau-a; 1 = the same)", scale=alt.Scale(domain=[-1, 1]))
    names = _names([one.benchmark for one in known])
    points = alt.Chart(rows({"m": one.benchmark, "tau": one.tau_a} for one in known)).encode(y=names)
    whiskers = rows(
        {"m": one.benchmark, "l": one.tau_bounds[0], "h": one.tau_bounds[1]} for one in bounded if one.tau_bounds
    )
    layers = [
        alt.Chart(whiskers).mark_rule(**style("focus-a-whisker")).encode(y=names, x=alt.X("l:Q"), x2="h:Q"),
        points.mark_point(**style("focus-a-point")).encode(x=x),
    ]
    low, high = known[-1], known[0]
    shown = "" if len(known) == len(every) else f", the {len(known)} with least agreement of {len(every)}"
    return Chart(
        id="agreement",
        title="Agreement of the direct and the tuned ranking, by benchmark",
        description=(
            f"Dot chart of {len(known)} benchmarks{shown}: from {low.tau_a:.2f} on {low.benchmark} to "
            f"{high.tau_a:.2f} on {high.benchmark}."
        ),
        spec=layered(layers if bounded else layers[1:], height=18 * len(known) + 10),
        legend=(("line-a", "what noise leaves of the agreement (95 %)"),) if bounded else (),
    )


def _names(sort: Sequence[str]) -> alt.Y:
    axis = alt.Axis(ticks=False, domain=False, labelLimit=150)
    return alt.Y("m:N", title=None, sort=list(sort), axis=axis)
