"""Files as one suite: every task of every file, before and after tuning where the files say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.data.benchmarks import with_range_hint
from headstart.data.columns import Place
from headstart.data.measurements import Measurements
from headstart.data.metrics import less_is_better
from headstart.data.readers import read_measurements, recognise
from headstart.data.readers.reader import Given, ReadOptions, given_of, with_columns
from headstart.data.row_parsing import ParsedRows, parse_rows
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError, together
from headstart.io.text import suggestion
from headstart.suite.leaderboards import leaderboard_measurements

Ranges = Mapping[str | None, tuple[float, float]]
"""Range of the scores by task; under None the one of all others."""

UNIT = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class SuiteCells:
    """Scores of models on tasks as they were read; cells may be missing.

    Args:
        source: Names of the files.
        labels: What the columns are: direct evaluation alone, or that and after tuning.
        models: In the files' order.
        tasks: In the files' order.
        scores: nan where missing; more is better on every task.
        stderr: nan where unknown.
        ranges: Smallest and largest possible score of each task.
        notes: What was left out, turned round or taken for granted, a sentence each.
    """

    source: str
    labels: tuple[str, ...]
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    scores: Float[FloatArray, "columns models tasks"]
    stderr: Float[FloatArray, "columns models tasks"]
    ranges: tuple[tuple[float, float], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One task of one file: scores and standard errors by model, one mapping a column."""

    name: str
    source: str
    columns: tuple[dict[str, tuple[float, float]], ...]
    notes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Options:
    reading: ReadOptions
    ranges: Ranges
    less_is_better: Collection[str]
    tasks: Collection[str] | None

    def range_of(self, task: str) -> tuple[float, float]:
        return self.ranges.get(task, self.ranges.get(None, UNIT))


def read_suite(
    files: Sequence[object],
    *,
    columns: Mapping[str, str] | None = None,
    ranges: Ranges | None = None,
    less_is_better: Collection[str] = (),
    tasks: Collection[str] | None = None,
    options: ReadOptions | None = None,
) -> SuiteCells:
    """Read every task of the files into one table.

    Every kind of file and folder that a reader recognises (``data.readers``) and leaderboards without any tuning are
    understood; of trajectories, direct is the first step and tuned the last that all models of the task were measured
    at. Several files are put together.

    Args:
        files: Paths, ``"-"`` for standard input, data frames, or ``Given`` of these.
        columns: The files' own name of a column, such as ``{"score": "acc"}``.
        ranges: Range of the scores of a task, under None of all others; [0, 1] when not given.
        less_is_better: Tasks of which less is better: their scores are read as low + high - score.
        tasks: Only these; all when None.
        options: What the files do not say, or hold more of than is wanted.

    Raises:
        InputError: With every problem of the files.
    """
    ranges = ranges or {}
    reading = with_columns(options or ReadOptions(), columns)
    if reading.score_range is None:
        reading = replace(reading, score_range=ranges.get(None))
    given = _Options(reading=reading, ranges=ranges, less_is_better=less_is_better, tasks=tasks)
    sources = [given_of(file, reading) for file in files]
    found: list[_Task] = []
    models: list[str] = []
    notes: list[str] = []
    for file in sources:
        read, who, said = _file(file, given)
        found += read
        models += who
        notes += said
    named = {one.name for one in found}
    asked = [*(tasks or ()), *less_is_better, *(task for task in given.ranges if task is not None)]
    unknown = next((task for task in asked if task not in named), None)
    if unknown is not None:
        listed = ", ".join(sorted(named)) or "none"
        raise InputError(
            f"task must be one of the files' ({listed}), got {unknown!r}{suggestion(unknown, sorted(named))}"
        )
    return _together(found, list(dict.fromkeys(models)), notes, given, sources)


def _file(file: Given, given: _Options) -> tuple[list[_Task], list[str], list[str]]:
    """The tasks of one file, its models in their order, and what was said."""
    measurements = suite_measurements(file, given.reading, given.tasks)
    parsed = parse_rows(measurements)
    if not parsed.rows:
        raise together(parsed.problems)
    by_task: dict[str, list[tuple[TrajectoryRow, Place]]] = {}
    unnamed = file.stem
    for row, place in zip(parsed.rows, parsed.places, strict=True):
        by_task.setdefault(row.benchmark or unnamed, []).append((row, place))
    problems = list(parsed.problems)
    found: list[_Task] = []
    for name, rows in by_task.items():
        if given.tasks is not None and name not in given.tasks:
            continue
        if less_is_better(name, whole=False) and name not in given.less_is_better:
            problems.append(
                InputError(
                    f"task must be one of which more is better, got {name!r}; --less-is-better {name} turns its scores "
                    "round",
                    file=parsed.source,
                )
            )
            continue
        try:
            found.append(_task(name, rows, parsed, given))
        except InputError as error:
            problems += with_range_hint(error, given.ranges.get(name, given.ranges.get(None))).problems
    if problems:
        raise together(problems)
    unscored = [(name or unnamed, model) for name, model, _ in parsed.unscored]
    unscored = [(name, model) for name, model in unscored if given.tasks is None or name in given.tasks]
    empty = dict.fromkeys(name for name, _ in unscored if name not in by_task)
    found += [_Task(name=name, source=parsed.source, columns=()) for name in empty]
    taken = {model for one in found for column in one.columns for model in column}
    who = [row.model for row in parsed.rows if row.model in taken] + [model for _, model in unscored]
    # missing scores are counted when the suite is completed
    return found, who, [*measurements.notes, *(note for one in found for note in one.notes)]


