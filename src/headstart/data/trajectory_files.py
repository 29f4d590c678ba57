"""Trajectories files: measured scores of several models along tuning, in long form."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from headstart.data.outcomes import as_outcome
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.io.tables import Cell, Table, read_table, write_table
from headstart.io.text import STDIN, check_name, suggestion

REQUIRED = ("model", "step", "score")
OPTIONAL = ("benchmark", "stderr", "n_items", "seed", "cost_per_step", "outcome", "plan_hash")
_COLUMN_ORDER = ("benchmark", *REQUIRED, "stderr", "n_items", "seed", "cost_per_step", "outcome", "plan_hash")


def read_trajectories(
    path: str | os.PathLike[str],
    *,
    benchmark: str | None = None,
    score_range: tuple[float, float] | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
) -> Trajectories:
    """Read the trajectories of one benchmark from a file.

    One model or one checkpoint is read without complaint; ``require_auditable`` refuses what cannot be audited.

    Args:
        path: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``; ``"-"`` is CSV on standard input.
        benchmark: Which benchmark to take; needed when the file holds several.
        score_range: Smallest and largest possible score; [0, 1] when not given.
        cost_per_step: Cost of one step of every model, ``> 0``, for a file without such a column.
        cost_unit: Unit of the costs; needs costs, from the file or from ``cost_per_step``.

    Raises:
        InputError: If the file is bad, naming file, row (line of the file, or row of a Parquet file) and field.
    """
    table = _read(path)
    rows = _rows_of(table)
    return _build(
        rows,
        [row for row, _ in table.rows],
        source=table.source,
        fallback_name="benchmark" if os.fspath(path) == STDIN else Path(path).stem,
        benchmark=benchmark,
        score_range=score_range,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )


def read_rows(path: str | os.PathLike[str]) -> tuple[TrajectoryRow, ...]:
    """Every row of a trajectories file, of whichever benchmark, in the file's order.

    Raises:
        InputError: If a row is bad by itself; repeated rows and score ranges are left to ``to_trajectories``.
    """
    return tuple(_rows_of(_read(path)))


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


def _read(path: str | os.PathLike[str]) -> Table:
    return read_table(path, required=REQUIRED, optional=OPTIONAL)


def _rows_of(table: Table) -> list[TrajectoryRow]:
    rows: list[TrajectoryRow] = []
    for number, cells in table.rows:
        try:
            rows.append(_row(cells, text=table.text))
        except InputError as error:
            raise error.located(file=table.source, row=number) from None
    return rows


def _row(cells: Mapping[str, Cell], *, text: bool) -> TrajectoryRow:
    stderr, n_items, cost = (cells.get(name) for name in ("stderr", "n_items", "cost_per_step"))
    outcome = as_outcome(cells.get("outcome"))
    lost = outcome == "diverged" and cells["score"] is None
    return TrajectoryRow(
        benchmark=_name(cells.get("benchmark"), "benchmark"),
        model=_name(cells["model"], "model") or "",
        step=_number(cells["step"], "step", text),
        score=None if lost else _number(cells["score"], "score", text),
        stderr=None if stderr is None else _number(stderr, "stderr", text),
        n_items=None if n_items is None else _whole(n_items, text),
        seed=_seed(cells.get("seed")),
        cost_per_step=None if cost is None else _number(cost, "cost_per_step", text),
        outcome=outcome,
        plan_hash=_name(cells.get("plan_hash") or None, "plan_hash"),
    )


def _name(cell: Cell, field: str) -> str | None:
    return None if cell is None else check_name(cell, field)


def _seed(cell: Cell) -> str | None:
    """A seed is a label: 1, 1.0 (how some tools write a column with gaps) and "1" are the same one."""
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return _name(cell, "seed")
    return str(int(cell)) if float(cell).is_integer() else repr(cell)


def _number(cell: Cell, field: str, text: bool) -> float:
    # float() also takes "1_000" and digits of other scripts, which no other reader of the file would
    if text and isinstance(cell, str) and cell.isascii() and "_" not in cell:
        try:
            return float(cell)
        except ValueError:
            pass
    elif not text and isinstance(cell, (int, float)) and not isinstance(cell, bool):
        try:
            return float(cell)
        except OverflowError:
            pass
    shown = "nothing" if cell is None else repr(cell)
    raise InputError(f"{field} must be a number, got {shown[:60]}", field=field)


def _whole(cell: Cell, text: bool) -> int:
    value = _number(cell, "n_items", text)
    if not (math.isfinite(value) and value.is_integer()):
        raise InputError(f"n_items must be a positive whole number, got {value!r}", field="n_items")
    return int(value)


def _build(
    rows: Sequence[TrajectoryRow],
    numbers: Sequence[int],
    *,
    source: str,
    fallback_name: str,
    benchmark: str | None,
    score_range: tuple[float, float] | None,
    cost_per_step: float | None,
    cost_unit: str | None,
) -> Trajectories:
    name, chosen = _choose_benchmark(rows, numbers, benchmark, source, fallback_name)
    rows, numbers = [rows[at] for at in chosen], [numbers[at] for at in chosen]
    in_file = any(row.cost_per_step is not None for row in rows)
    _check_costs(in_file, cost_per_step, cost_unit, source)
    try:
        return Trajectories.from_rows(
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
            rows=numbers,
        )
    except InputError as error:
        if error.field != "score" or score_range is not None:
            raise
        hint = f"{error.message}; another range is declared with --score-range"
        raise InputError(hint, file=error.file, row=error.row, field=error.field) from None


def _choose_benchmark(
    rows: Sequence[TrajectoryRow], numbers: Sequence[int], wanted: str | None, source: str, fallback: str
) -> tuple[str, list[int]]:
    """Name of the benchmark and positions of its rows."""
    names = list(dict.fromkeys(row.benchmark for row in rows))
    listed = [name for name in names if name is not None]
    if not listed:
        return wanted or fallback, list(range(len(rows)))
    if None in names:
        at = next(at for at, row in enumerate(rows) if row.benchmark is None)
        raise InputError(
            "benchmark must be named in every row or in none", file=source, row=numbers[at], field="benchmark"
        )
    if wanted is None and len(listed) > 1:
        raise InputError(
            f"holds {len(listed)} benchmarks ({', '.join(listed)}); choose one with --benchmark", file=source
        )
    if wanted is not None and wanted not in listed:
        raise InputError(
            f"benchmark must be one of those in the file ({', '.join(listed)}), got {wanted!r}"
            + suggestion(wanted, listed),
            file=source,
            field="benchmark",
        )
    name = wanted or listed[0]
    return name, [at for at, row in enumerate(rows) if row.benchmark == name]


def _check_costs(in_file: bool, cost_per_step: float | None, cost_unit: str | None, source: str) -> None:
    if cost_per_step is not None and in_file:
        raise InputError(
            "cost_per_step must be given once, got a column in the file and --cost-per-step",
            file=source,
            field="cost_per_step",
        )
    if cost_per_step is not None and not (math.isfinite(cost_per_step) and cost_per_step > 0):
        raise InputError(f"cost_per_step must be a number > 0, got {cost_per_step!r}", field="cost_per_step")
    if cost_unit not in (None, "steps") and cost_per_step is None and not in_file:
        raise InputError(
            f"cost_unit must come with a cost per step (a cost_per_step column or --cost-per-step), got {cost_unit!r}",
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
