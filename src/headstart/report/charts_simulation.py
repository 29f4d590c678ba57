"""Charts of a simulation: efforts and ranks over rounds, one developer in focus and one beside it."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np

from headstart.contest.arrays import FloatArray, IntArray
from headstart.report.charts_parts import layered, rows
from headstart.report.charts_style import style
from headstart.report.drawing import Chart
from headstart.report.wording import number
from headstart.solve.dynamics import Simulation

ROUND_TITLE = "round (simulated)"


def efforts_chart(simulation: Simulation, names: Sequence[str], shown: int) -> Chart:
    """Effort of every developer at the end of each of the first ``shown`` rounds."""
    efforts = simulation.efforts[:shown]
    scale = alt.Scale(domain=[0.0, float(efforts.max()) or 1.0], nice=True)
    y = alt.Y("v:Q", title="effort (steps)", scale=scale)
    first, second = _most_active(simulation)
    description = (
        f"Line chart of the efforts of {len(names)} developers over {shown} simulated rounds; the largest effort is "
        f"{number(float(efforts.max()))} steps. The table of developers gives every mean."
    )
    return _rounds_chart("efforts", "Effort, round by round", description, efforts, names, y, (first, second))


def ranks_chart(simulation: Simulation, names: Sequence[str], shown: int) -> Chart:
    """Rank of every developer at the end of each of the first ``shown`` rounds; 1 on top."""
    ranks = simulation.ranks[:shown]
    n = len(names)
    scale = alt.Scale(domain=[1 - 0.04 * n, 1.04 * n], reverse=True, nice=False, zero=False)
    axis = alt.Axis(tickMinStep=1, format="d", tickCount=min(n, 8))
    y = alt.Y("v:Q", title="rank (1 = best)", scale=scale, axis=axis)
    changes = int((np.diff(ranks, axis=0) != 0).any(axis=1).sum())
    description = (
        f"Line chart of the ranks of {n} developers over {shown} simulated rounds; the ranking changes after {changes} "
        "of them. The table of developers gives how often each is first."
    )
    return _rounds_chart("ranks", "Rank, round by round", description, ranks, names, y, _most_active(simulation))


def _most_active(simulation: Simulation) -> tuple[int, int]:
    """The two developers whose efforts move most."""
    order = np.argsort(-simulation.amplitude, kind="stable")
    return int(order[0]), int(order[min(1, order.size - 1)])


def _rounds_chart(
    key: str,
    title: str,
    description: str,
    values: FloatArray | IntArray,
    names: Sequence[str],
    y: alt.Y,
    focus: tuple[int, int],
) -> Chart:
    table: list[list[float]] = values.tolist()
    points = [{"r": at + 1, "m": names[m], "v": value} for at, row in enumerate(table) for m, value in enumerate(row)]
    scale = alt.Scale(domain=[0.5, len(table) + 0.5], nice=False, zero=False)
    x = alt.X("r:Q", title=ROUND_TITLE, scale=scale, axis=alt.Axis(tickMinStep=1, format="d"))
    every = alt.Chart(rows(points)).encode(x=x, y=y, detail="m:N", description="m:N")
    lines = [every.mark_line(**style("context", named=True), interpolate="step")]
    a, b = (names[at] for at in focus)
    for name, look in {b: "focus-b", a: "focus-a"}.items():
        chosen = alt.Chart(rows(row for row in points if row["m"] == name)).encode(x=x, y=y)
        lines.append(chosen.mark_line(**style(look), interpolate="step"))
    return Chart(
        id=key,
        title=title,
        description=description,
        spec=layered(lines, height=300),
        legend=(
            ("swatch-a", f"{a}: its effort moves most"),
            *((("swatch-b", f"{b}: moves second most"),) if b != a else ()),
            ("line-context", "the other developers"),
        ),
        lines=tuple(names),
    )