def suite_measurements(file: Given, options: ReadOptions, tasks: Collection[str] | None) -> Measurements:
    """The scores of one file: as its reader reads it, or of a leaderboard without steps.

    Args:
        file: A file, folder, standard input or data frame.
        options: What it does not say itself.
        tasks: Columns of a leaderboard that are tasks; every column of numbers, but for averages, when None.

    Raises:
        InputError: If it is neither, or bad.
    """
    found = recognise(file, options)
    if found is not None:
        return found.reader.read(found.files, options)
    board = None if file.table is None else leaderboard_measurements(file.table, options.columns, tasks)
    return read_measurements(file, options) if board is None else board


def _task(name: str, rows: Sequence[tuple[TrajectoryRow, Place]], parsed: ParsedRows, given: _Options) -> _Task:
    """The first and the last column of one task, replicates averaged."""
    scored = [(row, place) for row, place in rows if row.score is not None]
    apart = sorted({row.model for row, _ in scored if row.outcome == "untunable"})
    if len({row.step for row, _ in scored}) > 1:
        scored = [(row, place) for row, place in scored if row.model not in apart]
    else:
        apart = []
    table = Trajectories.of_benchmark(name, scored, score_range=given.range_of(name), source=parsed.source)
    steps, notes = _steps(table, parsed.two_columns)
    if apart:
        notes.append(f"{name}: left out, since they cannot be tuned: {', '.join(apart)}.")
    means = table.per_model()
    columns: tuple[dict[str, tuple[float, float]], ...] = tuple({} for _ in steps)
    for m, point in np.argwhere(means.present).tolist():
        step = float(means.step[m, point])
        if step in steps:
            cell = float(means.score[m, point]), float(means.stderr[m, point])
            columns[steps.index(step)][table.models[m]] = cell
    return _Task(name=name, source=parsed.source, columns=columns, notes=tuple(notes))


def _steps(table: Trajectories, words: bool) -> tuple[list[float], list[str]]:
    """The two steps compared, or the only one; a note where there was a choice."""
    measured = {step: set(table.model[table.step == step].tolist()) for step in np.unique(table.step).tolist()}
    first = min(measured)
    if words or len(measured) <= 2:
        # of the words direct and tuned the second may be missing altogether
        said = [f"{table.benchmark}: all scores are of step {first:,.6g}."] if len(measured) == 1 and first > 0 else []
        return [0.0, 1.0] if words else sorted(measured), [] if words else said
    everyone = [step for step, who in measured.items() if step > first and who >= measured[first]]
    last = max(everyone or measured)
    before = "" if first == 0 else f"direct is step {first:,.6g}, "
    return [first, last], [f"{table.benchmark}: {before}tuned is step {last:,.6g} of {len(measured)} measured steps."]


def _together(
    found: Sequence[_Task], models: Sequence[str], notes: Sequence[str], given: _Options, files: Sequence[Given]
) -> SuiteCells:
    """One table; a score that two files give is refused."""
    tuned = any(len(one.columns) > 1 for one in found)
    tasks = list(dict.fromkeys(one.name for one in found))
    at_task, at_model = ({name: at for at, name in enumerate(names)} for names in (tasks, models))
    scores = np.full((2 if tuned else 1, len(models), len(tasks)), np.nan)
    stderr = np.full_like(scores, np.nan)
    sources: dict[str, str] = {}
    for one in found:
        k = at_task[one.name]
        for c, column in enumerate(one.columns):
            for model, (score, error) in column.items():
                m = at_model[model]
                if not np.isnan(scores[c, m, k]):
                    raise InputError(
                        f"a model must have one score a task, got {model!r} on {one.name!r} in {sources[one.name]} too",
                        file=one.source,
                    )
                scores[c, m, k], stderr[c, m, k] = score, error
        sources[one.name] = one.source
    ranges = tuple(given.range_of(task) for task in tasks)
    turned = [task for task in tasks if task in given.less_is_better]
    for task in turned:
        low, high = given.range_of(task)
        scores[:, :, at_task[task]] = low + high - scores[:, :, at_task[task]]
    said = [f"Turned round, since less is better (low + high - score): {', '.join(turned)}."] if turned else []
    return SuiteCells(
        source=", ".join(file.source if file.path is None else Path(file.source).name for file in files),
        labels=("direct", "tuned") if tuned else ("direct",),
        models=tuple(models),
        tasks=tuple(tasks),
        scores=scores,
        stderr=stderr,
        ranges=ranges,
        notes=tuple(dict.fromkeys([*notes, *said])),
    )
