"""Scores before and after the same tuning, and nothing between: two columns for each benchmark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from headstart.contest.arrays import BoolArray, FloatArray
from headstart.data.benchmarks import check_wanted, listed_benchmarks, with_range_hint
from headstart.data.columns import Place, complaint, line_name
from headstart.data.metrics import check_more_is_better
from headstart.data.row_parsing import ParsedRows
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError, together

WORDS = ("direct", "tuned")


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoColumns:
    """Scores of several models on several benchmarks, before and after one amount of tuning.

    Args:
        models: Distinct names.
        benchmarks: Distinct names.
        direct: Scores before; nan where missing.
        tuned: Scores after; nan where missing.
        direct_stderr: Standard errors; nan where unknown.
        tuned_stderr: The same after tuning.
        labels: What before and after are: ``("direct", "tuned")``, or steps.
        score_range: Smallest and largest possible score.
        notes: What the reader of the file left out or took for granted, a sentence each.

    Raises:
        InputError: If shapes or names do not fit, a score is out of range, a standard error is negative, or a column
            holds no score at all.
    """

    models: tuple[str, ...]
    benchmarks: tuple[str, ...]
    direct: Float[FloatArray, "benchmarks models"]
    tuned: Float[FloatArray, "benchmarks models"]
    direct_stderr: Float[FloatArray, "benchmarks models"]
    tuned_stderr: Float[FloatArray, "benchmarks models"]
    labels: tuple[str, str] = WORDS
    score_range: tuple[float, float] = (0.0, 1.0)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.benchmarks), len(self.models))
        low, high = self.score_range
        for name in ("models", "benchmarks"):
            given = getattr(self, name)
            if not given or len(set(given)) != len(given):
                raise InputError(f"{name} must be distinct names, at least one, got {given}")
        for name in ("direct", "tuned", "direct_stderr", "tuned_stderr"):
            values: FloatArray = getattr(self, name)
            if values.shape != shape:
                raise InputError(f"{name} must be of shape {shape}, got {values.shape}")
            least = 0.0 if name.endswith("stderr") else low
            most = (high - low) / 2 if name.endswith("stderr") else high
            bad = ~np.isnan(values) & ~((values >= least) & (values <= most))
            if bad.any():
                got = float(values[bad][0])
                raise InputError(f"{name} must be within [{least:g}, {most:g}] or nan, got {got:g}", field=name)
            values.setflags(write=False)
        for label, values in zip(self.labels, (self.direct, self.tuned), strict=True):
            if np.isnan(values).all():
                raise InputError(f"{label} scores must be given for at least one model, got none", field=label)

    @property
    def complete(self) -> Bool[BoolArray, "benchmarks models"]:
        """Where a model has both scores."""
        return ~(np.isnan(self.direct) | np.isnan(self.tuned))

    @property
    def missing(self) -> tuple[tuple[str, str, str], ...]:
        """Benchmark, model and column (one of ``labels``) of every score that is not there."""
        return tuple(
            (self.benchmarks[b], self.models[m], label)
            for label, values in zip(self.labels, (self.direct, self.tuned), strict=True)
            for b, m in np.argwhere(np.isnan(values)).tolist()
        )


def two_columns_of(
    parsed: ParsedRows, *, benchmark: str | None, score_range: tuple[float, float] | None, fallback_name: str
) -> TwoColumns:
    """The rows of a file as two columns, every benchmark or the one named.

    Replicates (seeds) are averaged as in ``Trajectories.per_model``. Contestants that cannot be tuned are left out with
    a note.

    Args:
        parsed: Rows at two steps, or the words direct and tuned.
        benchmark: Which one; all when None.
        score_range: Smallest and largest possible score; [0, 1] when None.
        fallback_name: Name of a benchmark that the file does not name.

    Raises:
        InputError: With every problem of the file.
    """
    source, problems = parsed.source, list(parsed.problems)
    rows, places = parsed.rows, parsed.places
    if not rows:
        raise together(problems)
    listed: list[str] = []
    try:
        listed = listed_benchmarks(rows, places, source)
        check_wanted(benchmark, listed, source)
    except InputError as error:
        raise together([*problems, *error.problems]) from None
    names = [benchmark] if benchmark is not None and listed else listed or [benchmark or fallback_name]
    apart = sorted({row.model for row in rows if row.outcome == "untunable"})
    steps = sorted({row.step for row in rows if row.outcome != "untunable"})
    first = steps[0] if not parsed.two_columns else 0.0
    tables: list[Trajectories | None] = []
    for name in names:
        at = [k for k, row in enumerate(rows) if (row.benchmark == name or not listed) and row.model not in apart]
        found, bad = _benchmark(name, [rows[k] for k in at], [places[k] for k in at], parsed, score_range)
        if listed:
            try:
                check_more_is_better(name, "benchmark", source=source, field="benchmark", whole=False)
            except InputError as error:
                bad = [*bad, error]
        problems += bad
        tables.append(found)
    if problems:
        raise together(list(with_range_hint(together(problems), score_range).problems))
    models = _models(parsed, names, bool(listed), apart)
    scores, errors = _matrices(tables, models, first)
    notes = list(parsed.notes)
    if apart:
        notes.append(f"Left out, since they cannot be tuned: {', '.join(apart)}.")
    try:
        return TwoColumns(
            models=tuple(models),
            benchmarks=tuple(names),
            direct=scores[0],
            tuned=scores[1],
            direct_stderr=errors[0],
            tuned_stderr=errors[1],
            labels=WORDS if parsed.two_columns else _labels(steps),
            score_range=score_range or (0.0, 1.0),
            notes=tuple(notes),
        )
    except InputError as error:
        raise error.located(file=source) from None


def _benchmark(
    name: str,
    rows: Sequence[TrajectoryRow],
    places: Sequence[Place],
    parsed: ParsedRows,
    score_range: tuple[float, float] | None,
) -> tuple[Trajectories | None, list[InputError]]:
    """One benchmark's rows checked and put together, or what is wrong with them."""
    scored = [(row, place) for row, place in zip(rows, places, strict=True) if row.score is not None]
    if not scored:
        return None, []
    problems = _repeated(rows, places, parsed) if parsed.two_columns else []
    if problems:
        return None, problems
    try:
        wanted = score_range or (0.0, 1.0)
        return Trajectories.of_benchmark(name, scored, score_range=wanted, source=parsed.source), []
    except InputError as error:
        return None, list(error.problems)


