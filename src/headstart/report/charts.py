"""The audit's first charts: what gaming gains, ranks before and after tuning, and the measured scores.

Altair is slow to import, so only pages import this module, and only when one is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt

from headstart.auditing.decision import share_words, under
from headstart.auditing.level_values import Level
from headstart.auditing.values import Audit, Decision, IncentiveCurve, ModelFit
from headstart.report.charts_parts import Row, layered, rows, steps_axis
from headstart.report.charts_style import Style, style
from headstart.report.drawing import Chart
from headstart.report.wording import number, percent

LEVEL_TITLE = "level: steps given to every model before the test"

MOST_ROWS = 60
"""Models drawn in a chart with one line each: the best after tuning."""

MOST_CURVES = 400
"""Models drawn as curves."""


def incentive_chart(curve: IncentiveCurve, decision: Decision, levels: Sequence[Level]) -> Chart:
    """Largest gain from gaming, by level, with its interval, the tolerance and the level recommended.

    Args:
        curve: What is drawn.
        decision: Says which level is recommended, and which gain counts as none.
        levels: Levels reported; dots mark the measured ones.
    """
    limit = max(curve.levels[-1], 1.0)
    x = steps_axis(limit, LEVEL_TITLE)
    top = min(1.0, max(curve.high) * 1.08 + 0.01)
    scale = alt.Scale(domain=[0.0, top], nice=False)
    axis = alt.Axis(format="%", tickCount=5)
    y = alt.Y("g:Q", title="largest gain of a developer, as a share of first prize", scale=scale, axis=axis)
    data = rows(
        {"e": level, "g": share, "l": low, "h": high}
        for level, share, low, high in zip(curve.levels, curve.share, curve.low, curve.high, strict=True)
    )
    measured = {level.level for level in levels if level.measured}
    dots = rows({"e": e, "g": g} for e, g in zip(curve.levels, curve.share, strict=True) if e in measured)
    base = alt.Chart(data).encode(x=x)
    tolerance = alt.Chart(rows([{"g": decision.tolerance}]))
    layers = [
        base.mark_area(**style("focus-a-band")).encode(y=alt.Y("l:Q", scale=scale), y2="h:Q"),
        tolerance.mark_rule(**style("edge")).encode(y=y),
        base.mark_line(**style("focus-a")).encode(y=y),
        alt.Chart(dots).mark_point(**style("focus-a-point")).encode(x=x, y=y),
        *_chosen(decision.level, x, limit),
    ]
    return Chart(
        id="incentive",
        title="Largest gain from gaming, by level",
        description=_incentive_description(decision, levels),
        spec=layered(layers, height=280),
        legend=(
            ("line-a", "gain of the developer that gains most, with its 95 % interval; dots: measured levels"),
            ("line-dotted", f"a gain of {percent(decision.tolerance)} counts as none"),
            *((("line-stakes", "the level recommended"),) if decision.level is not None else ()),
        ),
    )


def _chosen(level: float | None, x: alt.X, limit: float) -> list[alt.Chart]:
    if level is None:
        return []
    late = math.log1p(level) > 0.7 * math.log1p(limit)
    look: Style = {**style("stakes-label"), "align": "right" if late else "left"}
    mark = alt.Chart(rows([{"e": level}])).encode(x=x)
    label = mark.mark_text(**look, text=f"{number(level)} steps", dx=-6 if late else 6, baseline="top")
    return [mark.mark_rule(**style("stakes")), label.encode(y=alt.value(2))]


def _incentive_description(decision: Decision, levels: Sequence[Level]) -> str:
    first, last = levels[0], levels[-1]
    words = f"Line chart: the largest gain is {share_words(first.incentive.share.value)} {under(first.level)}"
    if decision.level is not None and decision.level > first.level:
        words += f", {share_words(decision.incentive.value)} at the level recommended, {number(decision.level)} steps,"
    return f"{words} and {share_words(last.incentive.share.value)} at {number(last.level)} steps."


def ranks_chart(audit: Audit) -> Chart:
    """Rank before and after tuning, one line per model, with rank sets; the best after tuning where there are many."""
    known = [m for m in audit.models if m.direct_rank is not None and m.tuned_rank is not None][:MOST_ROWS]
    worst = max(max(_rank(m.direct_rank), _rank(m.tuned_rank)) for m in known)
    worst = max(
        [worst, *(end for m in known for _, end in (_set(m.direct_rank_interval), _set(m.tuned_rank_interval)))]
    )
    data = rows(_rank_rows(model) for model in known)
    x = alt.X(
        "direct:Q",
        title="rank (1 = best)",
        scale=alt.Scale(domain=[1 - 0.03 * worst, 1.02 * worst], nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, values=_rank_ticks(worst), orient="top", format="d", labelOverlap="greedy"),
    )
    axis = alt.Axis(ticks=False, domain=False, labelLimit=150)
    # in the order of the rows: a list of names to sort by would become an expression, which not every name survives
    base = alt.Chart(data).encode(y=alt.Y("m:N", title=None, sort=None, axis=axis))
    layers = [
        base.mark_rule(**style("move")).encode(x=x, x2="tuned:Q"),
        base.mark_rule(**style("direct-whisker")).encode(x=alt.X("d1:Q"), x2="d2:Q"),
        base.mark_rule(**style("tuned-whisker")).encode(x=alt.X("t1:Q"), x2="t2:Q"),
        base.mark_point(**style("direct-point")).encode(x=x),
        base.mark_point(**style("tuned-point")).encode(x=alt.X("tuned:Q")),
    ]
    before, after = under(audit.levels[0].level), under(audit.reference_level)
    return Chart(
        id="ranks",
        title="Ranks before and after the same tuning",
        description=_ranks_description(audit, known),
        spec=layered(layers, height=18 * len(known) + 10),
        legend=(
            ("dot-direct", f"rank {before}, and the ranks that noise leaves possible"),
            ("dot-tuned", f"rank {after}, likewise"),
        ),
    )


def _rank(rank: int | None) -> int:
    return 0 if rank is None else rank


def _set(bounds: tuple[int, int] | None) -> tuple[int, int]:
    return (0, 0) if bounds is None else bounds


def _ranks_description(audit: Audit, known: Sequence[ModelFit]) -> str:
    words = f"Dot chart of {len(known)} models"
    words += f", the best of {len(audit.models)} after tuning" if len(known) < len(audit.models) else ""
    moved = max(known, key=lambda model: _rank(model.direct_rank) - _rank(model.tuned_rank))
    if _rank(moved.direct_rank) > _rank(moved.tuned_rank):
        words += f"; {moved.name} rises most, from rank {moved.direct_rank} to {moved.tuned_rank}"
    return f"{words}. The table below gives every rank."


def _rank_rows(model: ModelFit) -> Row:
    (d1, d2), (t1, t2) = _set(model.direct_rank_interval), _set(model.tuned_rank_interval)
    return {
        "m": model.name,
        "direct": model.direct_rank,
        "d1": d1,
        "d2": d2,
        "tuned": model.tuned_rank,
        "t1": t1,
        "t2": t2,
    }


def _rank_ticks(n: int) -> list[int]:
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if n / step <= 12 or step == 1000)
    return sorted({1, *range(step, n + 1, step)})


def trajectories_chart(audit: Audit) -> Chart:
    """Measured scores along tuning: the leaders before and after it in focus, any other at the reader's choice."""
    points = _point_rows(audit)
    limit = max([row["e"] for row in points] + [1.0])
    x = steps_axis(limit, "tuning steps (log scale)")
    spread = [row["s"] for row in points]
    scale = alt.Scale(domain=[min(spread), max(spread)], nice=True, zero=False)
    y = alt.Y("s:Q", title=f"measured score on {audit.benchmark}", scale=scale)
    data = rows(points)
    tuned, (other, why) = _reference_ranking(audit)[0], _second_focus(audit)
    every = alt.Chart(data).encode(x=x, y=y, detail="m:N", description="m:N")
    layers = [every.mark_line(**style("context", named=True))]
    for name, look in {tuned: "focus-a", other: "focus-b"}.items():
        chosen = alt.Chart(rows(row for row in points if row["m"] == name)).encode(x=x, y=y)
        layers += [chosen.mark_line(**style(look)), chosen.mark_point(**style(f"{look}-point"))]
    after = under(audit.reference_level)
    return Chart(
        id="trajectories",
        title="Scores along tuning, as measured",
        description=_trajectories_description(audit, points),
        spec=layered(layers, height=340),
        legend=(
            *((("swatch-a", f"{tuned}: first {after}"),) if tuned != other else ()),
            ("swatch-b", f"{other}: {why}"),
            ("line-context", "the other models"),
        ),
        lines=tuple(dict.fromkeys(row["m"] for row in points)),
    )


