"""Result files: measured scores of several models along tuning, or before and after it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from headstart.data.benchmarks import choose_benchmark, listed_benchmarks, with_range_hint
from headstart.data.columns import Line
from headstart.data.measurements import REQUIRED
from headstart.data.readers import read_measurements
from headstart.data.readers.reader import ReadOptions, given_of, with_columns
from headstart.data.row_parsing import ParsedRows, parse_rows
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectories import Trajectories
from headstart.data.two_columns import TwoColumns, two_columns_of
from headstart.errors import InputError, together
from headstart.io.tables import write_table
from headstart.io.text import STDIN

_COLUMN_ORDER = ("benchmark", *REQUIRED, "stderr", "n_items", "seed", "cost_per_step", "outcome", "plan_hash")

NO_STEPS = (
    "holds direct and tuned scores and no steps, so no curve can be fitted; headstart audit compares the two columns"
)


def read_trajectories(
    given: object,
    *,
    benchmark: str | None = None,
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
    options: ReadOptions | None = None,
) -> Trajectories:
    """Read the trajectories of one benchmark from a file, a folder of files or a data frame.

    One model or one checkpoint is read without complaint; ``require_auditable`` refuses what cannot be audited.

    Args:
        given: Path of a file or folder that a reader recognises (``data.readers``), such as a table whose name ends in
            ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson``, ``.parquet`` or ``.json``; ``"-"`` for standard input; or a
            data frame of polars or pandas.
        benchmark: Which benchmark to take; needed when the file holds several.
        columns: The file's own name of a column, such as ``{"score": "acc"}``.
        score_range: Smallest and largest possible score; [0, 1] when not given.
        cost_per_step: Cost of one step of every model, ``> 0``, for a file without such a column.
        cost_unit: Unit of the costs; needs costs, from the file or from ``cost_per_step``.
        options: What the file does not say, or holds more of than is wanted.

    Raises:
        InputError: If the file is bad, naming file, row (line of the file, or row of a Parquet or JSON file) and field
            of every problem; also if it holds scores before and after tuning and no steps.
    """
    parsed = _parse(given, columns, score_range, options)
    if parsed.two_columns and not parsed.problems:
        raise InputError(NO_STEPS, file=parsed.source)
    return _build(
        parsed.rows,
        parsed.places,
        parsed=parsed,
        source=parsed.source,
        fallback_name=fallback_name(given),
        benchmark=benchmark,
        score_range=score_range,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )


def trajectories_of(
    parsed: ParsedRows, *, fallback_name: str, ranges: Mapping[str | None, tuple[float, float]] | None = None
) -> dict[str, Trajectories]:
    """The trajectories of every benchmark among the rows of one file, in the order of their first row.

    Args:
        parsed: The rows.
        fallback_name: What a benchmark is called that the file does not name.
        ranges: Score range by benchmark; under None the one of all others, [0, 1] when not given.

    Raises:
        InputError: As ``read_trajectories``.
    """
    if parsed.two_columns and not parsed.problems:
        raise InputError(NO_STEPS, file=parsed.source)
    known = ranges or {}
    listed = listed_benchmarks(parsed.rows, parsed.places, parsed.source) or [fallback_name]
    return {
        name: _build(
            parsed.rows,
            parsed.places,
            parsed=parsed,
            source=parsed.source,
            fallback_name=fallback_name,
            benchmark=name,
            score_range=known.get(name, known.get(None)),
            cost_per_step=None,
            cost_unit=None,
        )
        for name in listed
    }


def read_results(
    given: object,
    *,
    benchmark: str | None = None,
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
    options: ReadOptions | None = None,
) -> Trajectories | TwoColumns:
    """Read whatever a file holds: trajectories, or scores before and after tuning alone.

    A file whose scores are all at the same two steps is of the second kind: no curve can be fitted to two points.

    Args:
        given: As for ``read_trajectories``; so are the other arguments.
        benchmark: Which benchmark to take; of a file of the second kind all are taken when not given.
        columns: See there.
        score_range: See there.
        cost_per_step: See there.
        cost_unit: See there.
        options: See there.

    Raises:
        InputError: As ``read_trajectories``.
    """
    parsed = _parse(given, columns, score_range, options)
    fallback = fallback_name(given)
    if parsed.two_columns or _at_two_steps(parsed.rows, benchmark):
        return two_columns_of(parsed, benchmark=benchmark, score_range=score_range, fallback_name=fallback)
    return _build(
        parsed.rows,
        parsed.places,
        parsed=parsed,
        source=parsed.source,
        fallback_name=fallback,
        benchmark=benchmark,
        score_range=score_range,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )


def read_rows(
    given: object,
    *,
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | None = None,
    options: ReadOptions | None = None,
) -> tuple[TrajectoryRow, ...]:
    """Every row of a file or folder, of whichever benchmark, in the file's order; arguments as ``read_trajectories``.

    Raises:
        InputError: If rows are bad by themselves; repeated rows and score ranges are left to ``to_trajectories``.
    """
    return read_parsed(given, columns=columns, score_range=score_range, options=options).rows


def read_parsed(
    given: object,
    *,
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | None = None,
    options: ReadOptions | None = None,
) -> ParsedRows:
    """The rows as ``read_rows``, with the scores that are missing and the notes.

    Raises:
        InputError: As ``read_rows``.
    """
    parsed = _parse(given, columns, score_range, options)
    if parsed.problems:
        raise together(parsed.problems)
    return parsed


def read_benchmarks(given: object) -> tuple[str, ...]:
    """The benchmarks that a file names, in the order of their first row.

    Raises:
        InputError: If the file cannot be read.
    """
    rows = _parse(given, None, None, None).rows
    return tuple(name for name in dict.fromkeys(row.benchmark for row in rows) if name is not None)


def _at_two_steps(rows: Sequence[TrajectoryRow], benchmark: str | None) -> bool:
    """Whether every model that can be tuned was measured at the same two steps, or at one of them."""
    tuned = [row for row in rows if row.outcome != "untunable"]
    chosen = [row for row in tuned if benchmark is None or row.benchmark in (None, benchmark)]
    return len({row.step for row in chosen}) == 2


def _parse(
    given: object,
    columns: Mapping[str, str] | None,
    score_range: tuple[float, float] | None,
    options: ReadOptions | None,
) -> ParsedRows:
    known = with_columns(options or ReadOptions(), columns)
    if known.score_range is None:
        known = replace(known, score_range=score_range)
    source = given_of(given, known)
    return parse_rows(read_measurements(source, known))


def fallback_name(given: object) -> str:
    """What a benchmark is called that the file does not name."""
    if not isinstance(given, (str, os.PathLike)):
        return "benchmark"
    path = os.fspath(cast("str | os.PathLike[str]", given))
    return "benchmark" if path == STDIN else Path(path).stem


def to_trajectories(
    rows: Sequence[TrajectoryRow],
    *,
    benchmark: str | None = None,
    score_range: tuple[float, float] | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
) -> Trajectories:
    """The trajectories of one benchmark among ``rows``; arguments as for ``read_trajectories``.

    Raises:
        InputError: If the rows do not form trajectories; its ``row`` counts from 1.
    """
    return _build(
        rows,
        range(1, len(rows) + 1),
        parsed=None,
        source="rows",
        fallback_name="benchmark",
        benchmark=benchmark,
        score_range=score_range,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )


def write_trajectories(trajectories: Trajectories | Iterable[TrajectoryRow], path: str | os.PathLike[str]) -> None:
    """Write a trajectories file in the format the suffix of ``path`` names.

    Rows keep their order, optional columns without any value are left out, and the same rows give the same
    bytes. The unit of cost and the score range are not part of the format: give them again when reading.

    Raises:
        InputError: If the suffix is unknown or the file cannot be written.
    """
    rows = _rows_from(trajectories) if isinstance(trajectories, Trajectories) else list(trajectories)
    columns = {name: [getattr(row, name) for row in rows] for name in _COLUMN_ORDER}
    kept = {
        name: values
        for name, values in columns.items()
        if name in REQUIRED or any(value is not None for value in values)
    }
    write_table(path, kept)


def require_auditable(trajectories: Trajectories) -> None:
    """Refuse trajectories that say nothing about gaming; contestants that cannot be tuned do not count.

    Raises:
        InputError: If there are fewer than two models, or no model was measured at two different steps.
    """
    if len(trajectories.models) < 2:
        apart = trajectories.untunable
        not_counted = f", not counting those that cannot be tuned ({', '.join(apart.models)})" if apart else ""
        raise InputError(
            f"an audit needs at least 2 models, got {len(trajectories.models)} "
            f"({', '.join(trajectories.models)}) on {trajectories.benchmark}{not_counted}"
        )
    pairs = {(int(model), float(step)) for model, step in zip(trajectories.model, trajectories.step, strict=True)}
    if len(pairs) == len(trajectories.models):
        raise InputError(
            f"an audit needs at least one model measured at 2 or more steps, got one step per model on "
            f"{trajectories.benchmark}"
        )


def _build(
    rows: Sequence[TrajectoryRow],
    lines: Sequence[Line],
    *,
    parsed: ParsedRows | None,
    source: str,
    fallback_name: str,
    benchmark: str | None,
    score_range: tuple[float, float] | None,
    cost_per_step: float | None,
    cost_unit: str | None,
) -> Trajectories:
    """The trajectories; the complaints about single rows are told together with those about all of them."""
    problems = list(parsed.problems) if parsed else []
    if not rows and problems:
        raise together(problems)
    try:
        name, chosen = choose_benchmark(rows, lines, benchmark, source, fallback_name)
        rows, lines = [rows[at] for at in chosen], [lines[at] for at in chosen]
        in_file = any(row.cost_per_step is not None for row in rows)
        _check_costs(in_file, cost_per_step, cost_unit, source)
        found = Trajectories.from_rows(
            benchmark=name,
            model=[row.model for row in rows],
            step=[row.step for row in rows],
            score=[row.score for row in rows],
            stderr=[row.stderr for row in rows],
            n_items=[row.n_items for row in rows],
            seed=[row.seed for row in rows],
            cost_per_step=[row.cost_per_step for row in rows] if in_file else cost_per_step,
            outcome=[row.outcome for row in rows],
            plan_hash=[row.plan_hash for row in rows],
            cost_unit=cost_unit,
            score_range=score_range or (0.0, 1.0),
            source=source,
            rows=lines,
            notes=parsed.notes if parsed else (),
        )
    except InputError as error:
        raise together([*problems, *with_range_hint(error, score_range).problems]) from None
    if problems:
        raise together(problems)
    return found


def _check_costs(in_file: bool, cost_per_step: float | None, cost_unit: str | None, source: str) -> None:
    if cost_per_step is not None and in_file:
        raise InputError(
            "cost_per_step must be given once, got a column in the file and a number",
            file=source,
            field="cost_per_step",
        )
    if cost_per_step is not None and not (math.isfinite(cost_per_step) and cost_per_step > 0):
        raise InputError(f"cost_per_step must be a number > 0, got {cost_per_step!r}", field="cost_per_step")
    if cost_unit not in (None, "steps") and cost_per_step is None and not in_file:
        raise InputError(
            f"cost_unit must come with a cost per step (a column cost_per_step, or one number), got {cost_unit!r}",
            field="cost_unit",
        )


def _rows_from(trajectories: Trajectories) -> list[TrajectoryRow]:
    """The measurements, then the steps without a score, then the contestants that cannot be tuned."""
    values: list[float] = trajectories.cost_per_step.tolist()
    costs = dict(zip(trajectories.models, values, strict=True))
    if trajectories.cost_unit == "steps" and all(cost == 1.0 for cost in costs.values()):
        costs = {}  # nobody gave a cost, so none is written
    unscored = [
        TrajectoryRow(
            benchmark=trajectories.benchmark,
            model=row.model,
            step=row.step,
            score=None,
            seed=row.seed,
            cost_per_step=costs.get(row.model),
            outcome="diverged",
            plan_hash=row.plan_hash,
        )
        for row in trajectories.unscored
    ]
    apart = [] if trajectories.untunable is None else _scored(trajectories.untunable, {})
    return _scored(trajectories, costs) + unscored + apart


def _scored(trajectories: Trajectories, costs: Mapping[str, float | None]) -> list[TrajectoryRow]:
    owner: list[int] = trajectories.model.tolist()
    names = [trajectories.models[model] for model in owner]
    return [
        TrajectoryRow(
            benchmark=trajectories.benchmark,
            model=name,
            step=float(trajectories.step[at]),
            score=float(trajectories.score[at]),
            stderr=None if np.isnan(trajectories.stderr[at]) else float(trajectories.stderr[at]),
            seed=trajectories.seed[at],
            cost_per_step=costs.get(name),
            outcome=trajectories.outcome[at],
            plan_hash=trajectories.plan_hash[at],
        )
        for at, name in enumerate(names)
    ]
