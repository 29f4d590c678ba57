"""Pictures of a site, drawn as plain SVG when it is built: lines, bands and marks over one pair of axes.

Colours come from the style sheet by class, so light, dark and print need one drawing. Every picture is drawn twice, for
wide screens and for phones, since text in a drawing that shrinks cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from headstart.board.site.values import Benchmark, Entry, LevelRow, Point
from headstart.report.drawing import NARROW, WIDE
from headstart.report.wording import number

TWO_SIDED = 1.96
"""Standard errors on either side of a 95 % interval."""

MOST_LINES = 200
"""Trajectories in one picture; of more models the band of the middle half is drawn."""

MOST_LABELS = 8
"""Fallers that a picture names."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 24, 14, 40


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One drawing in two widths, and its message in words.

    Args:
        title: What it shows.
        description: Its message, for readers who do not see it.
        wide: For wide screens.
        narrow: For phones.
        legend: Pairs of CSS class and meaning.
    """

    title: str
    description: str
    wide: Markup
    narrow: Markup
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Axes:
    """Positions in a drawing of given width; the horizontal axis is log(1 + step)."""

    width: int
    height: int
    steps: tuple[float, ...]
    low: float
    high: float

    def x(self, step: float) -> float:
        first, last = math.log1p(self.steps[0]), math.log1p(self.steps[-1])
        share = 0.5 if last == first else (math.log1p(step) - first) / (last - first)
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)

    def line(self, points: Iterable[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{self.x(step):.1f} {self.y(value):.1f}" for step, value in points)


@dataclass(frozen=True, kw_only=True)
class Field:
    """Where the models of a benchmark stand together: what one model is shown against.

    Args:
        steps: Rising, those at which at least half of the models were measured.
        lower: Score that a quarter of the models lies below, at each step.
        upper: Score that a quarter lies above.
        low: Least score of any model.
        high: Largest.
        last: Last step of any model.
    """

    steps: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    low: float
    high: float
    last: float


def field_of(entries: Sequence[Entry]) -> Field | None:
    """The field of a benchmark; None where no score is known."""
    by_step: dict[float, list[float]] = {}
    for entry in entries:
        for point in entry.trajectory:
            by_step.setdefault(point.step, []).append(point.score)
    if not by_step:
        return None
    most = max(len(scores) for scores in by_step.values())
    common = sorted(step for step, scores in by_step.items() if 2 * len(scores) >= most)
    quartiles = [_quartiles(sorted(by_step[step])) for step in common]
    scores = [score for found in by_step.values() for score in found]
    return Field(
        steps=tuple(common),
        lower=tuple(one[0] for one in quartiles),
        upper=tuple(one[1] for one in quartiles),
        low=min(scores),
        high=max(scores),
        last=max(by_step),
    )


def trajectory_picture(entry: Entry, benchmark: Benchmark, field: Field) -> Picture | None:
    """One model as it is tuned, before the middle half of the field; None with fewer than two scores."""
    points = entry.trajectory
    if len(points) < 2:
        return None
    ends = [point.score + side * TWO_SIDED * (point.stderr or 0.0) for point in points for side in (-1, 1)]
    low, high = min(field.low, *ends), max(field.high, *ends)
    steps = sorted({*field.steps, *(point.step for point in points)})

    def draw(axes: _Axes) -> Markup:
        marks = [_band(axes, field), _level_line(axes, benchmark)]
        for point in points:
            if point.stderr:
                top, bottom = (axes.y(point.score + side * TWO_SIDED * point.stderr) for side in (1, -1))
                marks.append(Markup(f'<path class="s-error" d="M{axes.x(point.step):.1f} {top:.1f}V{bottom:.1f}"/>'))
        marks.append(Markup(f'<path class="s-line" d="{axes.line(_pairs(points))}"/>'))
        for point in points:
            fallen = entry.fall is not None and point.step == entry.fall.peak_step
            marks.append(_dot(axes, point.step, point.score, "s-peak" if fallen else "s-dot"))
        return Markup("").join(marks)

    first, last = points[0], points[-1]
    return _picture(
        title="Scores as tuning proceeds",
        description=(
            f"{entry.model} on {benchmark.name}: {first.score:.3f} at {_step_words(first.step, benchmark)}, "
            f"{last.score:.3f} at {_step_words(last.step, benchmark)}."
        ),
        draw=draw,
        axes=(steps, low, high),
        words=_score_words,
        benchmark=benchmark,
        height=300,
        legend=(
            ("line-a", "measured score with its 95 % interval"),
            ("box-quartiles-only", "middle half of the models"),
            *((("dot-beyond", "best score before the fall"),) if entry.fall else ()),
            *_level_legend(benchmark),
        ),
    )


def field_picture(benchmark: Benchmark, field: Field) -> Picture | None:
    """Every model as it is tuned, those that fall in front; None where nothing was tuned."""
    shown = [entry for entry in benchmark.entries if len(entry.trajectory) > 1]
    if not shown:
        return None
    fallers = sorted((one for one in shown if one.fall), key=_depth)[:MOST_LABELS]
    behind = [one for one in shown if one not in fallers] if len(shown) <= MOST_LINES else []

    def draw(axes: _Axes) -> Markup:
        marks = [] if behind else [_band(axes, field)]
        marks += [Markup(f'<path class="s-context" d="{axes.line(_pairs(one.trajectory))}"/>') for one in behind]
        marks.append(_level_line(axes, benchmark))
        marks += [Markup(f'<path class="s-fall" d="{axes.line(_pairs(one.trajectory))}"/>') for one in fallers]
        taken: list[tuple[float, float]] = []
        for at, one in enumerate(fallers, start=1):
            peak = max(one.trajectory, key=lambda point: point.score)
            x, y = axes.x(peak.step) + 5, axes.y(peak.score) - 6
            while any(abs(x - other) < 12 and abs(y - above) < 14 for other, above in taken):
                x += 12  # beside the number that is there already
            taken.append((x, y))
            marks.append(_text(x, y, str(at), "s-label"))
        return Markup("").join(marks)

    named = tuple(("line-fall", f"{at}: {one.model}") for at, one in enumerate(fallers, start=1))
    return _picture(
        title="Scores as tuning proceeds",
        description=(
            f"Scores of {len(shown)} models on {benchmark.name} from {field.low:.3f} to {field.high:.3f}; "
            + (f"{len(fallers)} that fall are marked." if fallers else "none falls beyond noise.")
        ),
        draw=draw,
        axes=(field.steps, field.low, field.high),
        words=_score_words,
        benchmark=benchmark,
        height=360,
        legend=(
            ("line-context", "one model") if behind else ("box-quartiles-only", "middle half of the models"),
            *named,
            *_level_legend(benchmark),
        ),
    )


def gain_picture(benchmark: Benchmark) -> Picture | None:
    """What gaming gains at each level; None with fewer than two levels."""
    rows = benchmark.levels
    if len(rows) < 2:
        return None
    high = max(row.gain.high for row in rows) or 0.01

    def draw(axes: _Axes) -> Markup:
        up = axes.line((row.level, row.gain.high) for row in rows)
        down = axes.line((row.level, row.gain.low) for row in reversed(rows))
        return Markup("").join(
            [
                Markup(f'<path class="s-interval" d="{up}L{down[1:]}Z"/>'),
                _level_line(axes, benchmark),
                Markup(f'<path class="s-line" d="{axes.line((row.level, row.gain.value) for row in rows)}"/>'),
                *(_dot(axes, row.level, row.gain.value, "s-dot") for row in rows),
            ]
        )

    return _picture(
        title="What gaming gains, as a share of first prize",
        description="; ".join(_gain_words(row, benchmark) for row in rows) + ".",
        draw=draw,
        axes=([row.level for row in rows], 0.0, high),
        words=lambda value, gap: f"{100 * value:.{0 if gap >= 0.0099 else 1}f} %",
        benchmark=benchmark,
        height=260,
        legend=(("line-a", "largest gain of any developer, with its 95 % interval"), *_level_legend(benchmark)),
    )


def _picture(
    *,
    title: str,
    description: str,
    draw: Callable[[_Axes], Markup],
    axes: tuple[Sequence[float], float, float],
    words: Callable[[float, float], str],
    benchmark: Benchmark,
    height: int,
    legend: tuple[tuple[str, str], ...],
) -> Picture:
    steps, low, high = axes
    ticks = _ticks(low, high)
    drawn: dict[int, Markup] = {}
    for width in (WIDE, NARROW):
        frame = _Axes(width=width, height=height, steps=tuple(steps), low=ticks[0], high=ticks[-1])
        inside = _frame(frame, ticks, words, benchmark) + draw(frame)
        drawn[width] = Markup(
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" '
            f'focusable="false">{inside}</svg>'
        )
    return Picture(title=title, description=description, wide=drawn[WIDE], narrow=drawn[NARROW], legend=legend)


def _frame(axes: _Axes, ticks: Sequence[float], words: Callable[[float, float], str], benchmark: Benchmark) -> Markup:
    """Grid and labels; where steps lie close together some have none."""
    marks: list[Markup] = []
    gap = ticks[1] - ticks[0]
    for tick in ticks:
        y = axes.y(tick)
        marks.append(Markup(f'<path class="s-grid" d="M{_LEFT} {y:.1f}H{axes.width - _RIGHT}"/>'))
        marks.append(_text(_LEFT - 8, y + 4, words(tick, gap), "s-tick s-end"))
    base = axes.height - _BOTTOM
    labelled: list[tuple[float, float]] = []
    for step in (axes.steps[0], axes.steps[-1], *axes.steps[1:-1]):  # the ends first: they say how far it goes
        label = _tick_words(step, benchmark)
        x, half = axes.x(step), 3.6 * len(label) + 4
        marks.append(Markup(f'<path class="s-grid" d="M{x:.1f} {base}v5"/>'))
        if all(x + half <= start or end <= x - half for start, end in labelled):
            labelled.append((x - half, x + half))
            cut = x + half > axes.width  # centred, it would end outside the drawing
            marks.append(
                _text(axes.width - 2.0 if cut else x, base + 19, label, f"s-tick {'s-end' if cut else 's-mid'}")
            )
    if benchmark.level is not None:
        middle = (_LEFT + axes.width - _RIGHT) / 2
        marks.append(_text(middle, axes.height - 4, "steps of tuning", "s-tick s-mid"))
    return Markup("").join(marks)


def _band(axes: _Axes, field: Field) -> Markup:
    if len(field.steps) < 2:
        return Markup("")
    up = axes.line(zip(field.steps, field.upper, strict=True))
    down = axes.line(reversed(list(zip(field.steps, field.lower, strict=True))))
    return Markup(f'<path class="s-field" d="{up}L{down[1:]}Z"/>')


def _level_line(axes: _Axes, benchmark: Benchmark) -> Markup:
    level = benchmark.level
    if level is None or not axes.steps[0] <= level <= axes.steps[-1]:
        return Markup("")
    return Markup(f'<path class="s-level" d="M{axes.x(level):.1f} {_TOP}V{axes.height - _BOTTOM}"/>')


def _level_legend(benchmark: Benchmark) -> tuple[tuple[str, str], ...]:
    return () if benchmark.level is None else (("line-level", f"the published level, {number(benchmark.level)} steps"),)


def _dot(axes: _Axes, step: float, value: float, style: str) -> Markup:
    x, y = axes.x(step), axes.y(value)
    if style == "s-peak":  # another shape, not another colour alone
        return Markup(f'<path class="s-peak" d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6-6z"/>')
    return Markup(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')


def _text(x: float, y: float, text: str, style: str) -> Markup:
    return Markup(f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>')


def _pairs(points: Iterable[Point]) -> list[tuple[float, float]]:
    return [(point.step, point.score) for point in points]


def _depth(entry: Entry) -> float:
    assert entry.fall is not None
    return entry.fall.last_score - entry.fall.peak_score


def _quartiles(scores: Sequence[float]) -> tuple[float, float]:
    last = len(scores) - 1
    return scores[math.floor(last / 4)], scores[math.ceil(3 * last / 4)]


def _ticks(low: float, high: float) -> list[float]:
    """About five round values that enclose both ends.

    >>> _ticks(0.0, 0.38)
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    span = (high - low) or max(abs(high), 1.0) / 10
    rough = span / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    gap = unit * next(factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    first, last = math.floor(low / gap + 1e-9), math.ceil(high / gap - 1e-9)
    return [round(at * gap, 10) for at in range(first, max(last, first + 1) + 1)]


def _score_words(value: float, gap: float) -> str:
    digits = max(0, math.ceil(-math.log10(gap) - 1e-9)) if gap < 1 else 0
    digits += round(gap * 10**digits, 9) % 1 > 0
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if value > 0 and text.startswith("0.") else text


def _tick_words(step: float, benchmark: Benchmark) -> str:
    if benchmark.level is None:
        return "before tuning" if step == 0 else "after"
    return number(step)


def _step_words(step: float, benchmark: Benchmark) -> str:
    if benchmark.level is None:
        return "the test before tuning" if step == 0 else "the test after tuning"
    return f"step {number(step)}"


def _gain_words(row: LevelRow, benchmark: Benchmark) -> str:
    return f"{100 * row.gain.value:.3g} % at {_step_words(row.level, benchmark)}"


def fields_of(benchmarks: Iterable[Benchmark]) -> Mapping[str, Field | None]:
    """The field of every benchmark by its name."""
    return {one.name: field_of(one.entries) for one in benchmarks}