def _second_focus(audit: Audit) -> tuple[str, str]:
    """The leader before tuning; where it leads after it too, the model that rises most."""
    direct = audit.levels[0].ranking[0]
    if direct != _reference_ranking(audit)[0]:
        return direct, f"first {under(audit.levels[0].level)}"
    riser = max(audit.models, key=lambda model: _rank(model.direct_rank) - _rank(model.tuned_rank))
    return riser.name, "rises most"


def _reference_ranking(audit: Audit) -> tuple[str, ...]:
    level = next((level for level in audit.levels if level.level == audit.reference_level), audit.levels[-1])
    return level.ranking


def _point_rows(audit: Audit) -> list[Row]:
    table = audit.fit.trajectories.per_model()
    kept = {model.name for model in audit.models[:MOST_CURVES]}
    out: list[Row] = []
    for index, name in enumerate(audit.fit.trajectories.models):
        present = table.present[index]
        steps: list[float] = table.step[index][present].tolist()
        scores: list[float] = table.score[index][present].tolist()
        if name in kept:
            out += [{"m": name, "e": step, "s": score} for step, score in zip(steps, scores, strict=True)]
    return out


def _trajectories_description(audit: Audit, points: Sequence[Row]) -> str:
    words = f"Line chart of the measured scores of {len({row['m'] for row in points})} models."
    if audit.fallers:
        worst = audit.fallers[0]
        words += (
            f" {worst.name} falls furthest, from {worst.peak_score:.3f} at {number(worst.peak_step)} steps to "
            f"{worst.last_score:.3f} at {number(worst.last_step)}."
        )
    return words
