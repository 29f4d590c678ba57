"""Tables that many leaderboards publish: one score for each model and task, and nothing about tuning."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from headstart.data.columns import Place
from headstart.data.measurements import Measurement, Measurements
from headstart.data.protocol_words import level_column_of
from headstart.data.row_parsing import is_missing
from headstart.data.wide import step_columns
from headstart.errors import InputError
from headstart.io.table import NESTED, VALUE, Cell, Table
from headstart.io.text import suggestion

STEP, STEP_TEXT = 0.0, "0"
"""Every score of such a table is of direct evaluation, which is step 0."""

_OVERALL = re.compile(r"(the )?(average|avg|mean|overall|total|rank|place)( score)?[^a-z]*", re.IGNORECASE)
"""Columns that sum the others up, or order the models: no tasks."""


def leaderboard_measurements(
    table: Table, columns: Mapping[str, str], tasks: Collection[str] | None
) -> Measurements | None:
    """The scores of a table without steps and levels; None where it has them, or is none of the layouts.

    Wide: a column with the model and one column for each task, ``TASK_stderr`` for its standard errors. Long: the
    columns model, benchmark (or task) and score. Nested: ``{task: {model: score}}``.

    Args:
        table: As it stands in the file.
        columns: The file's own name of a field, such as ``{"model": "name"}``.
        tasks: Columns of a wide table that are tasks; every column of numbers, but for averages, when None.

    Raises:
        InputError: If a task that was named is no column.
    """
    if table.nested:
        return _nested(table)
    own = {name.strip().lower(): name for name in table.columns} | {k: v for k, v in columns.items()}
    if "task" in own and "benchmark" not in own:
        own["benchmark"] = own["task"]
    told = any(level_column_of(name) for name in table.columns) or bool(step_columns(table.columns))
    if "model" not in own or told or {"step", "level", "protocol"} & own.keys():
        return None
    if "benchmark" in own and "score" in own:
        return _long(table, own)
    return None if "score" in own else _wide(table, own["model"], tasks)


def _long(table: Table, own: Mapping[str, str]) -> Measurements:
    fields = {name: own[name] for name in ("model", "benchmark", "score", "stderr", "n_items", "seed") if name in own}
    return _measurements(
        table,
        [
            (Place(row=number, fields=fields), {name: row.get(column) for name, column in fields.items()})
            for number, row in table.rows
        ],
        [],
    )


def _wide(table: Table, model: str, tasks: Collection[str] | None) -> Measurements | None:
    others = [name for name in dict.fromkeys(table.columns) if name != model]
    for name in tasks or ():
        if name not in others:
            listed = ", ".join(others)
            raise InputError(
                f"--tasks must name columns of the file ({listed}), got {name!r}{suggestion(name, others)}",
                file=table.source,
                row=table.header,
            )
    errors = {task: f"{task}_stderr" for task in others if f"{task}_stderr" in others}
    named = [name for name in others if name not in errors.values() and (tasks is None or name in tasks)]
    kept = named if tasks is not None else [name for name in named if _numeric(table, name) and not _overall(name)]
    if not kept:
        return None
    rows: list[tuple[Place, dict[str, Cell]]] = []
    for number, row in table.rows:
        for task in kept:
            error = errors.get(task, "stderr")
            place = Place(row=number, fields={"model": model, "benchmark": task, "score": task, "stderr": error})
            cells = {"model": row.get(model), "benchmark": task, "score": row.get(task), "stderr": row.get(error)}
            rows.append((place, cells))
    left = [name for name in others if name not in kept and name not in errors.values()]
    shown = ", ".join(f'"{name}"' for name in left[:20]) + (f" and {len(left) - 20} more" if len(left) > 20 else "")
    return _measurements(table, rows, [f"No tasks: the columns {shown}."] if left else [])


def _numeric(table: Table, name: str) -> bool:
    """Whether a column holds numbers and nothing else."""
    cells = [cell for _, row in table.rows if not is_missing(cell := row.get(name))]
    return bool(cells) and all(_is_number(cell) for cell in cells)


def _is_number(cell: Cell) -> bool:
    if isinstance(cell, str):
        try:
            float(cell)
        except ValueError:
            return False
        return True
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _overall(name: str) -> bool:
    return _OVERALL.fullmatch(name.strip()) is not None


def _nested(table: Table) -> Measurements | None:
    """``{task: {model: score}}``; None for other depths, and where a key says direct, tuned, a score or a step."""
    paths = [tuple(str(row[key]) for key in NESTED if row.get(key) is not None) for _, row in table.rows]
    if any(len(path) != 2 for path in paths):
        return None
    keys = {key for path in paths for key in path}
    if any(level_column_of(key) for key in keys) or {"score", "stderr"} & keys:
        return None
    if step_columns(sorted({path[1] for path in paths})):
        return None
    rows: list[tuple[Place, dict[str, Cell]]] = []
    for (task, model), (_, row) in zip(paths, table.rows, strict=True):
        place = Place(row=None, fields={"model": f"{task}.{model}", "score": f"{task}.{model}"})
        rows.append((place, {"model": model, "benchmark": task, "score": row[VALUE]}))
    return _measurements(table, rows, [])


def _measurements(table: Table, rows: Sequence[tuple[Place, dict[str, Cell]]], notes: Sequence[str]) -> Measurements:
    text = table.text and not table.nested
    return Measurements(
        source=table.source,
        text=text,
        rows=tuple(
            Measurement(place=place, cells={**cells, "step": STEP_TEXT if text else STEP}) for place, cells in rows
        ),
        notes=tuple(notes),
        problems=table.problems,
    )