def _repeated(rows: Sequence[TrajectoryRow], places: Sequence[Place], parsed: ParsedRows) -> list[InputError]:
    """A complaint for each score given twice, in the words of the file rather than in steps."""
    seen: dict[tuple[str, float, str | None], Place] = {}
    found: list[InputError] = []
    for row, place in zip(rows, places, strict=True):
        key = (row.model, row.step, row.seed)
        if key in seen:
            what = f"the {WORDS[int(row.step)]} score of {row.model!r}"
            message = f"model must have one score a column, got {what} again (first in {line_name(seen[key])})"
            found.append(complaint(message, source=parsed.source, line=place, field="model"))
        seen.setdefault(key, place)
    return found


def _models(parsed: ParsedRows, names: Sequence[str], named: bool, apart: Sequence[str]) -> list[str]:
    """Every model of these benchmarks, those without any score last."""
    scored = [row.model for row in parsed.rows if not named or row.benchmark in names]
    unscored = [model for benchmark, model, _ in parsed.unscored if not named or benchmark in names]
    return [name for name in dict.fromkeys([*scored, *unscored]) if name not in apart]


def _matrices(
    tables: Sequence[Trajectories | None], models: Sequence[str], first: float
) -> tuple[Float[FloatArray, "columns benchmarks models"], Float[FloatArray, "columns benchmarks models"]]:
    """Scores and standard errors, before and after."""
    place = {name: at for at, name in enumerate(models)}
    scores = np.full((2, len(tables), len(models)), math.nan)
    errors = np.full_like(scores, math.nan)
    for b, table in enumerate(tables):
        if table is None:
            continue
        found = table.per_model()
        for row, point in np.argwhere(found.present).tolist():
            column = 0 if found.step[row, point] == first else 1
            m = place[table.models[row]]
            scores[column, b, m] = found.score[row, point]
            errors[column, b, m] = found.stderr[row, point]
    return scores, errors


def _labels(steps: Sequence[float]) -> tuple[str, str]:
    """Direct evaluation only where step 0 was measured."""
    before = "direct" if steps[0] == 0 else f"after {steps[0]:,.6g} steps"
    return before, f"after {steps[-1]:,.6g} steps"
